/**
 * What an opened request may ask for: a closed map of targets and methods, agreeing Host and Content-Length, no Expect,
 * a Date inside the window. Default deny, no look-ups: an origin that is not in the map is never resolved.
 * RFC 9458 §6.3 and §6.5, RFC 9110 §7.6.1, RFC 9292 §3.6; conformance OHTTP-G16, G19, G22, G26, G27, B-17, B-19, B-20.
 */
import type { RequestHead } from '../shared/bhttp/message.ts'
import { contentLength, forwardable, joinCookies, type Field } from '../shared/http/fields.ts'
import { Refusal } from '../shared/refusal.ts'

export type ScreenOptions = {
  /** origins, `https://authority`, as `originOf` writes them; all of them are apps of the attested CVM, or CVMs (`sealed`) */
  readonly targets: { has(origin: string): boolean }
  readonly methods: ReadonlySet<string>
  /** how far a Date may be from ours, ms */
  readonly window: number
}

export type Screened = {
  readonly method: string
  readonly path: string
  /** for the CVM: Host from the authority, nothing else added */
  readonly headers: readonly Field[]
  /** what the request said its content has, octets */
  readonly contentLength: number | undefined
  readonly dated: boolean
}

export const defaultMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

export function screen(head: RequestHead, { targets, methods, window }: ScreenOptions, now: number): Screened {
  const { method, path, headers } = head
  if (!methods.has(method)) throw new Refusal('method-not-allowed', 'method outside the list')
  const { hosts, expectations, dates } = looked(headers)
  const authority = authorityOf(head.authority, hosts)
  if (expectations > 0) throw new Refusal('expectation', 'Expect inside the encapsulation')
  if (!targets.has(originOf(head.scheme, authority))) throw new Refusal('target-not-allowed', 'outside the allow-list')
  // "OPTIONS *" is about a server, and the server between us is not the one that was asked.
  if (!path.startsWith('/')) throw new Refusal('bad-control-data', 'not a path')
  const date = dateOf(dates)
  if (date !== undefined && Math.abs(date - now) > window)
    throw new Refusal('date-outside-window', 'Date is too far off')
  return {
    method,
    path,
    headers: [['host', authority], ...kept(headers)],
    contentLength: contentLength(headers),
    dated: date !== undefined,
  }
}

/** One spelling for one origin: lower case, no default port. */
export function originOf(scheme: string, authority: string): string {
  const host = authority.toLowerCase()
  return `${scheme.toLowerCase()}://${scheme.toLowerCase() === 'https' ? host.replace(/:443$/, '') : host}`
}

/** Refuses a content that is not as long as was said: behind us HTTP/1.1 would read the rest as another request (B-19). */
export function agree(said: number | undefined, length: number): void {
  if (said !== undefined && said !== length) {
    throw new Refusal('bad-framing', 'Content-Length disagrees with the content')
  }
}

type Looked = { readonly hosts: string[]; readonly dates: string[]; readonly expectations: number }

/** What the screen asks of the fields, in one pass: this runs for every request. */
function looked(headers: readonly Field[]): Looked {
  const hosts: string[] = []
  const dates: string[] = []
  let expectations = 0
  for (const [name, value] of headers) {
    if (name === 'host') hosts.push(value)
    else if (name === 'date') dates.push(value)
    else if (name === 'expect') expectations += 1
  }
  return { hosts, dates, expectations }
}

// RFC 9292 §3.4 lets the authority be empty and Host carry it; we ask for the authority, and for one answer (B-20).
function authorityOf(given: string, hosts: readonly string[]): string {
  const authority = given.toLowerCase()
  if (authority === '') throw new Refusal('bad-authority', 'no authority')
  if (hosts.length > 1 || hosts.some((host) => host.toLowerCase() !== authority)) {
    throw new Refusal('bad-authority', 'Host disagrees with the authority')
  }
  return authority
}

function dateOf([date, ...others]: readonly string[]): number | undefined {
  if (date === undefined) return undefined
  const time = others.length > 0 ? undefined : fixdate(date)
  if (time === undefined) throw new Refusal('date-outside-window', 'Date is not one IMF-fixdate')
  return time
}

// Our clients truncate Date to the minute, so most requests say the same: the last one is remembered.
let lastDate = { text: '', time: 0 }

// IMF-fixdate alone (RFC 9110 §5.6.7 has two older forms): the only one that comes out as it went in.
function fixdate(text: string): number | undefined {
  if (text === lastDate.text && text !== '') return lastDate.time
  const time = Date.parse(text)
  if (Number.isNaN(time)) return undefined
  // Text of our own: what came is a slice of the whole header section, and would keep that in memory.
  const own = new Date(time).toUTCString()
  if (own !== text) return undefined
  lastDate = { text: own, time }
  return time
}

// Besides what nobody forwards: framing is the next hop's, Host was written anew, and HTTP/1.1 has one Cookie line.
function kept(headers: readonly Field[]): Field[] {
  return joinCookies(forwardable(headers).filter(([name]) => name !== 'content-length' && name !== 'te'))
}
