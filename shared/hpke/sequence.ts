/** Nonces that count: base XOR the big-endian sequence number. RFC 9180 §5.2, and the same in draft -08 §6.2. */
import type { Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'

const word = 0x1_0000_0000

export class NonceSequence {
  readonly #base: Bytes
  #next: number

  constructor(base: Bytes, start = 0) {
    this.#base = base
    this.#next = start
  }

  /** The nonce for the current number; for number 0 it is the base itself. */
  nonce(): Bytes {
    // The standards stop below 256^Nn. We stop where a double stops counting exactly, which is far earlier.
    if (this.#next > Number.MAX_SAFE_INTEGER - 1) throw new Refusal('exhausted', 'no sequence number is left')
    if (this.#next === 0) return this.#base
    const nonce = this.#base.slice()
    const view = new DataView(nonce.buffer)
    const low = nonce.length - 4
    view.setUint32(low, view.getUint32(low) ^ (this.#next % word))
    view.setUint32(low - 4, view.getUint32(low - 4) ^ Math.floor(this.#next / word))
    return nonce
  }

  advance(): void {
    this.#next += 1
  }

  /** For sealing: taken and counted in one step, so that no failure and no concurrency can use a nonce twice. */
  take(): Bytes {
    const nonce = this.nonce()
    this.advance()
    return nonce
  }
}
