/** What is looked at in a request's head before anybody is asked, in either version of HTTP. RFC 9112 §3.2, RFC 9113 §8.3.1. */
import { line } from '../http/outer.ts'

type Limits = { readonly fields: number; readonly headerSection: number }

/**
 * RFC 9112 §3.2: no host, or more than one line of it, is a 400, whatever the version. In HTTP/2 the authority is the host,
 * and a line of it besides must say the same (RFC 9113 §8.3.1).
 */
export function namesOneHost(raw: readonly string[]): boolean {
  const authority = line(raw, ':authority')
  let hosts = 0
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? ''
    if (name.length !== 4 || name.toLowerCase() !== 'host') continue
    hosts++
    if (authority !== undefined && raw[at + 1] !== authority) return false
  }
  return authority === undefined ? hosts === 1 : hosts <= 1
}

/**
 * The parser of HTTP/1.1 has counted the octets. In HTTP/2 a peer that has not taken note of our settings is not held to
 * them; and what it says in place of a request line is no field. RFC 9113 §6.5.2, §6.5.3.
 */
export function isCrowded(raw: readonly string[], { fields, headerSection }: Limits): boolean {
  let before = 0
  while (raw[2 * before]?.startsWith(':') === true) before++
  if (raw.length / 2 - before > fields) return true
  return before > 0 && raw.reduce((octets, text) => octets + text.length + 16, 0) > headerSection
}
