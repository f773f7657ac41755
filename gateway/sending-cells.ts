/** From a stream of cells to its reader, one cell at each tick; a reader that does not keep up gets them more slowly. */
import type { CellStream } from '../shared/shaping/cells.ts'
import type { Ticks } from '../shared/shaping/ticks.ts'
import type { ChunkSink } from './chunk-sink.ts'

export class SendingCells {
  /** Resolves after the last cell, or when the reader has gone; rejects with what keeps the next cell from being sent. */
  readonly over: Promise<void>
  readonly #cells: CellStream
  readonly #sink: ChunkSink
  readonly #over: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly #stop: () => void
  #next: PromiseWithResolvers<void> = Promise.withResolvers()
  #live = true

  /** Begins with the next tick. `stop` is needed on every path. */
  constructor(cells: CellStream, sink: ChunkSink, ticks: Ticks) {
    this.#cells = cells
    this.#sink = sink
    this.over = this.#over.promise
    this.#stop = ticks.each(() => this.#tick())
  }

  /** Cells are still wanted. */
  get live(): boolean {
    return this.#live && !this.#sink.signal.aborted
  }

  /** Resolves after the next tick. */
  passed(): Promise<void> {
    return this.#next.promise
  }

  stop(): void {
    this.#live = false
    this.#stop()
    this.#over.resolve()
    this.#next.resolve()
  }

  #tick(): void {
    try {
      this.#send()
      if (this.#cells.done || this.#sink.signal.aborted) this.stop()
    } catch (cause) {
      const failure = cause instanceof Error ? cause : new TypeError('not an error')
      this.#over.reject(failure)
      // Whoever waits for the CVM's next word waits in vain.
      this.#sink.stop(failure)
      this.stop()
    }
    this.#next.resolve()
    this.#next = Promise.withResolvers()
  }

  #send(): void {
    if (!this.live || !this.#sink.hasRoom) return
    const cell = this.#cells.tick()
    if (cell?.final === true) this.#sink.end(cell.octets)
    else if (cell !== undefined) this.#sink.send(cell.octets)
  }
}
