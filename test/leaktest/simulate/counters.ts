/**
 * A relay's request counter as its page of metrics (or its log) shows it, second by second. privacy.md 2.10, 4.8: a
 * snapshot is swapped every 60 s, and counters grow in tens, the rest is carried on.
 */
import { exponential } from '../stats/draws.ts'
import { times } from '../stats/numbers.ts'
import type { Rng } from '../stats/rng.ts'
import type { Minute } from '../types.ts'
import type { Model } from './profiles.ts'

/** Minutes in which one synthetic client sends once, among others who come `rate` times a second. */
export function minutes(shown: Model['counters'], rate: number, count: number, rng: Rng): Minute[] {
  return times(count, () => minute(shown, rate, rng))
}

function minute({ every, unit }: Model['counters'], rate: number, rng: Rng): Minute {
  const second = rng.below(60)
  // Enough of the minutes before to have carried something on, and an epoch that began somewhere in them.
  let total = rng.below(1000)
  const before = total
  const truth = times(60, (i) => (total += poisson(rng, rate) + (i === second ? 1 : 0)))
  const phase = rng.below(every)
  const snapshot = (at: number): number => (at < 0 ? before - (every > 1 ? unit : 0) : (truth[at] as number))
  const published = (value: number): number => Math.floor(value / unit) * unit
  const readings = times(61, (i) => {
    const swapped = Math.floor((i - 1 - phase) / every) * every + phase
    return published(i === 0 && every === 1 ? before : snapshot(Math.min(i - 1, swapped)))
  })
  return { readings, second }
}

function poisson(rng: Rng, mean: number): number {
  let count = 0
  for (let t = exponential(rng, 1); t < mean; t += exponential(rng, 1)) count += 1
  return count
}
