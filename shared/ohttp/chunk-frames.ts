/**
 * The framing of chunked messages, apart from any cryptography: a length and that many bytes, over and over; at
 * last a zero and everything up to the end of the content. draft-ietf-ohai-chunked-ohttp-08 §4, §5.
 */
import type { Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import type { Arrivals } from './arrivals.ts'

/** What goes in front of a sealed chunk. */
export function chunkPrefix(sealedLength: number): Bytes {
  return varint(sealedLength)
}

/** What goes in front of the final chunk, whatever its length. */
export const finalPrefix = varint(0)

/** Reads sealed chunks off what has arrived. Lengths are not authenticated, so every encoding of them is good (§6). */
export class FrameReader {
  readonly #from: Arrivals
  readonly #largest: number
  #length: number | undefined
  #final = false

  /** `largest` bounds a sealed chunk, tag included; it is judged by the length prefix, before anything is kept. */
  constructor(from: Arrivals, largest: number) {
    this.#from = from
    this.#largest = largest
  }

  /** The next non-final chunk that is complete. */
  next(): Bytes | undefined {
    if (!this.#final) this.#length ??= this.#readLength()
    if (this.#final) this.#bound(this.#from.length)
    const chunk = this.#length === undefined ? undefined : this.#from.take(this.#length)
    if (chunk) this.#length = undefined
    return chunk
  }

  /** The final chunk, once the content has ended. Content that ended anywhere else is cut short (§7.1). */
  final(): Bytes {
    if (!this.#final) throw new Refusal('incomplete', 'the content ended before the final chunk')
    return this.#from.take(this.#from.length) ?? new Uint8Array()
  }

  #readLength(): number | undefined {
    const length = readVarint(this.#from)
    if (length === undefined) return undefined
    this.#bound(length)
    this.#final = length === 0
    return length === 0 ? undefined : length
  }

  #bound(length: number): void {
    const limit = this.#largest
    if (length > limit) throw new Refusal('chunk-too-large', `${length} bytes in one chunk`, { limit })
  }
}

/** RFC 9000 §16, in the shortest form. */
function varint(value: number): Bytes {
  if (value < 0x40) return Uint8Array.of(value)
  const out = new Uint8Array(value < 0x4000 ? 2 : 4)
  const view = new DataView(out.buffer)
  if (out.length === 2) view.setUint16(0, 0x4000 | value)
  else view.setUint32(0, 0x8000_0000 + value)
  return out
}

function readVarint(from: Arrivals): number | undefined {
  const first = from.peek()
  if (first === undefined) return undefined
  const bytes = from.take(1 << (first >> 6))
  // Eight bytes lose precision here, but only far above every limit.
  return bytes?.reduce((value, byte, i) => (i === 0 ? byte & 0x3f : value * 256 + byte), 0)
}
