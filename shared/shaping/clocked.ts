/** Ticks by the clock of this process. */
import { Ticks } from './ticks.ts'

export type ClockedOptions = {
  /** milliseconds from tick to tick */
  readonly period: number
  readonly now: () => number
  /** so many octets at least, of which four are used */
  readonly random: (length: number) => Uint8Array
  readonly failed?: () => void
}

export function clockedTicks({ random, now, ...options }: ClockedOptions): Ticks {
  const after = (milliseconds: number, then: () => void): (() => void) => {
    const timer = setTimeout(then, milliseconds)
    return () => clearTimeout(timer)
  }
  const dice = (): number =>
    random(4)
      .subarray(0, 4)
      .reduce((number, octet) => number * 256 + octet, 0)
  return new Ticks({ ...options, clock: { now, after }, dice })
}
