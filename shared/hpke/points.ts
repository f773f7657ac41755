/** What the encoding of a public key or encapsulated secret must look like before any backend sees it. RFC 9180 §7.1.4. */
import type { Kem } from './suites.ts'

const uncompressed = 0x04

/**
 * Whether the encoding is the KEM's own; whether the point is good, only the KEM can say. P-256 is checked here because
 * libraries also take SEC 1's hybrid and compressed forms, which RFC 9180 does not know.
 */
export function wellFormed(kem: Kem, encoded: Uint8Array, length: number): boolean {
  if (encoded.length !== length) return false
  return kem.name !== 'P-256' || encoded[0] === uncompressed
}
