/** Writes a message in wire order into one buffer that grows. RFC 9292 §3. */
import type { Bytes } from '../bytes.ts'
import { varint } from './varint.ts'

export class Writer {
  #bytes: Bytes
  #length = 0

  /** `room` is a guess at the size; a good one saves copying. */
  constructor(room = 512) {
    this.#bytes = new Uint8Array(room)
  }

  get length(): number {
    return this.#length
  }

  get written(): Bytes {
    return this.#bytes.subarray(0, this.#length)
  }

  /** The common sizes go straight in: the longer ones are rare enough to make an array for. */
  varint(value: number): void {
    if (value >= 0 && value < 0x40) this.#byte(value)
    else if (value >= 0x40 && value < 0x4000) this.#two(0x4000 | value)
    else this.bytes(varint(value))
  }

  bytes(bytes: Uint8Array): void {
    const start = this.#advance(bytes.length)
    this.#bytes.set(bytes, start)
  }

  /** One byte a character; there is no other reading of a field value (RFC 9110 §5.5), so nothing is replaced. */
  text(text: string): void {
    const start = this.#advance(text.length)
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      if (unit > 0xff) throw new TypeError('text is outside latin1')
      this.#bytes[start + i] = unit
    }
  }

  prefixedText(text: string): void {
    this.varint(text.length)
    this.text(text)
  }

  prefixed(bytes: Uint8Array): void {
    this.varint(bytes.length)
    this.bytes(bytes)
  }

  zeros(count: number): void {
    this.#advance(count)
  }

  #byte(value: number): void {
    const start = this.#advance(1)
    this.#bytes[start] = value
  }

  #two(value: number): void {
    const start = this.#advance(2)
    this.#bytes[start] = value >> 8
    this.#bytes[start + 1] = value
  }

  #advance(length: number): number {
    const start = this.#length
    const needed = start + length
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length))
      grown.set(this.written)
      this.#bytes = grown
    }
    this.#length = needed
    return start
  }
}
