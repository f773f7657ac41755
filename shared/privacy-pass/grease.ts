/**
 * A challenge that means nothing, beside those that do, so that clients keep ignoring what they do not know. RFC 9577 §4,
 * PP-7. Drawn anew each day from the key's id: random to look at, and yet the same octets for everybody and on every
 * replica. Dice of their own for each answer would put a mark on who got it.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { concat, Reader, uint64 } from '../bytes.ts'
import type { Offer } from './challenge.ts'
import { greasedTypes } from './types.ts'

const day = 86_400_000

export function dayOf(now: number): number {
  return Math.floor(now / day)
}

/** The offers with a greased one before or behind them; `form` gives the challenge of a type. */
export function greased(
  offers: readonly Offer[],
  form: (type: { readonly id: number }) => Offer['challenge'],
  keyId: Uint8Array,
  today: number,
): Offer[] {
  const drawn = new Reader(sha256(concat(keyId, uint64(today))))
  const id = greasedTypes[drawn.uint16() % greasedTypes.length] ?? greasedTypes[0]
  const grease = { challenge: form({ id }) }
  return drawn.uint8() % 2 === 0 ? [grease, ...offers] : [...offers, grease]
}
