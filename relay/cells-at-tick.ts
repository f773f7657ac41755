/**
 * Streams of the profile `paced`: one whole cell at each tick of the relay's own clock, so that neither the sizes nor the
 * pauses of a gateway reach a client (privacy.md 4.4, G08, G09). A few cells are kept in hand for what comes late. What is
 * no cell, or comes too late for that, ends the stream: a gap would be as good a mark as any.
 */
import { Refusal } from '../shared/refusal.ts'
import type { Problem } from '../shared/http/problem.ts'
import { CellGrid, type SealedCell } from '../shared/shaping/cell-grid.ts'
import type { Ticks } from '../shared/shaping/ticks.ts'
import { answerTo, type Answer } from '../shared/upstream/answer.ts'
import { atTick, type MixedOptions } from './at-tick.ts'
import type { Delivering } from './delivery.ts'

export type Pacing = {
  readonly ticks: Ticks
  /** cells that are there before the first one is sent on: a gateway may be late by as many ticks */
  readonly ahead: number
}

/** Beyond what is kept in hand, so many may wait before a gateway that is too fast is read no further. */
const spare = 16

export type PacedOptions = MixedOptions & Pacing & { readonly nonce: number | undefined }

export function cellsAtTick(options: PacedOptions): Delivering {
  return new PacedStream(options)
}

class PacedStream implements Delivering {
  readonly max: number
  readonly response: Delivering['response']
  readonly #options: PacedOptions
  readonly #answer: Answer
  readonly #grid: CellGrid | undefined
  readonly #waiting: SealedCell[] = []
  #phase: 'filling' | 'flowing' | 'cutting' | 'over' = 'filling'
  #stop: () => void = () => undefined
  #untaken = 0

  constructor(options: PacedOptions) {
    const { context, stall, max, nonce } = options
    this.#options = options
    this.#answer = answerTo(context, stall, { drained: () => this.#drained(), left: () => this.#left() })
    this.#grid = nonce === undefined ? undefined : new CellGrid(nonce)
    this.max = max
    this.response = this.#answer.response
  }

  get begun(): boolean {
    return this.#answer.headSent
  }

  write(bytes: Uint8Array): boolean {
    if (this.#phase === 'cutting' || this.#phase === 'over') return true
    const cells = this.#onGrid((grid) => grid.push(bytes)) ?? []
    this.#waiting.push(...cells)
    this.#options.place.keep(sum(cells))
    if (this.#phase === 'filling' && this.#enough()) this.#flow()
    return this.#hasRoom
  }

  end(): void {
    this.#onGrid((grid) => grid.end())
  }

  refuse(refused: Problem, close: boolean): void {
    this.#over()
    atTick(this.#options.answers)(() => this.#answer.refuse(this.#options.dress(refused), close))
  }

  /** At a tick like everything else, or when it broke off would be told to the millisecond. */
  cut(): void {
    if (this.#phase !== 'flowing') {
      this.#over()
      this.#answer.cut()
      return
    }
    this.#phase = 'cutting'
    this.#forget()
  }

  #onGrid<T>(look: (grid: CellGrid) => T): T | undefined {
    try {
      if (this.#grid === undefined) throw new Refusal('off-grid', 'an answer to a suite that nobody has')
      return look(this.#grid)
    } catch (cause) {
      if (!(cause instanceof Refusal)) throw cause
      this.#options.client().spoilt('off-grid')
      return undefined
    }
  }

  get #hasRoom(): boolean {
    return this.#waiting.length < this.#options.ahead + spare
  }

  #enough(): boolean {
    return this.#waiting.length >= this.#options.ahead || this.#waiting.at(-1)?.final === true
  }

  #flow(): void {
    this.#phase = 'flowing'
    this.#stop = this.#options.ticks.each(() => this.#tick())
  }

  #tick(): void {
    const cell = this.#waiting[0]
    if (this.#phase === 'cutting') {
      this.#over()
      this.#answer.cut()
    } else if (cell === undefined) {
      this.#options.client().spoilt('out-of-step')
    } else {
      this.#waiting.shift()
      this.#pass(cell)
      if (this.#hasRoom) this.#options.client().drained()
    }
  }

  #pass({ octets, final }: SealedCell): void {
    if (!this.#answer.headSent) this.#answer.head(200, this.#options.fields)
    this.#untaken += octets.length
    if (this.#answer.write(octets)) this.#drained()
    if (!final) return
    this.#over()
    this.#answer.end()
  }

  /** Whether the client keeps up is nobody's business but its own: cells go on, and its room grows until it is too much. */
  #drained(): void {
    this.#options.place.free(this.#untaken)
    this.#untaken = 0
  }

  #left(): void {
    this.#over()
    this.#options.client().left()
  }

  #over(): void {
    this.#phase = 'over'
    this.#stop()
    this.#forget()
  }

  #forget(): void {
    this.#waiting.length = 0
    this.#options.place.leave()
  }
}

function sum(cells: readonly SealedCell[]): number {
  return cells.reduce((octets, { octets: cell }) => octets + cell.length, 0)
}
