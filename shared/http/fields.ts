/**
 * Field lines, and which of them an intermediary may pass on. RFC 9110 §5 and §7.6.1, RFC 9113 §8.2.3;
 * the list goes further than the RFC's: nothing that speaks of a connection or of who was on it survives.
 */
import { Refusal } from '../refusal.ts'

/** Name in lower case, value with one character a byte (latin1), as both stand on the wire. */
export type Field = readonly [name: string, value: string]

/** Never passed on, in either direction. `te` is here too: only the one value that is not about a connection survives. */
const dropped = new Set([
  'connection',
  'expect',
  'forwarded',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'true-client-ip',
  'upgrade',
  'via',
  'x-real-ip',
])

/** `:` are pseudo-fields of extensions: they belong to a protocol version that we do not speak onward. */
const droppedPrefixes = [':', 'cf-', 'x-forwarded-']

// RFC 9110 §5.5: control characters may be kept only where no HTTP parser will meet them; the next hop has one.
const controls = /[\u0000-\u0008\u000a-\u001f\u007f]/

/**
 * What may travel on, toward the target or back from it; order and repetition are kept.
 * A value with control characters is refused as `bad-field`: it cannot be written to the next hop as it is.
 */
export function forwardable(fields: readonly Field[]): Field[] {
  const named = new Set(listed(fields, 'connection'))
  const kept: Field[] = []
  for (const field of fields) {
    const [name, value] = field
    if (named.has(name) || (isDropped(name) && !isTrailersOnly(name, value))) continue
    if (controls.test(value)) throw new Refusal('bad-field', 'control character in a value')
    kept.push(field)
  }
  return kept
}

/** `cookie` lines become one, joined by "; ", where HTTP/1.1 follows: it knows no other way. RFC 9113 §8.2.3. */
export function joinCookies(fields: readonly Field[]): Field[] {
  const cookies = fields.filter(([name]) => name === 'cookie').map(([, value]) => value)
  if (cookies.length < 2) return [...fields]
  const first = fields.findIndex(([name]) => name === 'cookie')
  const rest = fields.filter(([name]) => name !== 'cookie')
  return rest.toSpliced(first, 0, ['cookie', cookies.join('; ')])
}

/**
 * The length that the fields declare, if they do. Several equal values count as one (RFC 9110 §8.6);
 * anything else that is not one number is refused, because two readers would cut the message in two places.
 */
export function contentLength(fields: readonly Field[]): number | undefined {
  const values = listed(fields, 'content-length')
  const [length] = values
  if (length === undefined) return undefined
  if (!/^\d{1,15}$/.test(length)) throw new Refusal('bad-field', 'content-length is not a number')
  if (values.some((value) => value !== length)) throw new Refusal('bad-field', 'content-length says two lengths')
  return Number(length)
}

function isDropped(name: string): boolean {
  return dropped.has(name) || droppedPrefixes.some((prefix) => name.startsWith(prefix))
}

function isTrailersOnly(name: string, value: string): boolean {
  return name === 'te' && value.toLowerCase() === 'trailers'
}

/** The members of a comma-separated field over all its lines, in lower case. */
function listed(fields: readonly Field[], wanted: string): string[] {
  const members: string[] = []
  for (const [name, value] of fields) {
    if (name === wanted) for (const member of value.split(',')) members.push(trimmed(member).toLowerCase())
  }
  return members
}

/**
 * Optional whitespace is SP and HTAB only; String.trim would also take U+00A0, which is data in latin1. In steps and not by
 * an expression, which would try each space of a long run anew.
 */
function trimmed(text: string): string {
  let [start, end] = [0, text.length]
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
