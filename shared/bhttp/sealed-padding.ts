/**
 * Sizes of the inner messages of a sealed exchange: a bucket less what the outer layer needs, so that the outer message
 * fills the bucket that the inner one was made for. trust.md 5.
 */
import { bucket } from './padding.ts'

/**
 * Octets. Outer head, framing and encapsulation fit in here with every KEM but X-Wing, whose output alone is larger, and
 * with up to about a dozen chunks; where they do not, the outer message takes the next size, for everybody alike.
 */
export const outerRoom = 512

/** What an inner encapsulated message of `length` octets is brought to. */
export function innerBucket(length: number): number {
  return bucket(length + outerRoom) - outerRoom
}

/** Zeros to append to a plaintext so that, sealed with `overhead` more octets, it fills its inner bucket. */
export function innerPaddingFor(plaintextLength: number, overhead: number): number {
  const length = plaintextLength + overhead
  return innerBucket(length) - length
}
