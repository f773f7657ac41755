/**
 * Finds any of many patterns in one pass over any number of octets: a rolling hash of the last 8 octets (Karp and Rabin
 * 1987), a table of bits that says "perhaps", and a comparison. Time does not depend on how many patterns there are.
 */
import { fold, shortestPattern, type Encoding } from './encodings.ts'

/** `pattern` is an index into what the finder was made of. */
export type Found = { readonly pattern: number; readonly offset: number }
export type Finder = (octets: Uint8Array) => Found[]

const window = shortestPattern
const base = 0x01000193
const bits = 24
// What leaves the window has been multiplied this often.
const leaving = Array.from({ length: window }).reduce<number>((power) => Math.imul(power, base), 1)

export function createFinder(patterns: readonly Encoding[]): Finder {
  const perhaps = new Uint8Array(2 ** (bits - 3))
  const byHash = new Map<number, number[]>()
  patterns.forEach(({ pattern }, index) => {
    if (pattern.length < window) throw new TypeError(`a pattern has at least ${window} octets`)
    const hash = hashOf(fold(Buffer.from(pattern.subarray(0, window))))
    const place = hash >>> (32 - bits)
    perhaps[place >>> 3] = (perhaps[place >>> 3] as number) | (1 << (place & 7))
    byHash.set(hash, [...(byHash.get(hash) ?? []), index])
  })
  return (octets) => {
    const raw = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength)
    const low = fold(Buffer.from(raw))
    const found: Found[] = []
    let hash = 0
    for (let at = 0; at < low.length; at++) {
      hash = (Math.imul(hash, base) + (low[at] as number)) | 0
      if (at >= window) hash = (hash - Math.imul(low[at - window] as number, leaving)) | 0
      if (at < window - 1) continue
      const place = hash >>> (32 - bits)
      if (((perhaps[place >>> 3] as number) & (1 << (place & 7))) === 0) continue
      const offset = at - window + 1
      for (const pattern of byHash.get(hash >>> 0) ?? []) {
        if (standsAt(patterns[pattern] as Encoding, raw, low, offset)) found.push({ pattern, offset })
      }
    }
    return found
  }
}

function hashOf(octets: Uint8Array): number {
  return octets.reduce((hash, octet) => (Math.imul(hash, base) + octet) | 0, 0) >>> 0
}

function standsAt({ pattern, exact }: Encoding, raw: Buffer, low: Buffer, offset: number): boolean {
  const end = offset + pattern.length
  return end <= raw.length && pattern.compare(exact ? raw : low, offset, end) === 0
}
