/**
 * The ways in which a value may be written down by software that did not mean to: plain, escaped, encoded, hashed.
 * privacy.md 2.3. An unsalted hash counts as the value: an address behind one is found again in 2^32 tries.
 */
import { createHash } from 'node:crypto'
import { blake3 } from '@noble/hashes/blake3.js'
import { addressForms } from './addresses.ts'
import type { Canary } from './canaries.ts'

/** `exact`: capital and small letters differ, as in base64. */
export type Encoding = { readonly name: string; readonly pattern: Buffer; readonly exact: boolean }

/** Whatever is shorter is met by chance. */
export const shortestPattern = 8

/** Every encoding of one canary that is long enough to be told from chance, without repetitions. */
export function encodingsOf(canary: Canary): Encoding[] {
  const long = allOf(canary).filter(({ pattern }) => pattern.length >= shortestPattern)
  // The plain name stays where several encodings are the same.
  return [...new Map(long.reverse().map((each) => [each.pattern.toString('latin1'), each])).values()].reverse()
}

function allOf({ kind, value }: Canary): Encoding[] {
  if (kind === 'octets') return octetForms(Buffer.from(value, 'hex'))
  const octets = Buffer.from(value)
  return [
    ...texts(value, octets),
    ...base64Forms(octets),
    ...digests(octets),
    ...(kind === 'ip4' || kind === 'ip6' ? addressForms(kind, value) : []).map(([name, text]) => folded(name, text)),
  ]
}

function octetForms(octets: Buffer): Encoding[] {
  const forms = [exact('octets', octets), folded('hex', octets.toString('hex')), folded('list', [...octets].join(','))]
  return [...forms, ...base64Forms(octets), ...digests(octets)]
}

function texts(value: string, octets: Buffer): Encoding[] {
  const units = Array.from({ length: value.length }, (_, at) => value.charCodeAt(at))
  const each = (write: (unit: number) => string): string => units.map(write).join('')
  return [
    folded('raw', value),
    folded('hex', octets.toString('hex')),
    folded('reversed', Buffer.from(octets).reverse()),
    folded('utf-16le', Buffer.from(value, 'utf16le')),
    folded('utf-16be', Buffer.from(value, 'utf16le').swap16()),
    folded('percent', encodeURIComponent(value)),
    folded('percent, every octet', [...octets].map((octet) => `%${hexOf(octet, 2)}`).join('')),
    folded('json', JSON.stringify(value).slice(1, -1)),
    folded(
      'json escapes',
      each((unit) => `\\u${hexOf(unit, 4)}`),
    ),
    folded(
      'html',
      each((unit) => `&#${String(unit)};`),
    ),
    folded(
      'html, hex',
      each((unit) => `&#x${unit.toString(16)};`),
    ),
    folded('octets in a list', [...octets].join(',')),
  ]
}

/** The characters that depend on this value alone, at each of the three places it can have in a longer text. */
function base64Forms(octets: Buffer): Encoding[] {
  return [0, 1, 2].flatMap((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), octets])
      .toString('base64')
      .replace(/=+$/, '')
    const certain = text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + octets.length) * 8) / 6))
    return [exact('base64', certain), exact('base64url', certain.replaceAll('+', '-').replaceAll('/', '_'))]
  })
}

const hashes = ['md5', 'sha1', 'sha256', 'sha512'] as const

/** The first 8 hex digits of a digest stand for it however much of it was kept; so do its first 9 octets in base64. */
function digests(octets: Buffer): Encoding[] {
  const made: [string, Buffer][] = hashes.map((name) => [name, createHash(name).update(octets).digest()])
  made.push(['blake3', Buffer.from(blake3(octets))])
  return made.flatMap(([name, digest]) => [
    folded(`${name}, hex`, digest.toString('hex', 0, 4)),
    exact(`${name}, base64`, digest.toString('base64', 0, 9)),
    exact(`${name}, base64url`, digest.toString('base64url', 0, 9)),
    exact(`${name}, octets`, digest.subarray(0, 8)),
  ])
}

function folded(name: string, pattern: string | Buffer): Encoding {
  return { name, pattern: fold(Buffer.from(pattern)), exact: false }
}

function exact(name: string, pattern: string | Buffer): Encoding {
  return { name, pattern: Buffer.from(pattern), exact: true }
}

/** ASCII alone, in place: the octets of other scripts must not be taken for accented letters. */
export function fold(octets: Buffer): Buffer {
  for (let at = 0; at < octets.length; at++) {
    const octet = octets[at] as number
    if (octet >= 0x41 && octet <= 0x5a) octets[at] = octet + 0x20
  }
  return octets
}

function hexOf(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}
