/** Somebody who reads the page of metrics every second, and wants to know in which one a certain client came. privacy.md 2.10. */
import { indexOfLargest, sum } from '../stats/numbers.ts'
import type { Rng } from '../stats/rng.ts'
import type { Minute } from '../types.ts'

/** Bets on the second with the largest step; between equal ones he throws dice. */
export function guessSecond(minute: Minute, rng: Rng): number {
  const all = steps(minute)
  const largest = all[indexOfLargest(all)]
  const equal = [...all.keys()].filter((i) => all[i] === largest)
  return equal[rng.below(equal.length)] as number
}

export function secondsFound(minutes: readonly Minute[], rng: Rng): number {
  return minutes.filter((minute) => guessSecond(minute, rng) === minute.second).length
}

/** Steps that no published counter makes: other than multiples of `unit`. */
export function oddSteps(minutes: readonly Minute[], unit: number): number {
  return sum(minutes.map((minute) => steps(minute).filter((step) => step % unit !== 0).length))
}

/** Seconds in which a reading moved, beyond the one change that each minute's new snapshot may bring. */
export function extraChanges(minutes: readonly Minute[]): number {
  return sum(minutes.map((minute) => Math.max(0, steps(minute).filter((step) => step !== 0).length - 1)))
}

function steps({ readings }: Minute): number[] {
  return readings.slice(1).map((value, i) => value - (readings[i] as number))
}
