/**
 * Whether a chunked answer is cells, from the lengths that stand in the clear: a nonce, then chunks of one length, and after
 * a power of two of them the end. Whoever carries it can ask this and open nothing, so that a gateway cannot mark a stream
 * by its sizes (privacy.md G08). draft-ietf-ohai-chunked-ohttp-08 §5, wire.md "Cells".
 */
import { concat, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { powerOfTwo } from './buckets.ts'
import { cellOnWire, cellPrefix } from './grid.ts'

/** Octets of the nonce that an answer begins with, by the AEAD of its request: the longer of Nk and Nn (RFC 9180 §7.3). */
const nonces: Readonly<Record<number, number>> = { 1: 16, 2: 32, 3: 32 }

/** Where the AEAD stands in front of a request: after key id, KEM and KDF (RFC 9458 §4.3). */
const aeadAt = 5

/** The nonce's length, as the head of the encapsulated request has it; undefined for what is none of ours. */
export function nonceOfAnswer(request: Uint8Array): number | undefined {
  const [high, low] = request.subarray(aeadAt, aeadAt + 2)
  return high === undefined || low === undefined ? undefined : nonces[high * 256 + low]
}

/** Octets for one write: a cell as it came; the nonce is in front of the first. */
export type SealedCell = { readonly octets: Bytes; readonly final: boolean }

export class CellGrid {
  /** octets of the nonce, until the first cell has taken it along */
  #nonce: number
  #parts: Uint8Array[] = []
  #length = 0
  #count = 0
  #ended = false

  constructor(nonce: number) {
    this.#nonce = nonce
  }

  /** The cells that these octets complete. Refuses `off-grid`; after that nothing more may come. */
  push(octets: Uint8Array): SealedCell[] {
    this.#parts.push(octets)
    this.#length += octets.length
    this.#expect(octets.length)
    if (this.#length < this.#nonce + cellOnWire) return []
    const all = concat(...this.#parts)
    const cells: SealedCell[] = []
    let at = 0
    for (let end = this.#nonce + cellOnWire; end <= all.length; end = at + cellOnWire) {
      cells.push(this.#cell(all.subarray(at, end)))
      at = end
    }
    this.#parts = at < all.length ? [all.slice(at)] : []
    this.#length = all.length - at
    this.#expect(this.#length)
    return cells
  }

  /** The content has ended. Refuses `off-grid` if that is not where cells end. */
  end(): void {
    if (!this.#ended) throw offGrid('no last cell')
  }

  #expect(octets: number): void {
    if (this.#ended && octets > 0) throw offGrid('octets after the last cell')
  }

  #cell(octets: Bytes): SealedCell {
    this.#expect(octets.length)
    const [first, second] = octets.subarray(this.#nonce)
    this.#nonce = 0
    this.#count += 1
    const final = first === 0
    if (!final && (first !== cellPrefix[0] || second !== cellPrefix[1])) throw offGrid('a chunk of another length')
    if (final && powerOfTwo(this.#count) !== this.#count) throw offGrid(`an end after ${this.#count} cells`)
    this.#ended = final
    return { octets, final }
  }
}

function offGrid(why: string): Refusal {
  return new Refusal('off-grid', why)
}
