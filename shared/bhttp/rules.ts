/**
 * What HTTP allows in control data and field lines. RFC 9292 §3.4-3.6, RFC 9110 §5.1 and §5.5, RFC 9113 §8.2.1 and §8.3.1.
 * One set of checks for both directions: decoding throws their Refusal, encoding turns it into a TypeError.
 */
import type { Field } from '../http/fields.ts'
import { Refusal } from '../refusal.ts'
import type { RequestControl } from './message.ts'

export type Section = 'header' | 'trailer'

const token = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/
const fieldName = /^:?[!#$%&'*+\-.^_`|~\dA-Za-z]+$/
const badValue = /[\0\r\n]|^[ \t]|[ \t]$/
const scheme = /^[A-Za-z][\dA-Za-z+\-.]*$/

// RFC 3986 §3.2.2-3.2.3, without user information (RFC 9113 §8.3.1): `allowed.example@evil.example` goes to evil.example.
const authority =
  /^(\[([\dA-Fa-f:.]+|v[\dA-Fa-f]+\.[\w.~!$&'()*+,;=:-]+)\]|([\w.~!$&'()*+,;=-]|%[\dA-Fa-f]{2})+)(:\d*)?$/

// Visible ASCII as URL serializers write it, so more than RFC 3986 has; but no fragment, nothing that ends a request line,
// and no backslash before the query: some parsers take it for a slash, and "/\evil.example" for an authority.
const path = /^\/[!$-;=@-[\]-~]*(\?[!$-;=?-~]*)?$/

/** Already control data, therefore never a field. RFC 9292 §3.6. */
const controlNames = new Set([':method', ':scheme', ':authority', ':path', ':status'])

export function checkRequestControl(control: RequestControl): void {
  if (!token.test(control.method)) throw new Refusal('bad-control-data', 'method is not a token')
  if (control.authority !== '' && !authority.test(control.authority)) {
    throw new Refusal('bad-authority', 'authority is not host and port')
  }
  // RFC 9113 §8.5: a plain CONNECT names an authority and nothing else. It can be represented (RFC 9292 §6), never served.
  if (control.method === 'CONNECT' && control.scheme === '' && control.path === '') {
    if (control.authority === '') throw new Refusal('bad-authority', 'CONNECT without authority')
    return
  }
  if (!scheme.test(control.scheme)) throw new Refusal('bad-control-data', 'scheme is not a scheme')
  if (!isPath(control)) throw new Refusal('bad-control-data', 'path is not an absolute path')
}

function isPath({ method, scheme, path: value }: RequestControl): boolean {
  if (value === '*') return method === 'OPTIONS'
  // RFC 9113 §8.3.1 demands a path of "http" and "https" only.
  if (value === '') return !['http', 'https'].includes(scheme.toLowerCase())
  return path.test(value)
}

export function isInformational(status: number): boolean {
  return status >= 100 && status <= 199
}

export function checkStatus(status: number): void {
  const possible = Number.isInteger(status) && status >= 100 && status <= 599
  if (!possible) throw new Refusal('bad-control-data', 'status outside 100 to 599')
}

/** Adds one line to a section that keeps the rules so far. The name goes in in lower case. */
export function addField(lines: Field[], section: Section, name: string, value: string): void {
  if (!fieldName.test(name)) throw new Refusal('bad-field', 'name is not a token')
  if (badValue.test(value)) throw new Refusal('bad-field', 'value with CR, LF, NUL or outer whitespace')
  // Only ASCII is left here, so lower case is what RFC 9110 §5.1 means by it.
  const lower = name.toLowerCase()
  if (lower.startsWith(':')) checkPseudoField(lines, section, lower)
  lines.push([lower, value])
}

function checkPseudoField(lines: readonly Field[], section: Section, name: string): void {
  if (controlNames.has(name)) throw new Refusal('bad-field', 'control data as a field')
  if (section === 'trailer') throw new Refusal('bad-field', 'pseudo-field in trailers')
  const last = lines.at(-1)
  if (last !== undefined && !last[0].startsWith(':')) throw new Refusal('bad-field', 'pseudo-field after a field')
}
