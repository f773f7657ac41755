/** A clock whose hands a test moves, and ticks that come when it says so. */
import { Ticks, type Clock } from '../../../shared/shaping/ticks.ts'

export class HandClock implements Clock {
  #now: number
  #timers: { at: number; then: () => void }[] = []

  constructor(now = 1_764_000_000_000) {
    this.#now = now
  }

  readonly now = (): number => this.#now

  readonly after = (milliseconds: number, then: () => void): (() => void) => {
    const timer = { at: this.#now + milliseconds, then }
    this.#timers.push(timer)
    return () => void (this.#timers = this.#timers.filter((one) => one !== timer))
  }

  get waiting(): number {
    return this.#timers.length
  }

  /** When the next timer is due. */
  get next(): number {
    return Math.min(...this.#timers.map(({ at }) => at))
  }

  /** Goes on by so much; timers on the way go off at their time. */
  pass(milliseconds: number): void {
    const end = this.#now + milliseconds
    while (this.next <= end) this.#goOff(this.next)
    this.#now = end
  }

  /** Everything due by then goes off late, at once. */
  oversleep(milliseconds: number): void {
    this.#goOff(this.#now + milliseconds)
  }

  /** Somebody sets the clock; timers keep their distance. */
  set(by: number): void {
    this.#now += by
    for (const timer of this.#timers) timer.at += by
  }

  #goOff(now: number): void {
    this.#now = now
    const due = this.#timers.filter(({ at }) => at <= now)
    this.#timers = this.#timers.filter(({ at }) => at > now)
    for (const { then } of due) then()
  }
}

export function ticksByHand(period = 100, most?: number): { clock: HandClock; ticks: Ticks } {
  const clock = new HandClock()
  return { clock, ticks: new Ticks({ period, clock, dice: () => 0, ...(most === undefined ? {} : { most }) }) }
}
