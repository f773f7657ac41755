/**
 * Padding of a Binary HTTP message: zeros after its end, which receivers drop. RFC 9292 §3.8, RFC 9458 §6.2.3,
 * wire.md "Padding". Which sizes there are, shared/shaping/buckets.ts says: a relay may know that and nothing of this room.
 */
import { bucket } from '../shaping/buckets.ts'

export { bucket, buckets, onGrid, padme } from '../shaping/buckets.ts'

/** Zeros to append to a plaintext so that, sealed with `overhead` more octets, it fills its bucket exactly. */
export function paddingFor(plaintextLength: number, overhead: number): number {
  const length = plaintextLength + overhead
  return bucket(length) - length
}
