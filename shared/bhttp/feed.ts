/**
 * Bytes as they arrive. What a part needs is taken when all of it is here; until then only received bytes are kept,
 * never room for announced ones.
 */
import type { Bytes } from '../bytes.ts'
import { varintAt, varintSize } from './varint.ts'

const nothing: Bytes = new Uint8Array(0)

export class Feed {
  #bytes = nothing
  #at = 0
  #end = 0
  #ours = true
  #ended = false

  get waiting(): number {
    return this.#end - this.#at
  }

  get ended(): boolean {
    return this.#ended
  }

  /** `piece` is looked at in place; `keep` must be called before its owner may change it. */
  push(piece: Uint8Array): void {
    if (this.waiting > 0) {
      this.#append(piece)
      return
    }
    this.#bytes = piece as Bytes
    this.#at = 0
    this.#end = piece.length
    this.#ours = false
  }

  end(): void {
    this.#ended = true
  }

  /** Copies what is left of the last piece, so that the piece belongs to its owner again. */
  keep(): void {
    if (this.#ours) return
    this.#bytes = this.#bytes.slice(this.#at, this.#end)
    this.#at = 0
    this.#end = this.#bytes.length
    this.#ours = true
  }

  /** Exactly `length` bytes, or undefined as long as they are not all here. Never overwritten later. */
  take(length: number): Bytes | undefined {
    if (length > this.waiting) return undefined
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  /** What is here, up to `most` bytes. */
  some(most: number): Bytes {
    const length = Math.min(most, this.waiting)
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  varint(): bigint | undefined {
    const size = varintSize(this.#bytes[this.#at] ?? 0)
    if (size > this.waiting) return undefined
    this.#at += size
    return varintAt(this.#bytes, this.#at - size)
  }

  /** Room doubles, so that a thousand single bytes cost as much as one piece of a thousand. */
  #append(piece: Uint8Array): void {
    const needed = this.#end + piece.length
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.waiting + piece.length, 2 * this.waiting))
      grown.set(this.#bytes.subarray(this.#at, this.#end))
      this.#end = this.waiting
      this.#at = 0
      this.#bytes = grown
    }
    this.#bytes.set(piece, this.#end)
    this.#end += piece.length
  }
}
