/**
 * How much of a chunked request must be here before its first chunk can be opened in one step. Read from what is in the
 * clear alone: hdr, enc, and the first length. draft-ietf-ohai-chunked-ohttp-08 §4.
 */
import { kemOf } from '../hpke/suites.ts'
import { chunkSize } from './chunk-rules.ts'
import { headerLength } from './labels.ts'

/** What a sealed chunk adds to its plaintext: the tag, 16 octets for each AEAD of ours. */
const tagLength = 16
const largest = chunkSize + tagLength

/**
 * Octets from the beginning, as far as `start` tells: ask again once they are here. What opening will refuse anyway needs
 * no more than there is; a final chunk has no length and ends with the content, at most one octet beyond the largest.
 */
export function neededToOpen(start: Uint8Array): number {
  if (start.length < headerLength) return headerLength
  const kem = kemOf(number(start.subarray(1, 3)))
  if (kem === undefined) return start.length
  const at = headerLength + kem.encLength
  const first = start[at]
  if (first === undefined) return at + 1
  const frame = at + (1 << (first >> 6))
  if (start.length < frame) return frame
  const length = number(Uint8Array.of(first & 0x3f, ...start.subarray(at + 1, frame)))
  if (length === 0) return frame + largest + 1
  return length > largest ? start.length : frame + length
}

function number(bytes: Uint8Array): number {
  return bytes.reduce((value, byte) => value * 256 + byte, 0)
}
