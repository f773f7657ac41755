/** A relay's request counter as its page of metrics shows it, second by second. privacy.md 2.10, 4.8. */
import { exponential } from '../stats/draws.ts'
import { times } from '../stats/numbers.ts'
import type { Rng } from '../stats/rng.ts'
import type { Minute } from '../types.ts'
import type { Model } from './profiles.ts'

/** Counters of published snapshots grow in multiples of this, the rest is carried on. */
const unit = 10

/** Minutes in which one synthetic client sends once, among others who come `rate` times a second. */
export function minutes(counters: Model['counters'], rate: number, count: number, rng: Rng): Minute[] {
  return times(count, () => minute(counters, rate, rng))
}

function minute(counters: Model['counters'], rate: number, rng: Rng): Minute {
  const second = rng.below(60)
  const perSecond = times(60, (i) => poisson(rng, rate) + (i === second ? 1 : 0))
  const before = rng.below(1000)
  let total = before
  const live = [before, ...perSecond.map((count) => (total += count))]
  // A snapshot is taken when an epoch of 60 s begins, somewhere in this minute, and shown until the next one.
  const swap = rng.below(60)
  const shown = (value: number): number => Math.floor(value / unit) * unit
  const published = live.map((_, i) => shown(i <= swap ? before - unit : (live[swap] as number)))
  return { readings: counters === 'live' ? live : published, second }
}

function poisson(rng: Rng, mean: number): number {
  let count = 0
  for (let t = exponential(rng, 1); t < mean; t += exponential(rng, 1)) count += 1
  return count
}
