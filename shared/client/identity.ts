/**
 * What of a message's fields passes the seal. The gateway and the application never learn who asks, so fields that
 * name software or people stay outside unless the caller lets them through by name. RFC 9458 §6.1, privacy.md 4.6.
 */
import { forwardable, type Field } from '../http/fields.ts'

/** Fields that describe the content itself. Everything else is dropped: SDKs invent new ones faster than a list can name. */
const described = new Set(['accept', 'content-type', 'content-encoding'])

/** Written by us, or without meaning inside a sealed message; naming one in `keep` is a mistake. */
const ours = ['connection', 'content-length', 'date', 'expect', 'host', 'incremental', 'keep-alive', 'te', 'trailer']
const hopByHop = ['proxy-authorization', 'proxy-connection', 'transfer-encoding', 'upgrade']

/** Answer fields that ask a client to remember something: there is no place here to remember it. */
const memories = new Set([
  'accept-ch',
  'alt-svc',
  'clear-site-data',
  'etag',
  'last-modified',
  'nel',
  'refresh',
  'report-to',
  'reporting-endpoints',
  'set-cookie',
  'set-cookie2',
  'strict-transport-security',
])

/** The caller's list of names, checked once at the start. */
export function keepList(names: readonly string[]): ReadonlySet<string> {
  const keep = new Set(names.map((name) => name.toLowerCase()))
  for (const name of [...ours, ...hopByHop]) {
    if (keep.has(name)) throw new TypeError(`keep: \`${name}\` cannot be let through`)
  }
  return keep
}

/** A Headers object lists its names in lower case and in order, so the same fields always look the same. */
export function keptFields(headers: Headers, keep: ReadonlySet<string>): Field[] {
  return [...headers].filter(([name]) => described.has(name) || keep.has(name))
}

/** What an application gets to see of the answer's fields. */
export function answerHeaders(fields: readonly Field[], keep: ReadonlySet<string>): Headers {
  const headers = new Headers()
  for (const [name, value] of forwardable(fields)) {
    if (!memories.has(name) || keep.has(name)) headers.append(name, value)
  }
  return headers
}
