/** Pieces of content joined into one. A single piece is not copied; many small ones share room that doubles. */
import type { Bytes } from '../bytes.ts'

const nothing: Bytes = new Uint8Array(0)

export class Pieces {
  #room = nothing
  #length = 0

  add(piece: Bytes): void {
    if (this.#length === 0) {
      this.#room = piece
      this.#length = piece.length
      return
    }
    const needed = this.#length + piece.length
    if (needed > this.#room.length) this.#grow(needed)
    this.#room.set(piece, this.#length)
    this.#length = needed
  }

  take(): Bytes {
    const all = this.#room.subarray(0, this.#length)
    this.#room = nothing
    this.#length = 0
    return all
  }

  /** The first piece has no spare room, so the second one always comes through here and someone else's bytes stay whole. */
  #grow(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, 2 * this.#length))
    grown.set(this.#room)
    this.#room = grown
  }
}
