/**
 * Chunked answers in cells: one chunk of one size at each tick, so that nobody on the way sees how long a token is or when
 * it came. Events go out as they come, anything else once it is complete. wire.md "Cells", `paced`; privacy.md 4.4.
 */
import { encodeContent, encodeEnd, encodeResponseHead } from '../shared/bhttp/encode.ts'
import type { ResponseChunkSealer } from '../shared/ohttp/chunked.ts'
import { Refusal } from '../shared/refusal.ts'
import { CellStream } from '../shared/shaping/cells.ts'
import { carriesComments } from '../shared/shaping/events.ts'
import type { Ticks } from '../shared/shaping/ticks.ts'
import type { CvmResponse } from './attested-cvm.ts'
import { ChunkSink } from './chunk-sink.ts'
import { CvmFailure } from './cvm-failure.ts'
import { passedOn, writable } from './from-cvm.ts'
import type { Asked, Opening, Reply, StreamReply } from './opened.ts'
import type { Refused } from './refused.ts'
import { SendingCells } from './sending-cells.ts'
import type { Outcome } from './vocabulary.ts'

export type CellOptions = {
  /** of the process: one cell of each stream at a time */
  readonly ticks: Ticks
  /**
   * Octets of an event, or of an answer that is none, held back until it is complete; and of events that wait for their
   * ticks before the CVM is read no further. One stream holds three times as much at most, and what one read gives.
   */
  readonly held: number
}

export function inCells(options: CellOptions): StreamReply {
  return (sealer: ResponseChunkSealer, opening) => new CellReply(new ChunkSink(sealer, opening), opening, options)
}

export class CellReply implements Reply {
  readonly #sink: ChunkSink
  readonly #opening: Pick<Opening, 'layer'>
  readonly #options: CellOptions

  constructor(sink: ChunkSink, opening: Pick<Opening, 'layer'>, options: CellOptions) {
    this.#sink = sink
    this.#opening = opening
    this.#options = options
  }

  get response(): Response | Promise<Response> {
    return this.#sink.response
  }

  get signal(): AbortSignal {
    return this.#sink.signal
  }

  async seal(response: CvmResponse, { method, heard }: Asked): Promise<Outcome> {
    const { status, headers } = response
    const head = writable(() => encodeResponseHead({ status, headers: passedOn(headers) }))
    return this.#sent(this.#cells(head, kindOf(method, response)), async (cells, sending) => {
      await fill(cells, response, sending)
      heard()
    })
  }

  /** In cells as well: what is on the grid without exception needs no exception further on. */
  async refuse({ outcome, status, headers, content }: Refused): Promise<Outcome> {
    if (this.#sink.left) return 'left'
    if (this.#sink.begun) {
      this.#sink.cut()
      return 'cut'
    }
    const cells = this.#cells(encodeResponseHead({ status, headers }), 'whole')
    cells.push(content)
    cells.finish(encodeEnd())
    const sent = await this.#sent(cells, () => Promise.resolve())
    return sent === 'served' ? outcome : sent
  }

  cut(): void {
    this.#sink.cut()
  }

  #cells(head: Uint8Array, kind: 'events' | 'whole'): CellStream {
    const { cells } = this.#opening.layer
    return new CellStream(head, { ...cells, kind, frame: encodeContent, most: this.#options.held })
  }

  async #sent(
    cells: CellStream,
    filled: (cells: CellStream, sending: SendingCells) => Promise<void>,
  ): Promise<Outcome> {
    const sending = new SendingCells(cells, this.#sink, this.#options.ticks)
    try {
      await Promise.all([filled(cells, sending), sending.over])
      return this.#sink.left ? 'left' : 'served'
    } finally {
      sending.stop()
    }
  }
}

/** Reads the CVM no faster than the ticks take what it says. */
async function fill(cells: CellStream, response: CvmResponse, sending: SendingCells): Promise<void> {
  for await (const piece of response.body) {
    while (cells.full && sending.live) await sending.passed()
    if (!sending.live) return
    hold(cells, piece)
  }
  const end = writable(() => encodeEnd(passedOn(response.trailers())))
  cells.finish(end)
}

function hold(cells: CellStream, piece: Uint8Array): void {
  try {
    cells.push(piece)
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    throw new CvmFailure('unreachable', 'an answer, or an event of one, longer than we hold back', { cause })
  }
}

// What is said about the octets of a content must stay true, so nothing is put between them.
const aboutOctets = new Set(['content-length', 'content-digest', 'repr-digest', 'digest', 'content-md5'])

/** HEAD has no content, whatever its fields say, and part of a stream of events is not one. */
function kindOf(method: string, { status, headers }: CvmResponse): 'events' | 'whole' {
  const value = (name: string): string | undefined => headers.find(([found]) => found === name)?.[1]
  if (status !== 200 || method === 'HEAD' || headers.some(([name]) => aboutOctets.has(name))) return 'whole'
  return carriesComments(value('content-type'), value('content-encoding')) ? 'events' : 'whole'
}
