/** Bytes that arrive in any pieces, handed out in the pieces that a format wants. */
import { concat, type Bytes } from '../bytes.ts'

// Somebody who sends single bytes makes us hold a view for each; above this many they are joined.
const partsHeld = 64

export class Arrivals {
  #parts: Bytes[] = []
  #length = 0

  get length(): number {
    return this.#length
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    if (this.#parts.length === partsHeld) this.#parts = [concat(...this.#parts)]
    this.#parts.push(bytes as Bytes)
    this.#length += bytes.length
  }

  /** Takes the last part over from whoever pushed it: he may use its memory again, and we hold no more of it than is left. */
  settle(): void {
    const last = this.#parts.pop()
    if (last) this.#parts.push(last.slice())
  }

  /** The next byte, left where it is. */
  peek(): number | undefined {
    return this.#parts[0]?.[0]
  }

  /** The next `length` bytes as soon as all of them are here; copied only if they came in several pieces. */
  take(length: number): Bytes | undefined {
    if (length > this.#length) return undefined
    this.#length -= length
    const first = this.#piece(length)
    if (first.length === length) return first
    const pieces = [first]
    for (let missing = length - first.length; missing > 0;) {
      const piece = this.#piece(missing)
      pieces.push(piece)
      missing -= piece.length
    }
    return concat(...pieces)
  }

  /** At most `length` bytes from the oldest part. */
  #piece(length: number): Bytes {
    const [part = new Uint8Array()] = this.#parts
    if (part.length <= length) this.#parts.shift()
    else this.#parts[0] = part.subarray(length)
    return part.subarray(0, length)
  }
}
