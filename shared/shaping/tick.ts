/**
 * Batching for a relay that mixes: what arrives between two ticks leaves at the second one, in an order that only the
 * dice know. One batch for each direction, on the same ticks. wire.md `mixed`, privacy.md 4.2. Ticks are multiples of
 * the period on the wall clock, so that all replicas of a relay have the same ones and none of them is a coordinate.
 */
import { shuffled, type Dice } from './shuffle.ts'

export type BatchOptions = {
  /** milliseconds from tick to tick */
  readonly period: number
  /** how many items wait at most */
  readonly most: number
  /** how many octets wait at most, in all items together */
  readonly octets: number
  readonly dice: Dice
}

type Waiting<T> = { readonly item: T; readonly octets: number; readonly due: number }

/** The first tick after `now`, both in milliseconds on the wall clock. What arrives on a tick waits for the next one. */
export function nextTick(now: number, period: number): number {
  return (Math.floor(now / period) + 1) * period
}

export class Batch<T> {
  readonly #options: BatchOptions
  #waiting: Waiting<T>[] = []
  #octets = 0

  constructor(options: BatchOptions) {
    const { period, most, octets } = options
    if (![period, most, octets].every((limit) => Number.isFinite(limit) && limit > 0)) {
      throw new TypeError('period, most and octets of a batch must be positive')
    }
    this.#options = options
  }

  /**
   * Takes an item to wait for the first tick after `now`. False when there is no room: then nothing was taken and the
   * sender is refused. Leaving early to make room would let anybody flush a batch with messages of his own around one
   * other. A relay gives the batch of its answers room for every exchange that it has let in, and so never refuses there.
   */
  add(item: T, octets: number, now: number): boolean {
    if (!(octets >= 0)) throw new TypeError('octets of an item must be a number from 0')
    if (this.#waiting.length >= this.#options.most || this.#octets + octets > this.#options.octets) return false
    this.#waiting.push({ item, octets, due: nextTick(now, this.#options.period) })
    this.#octets += octets
    return true
  }

  /** Milliseconds until something must be released: 0 when it is due, undefined when nothing waits. */
  wait(now: number): number | undefined {
    if (this.#waiting.length === 0) return undefined
    if (this.#waiting.some(({ due }) => this.#isDue(due, now))) return 0
    return nextTick(now, this.#options.period) - now
  }

  /** Everything whose tick has come, shuffled. A timer that fires late finds what arrived since still waiting. */
  release(now: number): T[] {
    const ready = this.#waiting.filter(({ due }) => this.#isDue(due, now))
    if (ready.length === 0) return []
    this.#waiting = this.#waiting.filter(({ due }) => !this.#isDue(due, now))
    this.#octets -= ready.reduce((sum, { octets }) => sum + octets, 0)
    return shuffled(ready, this.#options.dice).map(({ item }) => item)
  }

  get size(): number {
    return this.#waiting.length
  }

  // A wall clock can be set back: nothing waits longer than a period, whatever its tick was called before.
  #isDue(due: number, now: number): boolean {
    return due <= now || due - now > this.#options.period
  }
}
