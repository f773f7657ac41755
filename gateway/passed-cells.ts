/**
 * Cells that the CVM has made (`sealed`), each sealed once more as it comes: one inner chunk, one outer chunk, all of them
 * of the size that cells have. The clock is the CVM's. What is no cell is not passed on. wire.md "Cells", trust.md 5.
 */
import { encodeContent, encodeEnd, encodeResponseHead } from '../shared/bhttp/encode.ts'
import type { ResponseHead } from '../shared/bhttp/message.ts'
import { concat, type Bytes } from '../shared/bytes.ts'
import { cellSize, innerFinalOnWire, innerOnWire } from '../shared/shaping/grid.ts'
import type { CvmResponse } from './attested-cvm.ts'
import { CellReply, type CellOptions } from './cell-reply.ts'
import { ChunkSink } from './chunk-sink.ts'
import { CvmFailure } from './cvm-failure.ts'
import { passedOn, writable } from './from-cvm.ts'
import type { Reply, StreamReply } from './opened.ts'
import type { Refused } from './refused.ts'
import type { Outcome } from './vocabulary.ts'

/** `options` are for what the gateway says itself: its refusals. The answers' body must be of `wholeChunks`, nonce apart. */
export function passingCells(options: CellOptions): StreamReply {
  return (sealer, opening) => {
    const sink = new ChunkSink(sealer, opening)
    return new PassedCells(sink, new CellReply(sink, opening, options))
  }
}

class PassedCells implements Reply {
  readonly #sink: ChunkSink
  readonly #own: CellReply

  constructor(sink: ChunkSink, own: CellReply) {
    this.#sink = sink
    this.#own = own
  }

  get response(): Response | Promise<Response> {
    return this.#sink.response
  }

  get signal(): AbortSignal {
    return this.#sink.signal
  }

  async seal({ status, headers, body }: CvmResponse): Promise<Outcome> {
    for await (const piece of body) {
      if (!this.#sink.begun) this.#sink.send(writable(() => headCell({ status, headers: passedOn(headers) }, piece)))
      else this.#pass(piece)
      if (!this.#sink.hasRoom) await this.#sink.room()
      if (this.#sink.left) return 'left'
    }
    return 'served'
  }

  refuse(refused: Refused): Promise<Outcome> {
    return this.#own.refuse(refused)
  }

  cut(): void {
    this.#sink.cut()
  }

  /** A chunk that begins with zero is the last one (draft -08 §5), and the outer message ends in the same cell. */
  #pass(chunk: Uint8Array): void {
    const final = chunk[0] === 0
    if (chunk.length !== (final ? innerFinalOnWire : innerOnWire)) {
      throw new CvmFailure('unreachable', 'no cell: an agent with another profile than ours')
    }
    if (final) this.#sink.end(concat(encodeContent(chunk), encodeEnd()))
    else this.#sink.send(encodeContent(chunk))
  }
}

/**
 * The cell in front: the outer head and the nonce of the inner answer. A field that means nothing fills it, for Binary HTTP
 * has no padding before its end (RFC 9292 §3.8).
 */
function headCell({ status, headers }: ResponseHead, nonce: Uint8Array): Bytes {
  const withFiller = (length: number): Bytes => {
    const filler = ['padding', '0'.repeat(length)] as const
    return concat(encodeResponseHead({ status, headers: [...headers, filler] }), encodeContent(nonce))
  }
  // Between these lengths all prefixes keep theirs, so one more octet of filler is one more octet.
  const least = 64
  const cell = withFiller(least + Math.max(0, cellSize - withFiller(least).length))
  if (cell.length !== cellSize) throw new TypeError('an outer head that fills no cell')
  return cell
}
