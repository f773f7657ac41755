/**
 * Ticks for streams: the same for all of them in one place, so that no stream has a beat of its own. wire.md `paced`. They are
 * multiples of the period on the wall clock, as for batches (tick.ts): a timer that fires late moves no later tick, and
 * two machines with the right time never drift apart.
 */
import { shuffled, type Dice } from './shuffle.ts'
import { nextTick } from './tick.ts'

export type Clock = {
  /** milliseconds on the wall clock */
  readonly now: () => number
  /** Calls back once, about so many milliseconds from now; what it gives takes that back. */
  readonly after: (milliseconds: number, then: () => void) => () => void
}

export type TickOptions = {
  /** milliseconds from tick to tick */
  readonly period: number
  readonly clock: Clock
  /** Streams have their turn in an order that only these know. */
  readonly dice: Dice
  /**
   * How many ticks come at once at most, a late one and those that it made late. What a busy moment held back is made up
   * for, or everybody further on would lose a cell of what he has in hand each time; what a suspended machine held back
   * is not, or it would burst.
   */
  readonly most?: number
  /** One of them broke: a mistake of ours, which must not take the others' ticks, and costs it its own. */
  readonly failed?: () => void
}

export type OnTick = () => void

export class Ticks {
  readonly #options: Required<TickOptions>
  readonly #served = new Map<OnTick, number>()
  #cancel: (() => void) | undefined

  constructor({ most = 16, failed = () => undefined, ...options }: TickOptions) {
    const { period } = options
    if (!(Number.isFinite(period) && period > 0)) throw new TypeError('a period is a positive number')
    this.#options = { ...options, most, failed }
  }

  /** From the next tick on, until the result is called. */
  each(then: OnTick): () => void {
    this.#served.set(then, this.#last())
    this.#cancel ??= this.#arm(this.#untilNext())
    return () => this.#leave(then)
  }

  get size(): number {
    return this.#served.size
  }

  #arm(wait: number): () => void {
    return this.#options.clock.after(wait, () => this.#tick())
  }

  // Those that are late come one by one, with room for others between them: what is written in one turn becomes one record.
  #tick(): void {
    const { period } = this.#options
    const last = this.#last()
    const late = [...this.#served.values()].some((served) => this.#due(last - served) > 1)
    this.#cancel = this.#arm(late ? 0 : this.#untilNext())
    for (const [then, served] of shuffled([...this.#served], this.#options.dice)) {
      const due = this.#due(last - served)
      // One may have stopped another.
      if (due === 0 || !this.#served.has(then)) continue
      this.#served.set(then, last - (due - 1) * period)
      this.#attempt(then)
    }
  }

  #leave(then: OnTick): void {
    this.#served.delete(then)
    if (this.#served.size > 0) return
    this.#cancel?.()
    this.#cancel = undefined
  }

  #attempt(then: OnTick): void {
    try {
      then()
    } catch {
      this.#leave(then)
      this.#options.failed()
    }
  }

  // A timer may fire a moment early, when there is nothing to do yet; and a wall clock can be set back.
  #due(passed: number): number {
    const { period, most } = this.#options
    return passed < 0 ? 1 : Math.min(most, Math.round(passed / period))
  }

  #untilNext(): number {
    const { clock, period } = this.#options
    const now = clock.now()
    return nextTick(now, period) - now
  }

  /** The tick that was last, whether anybody was there or not. */
  #last(): number {
    const { clock, period } = this.#options
    return nextTick(clock.now(), period) - period
  }
}
