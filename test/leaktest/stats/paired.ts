/**
 * Whether two kinds of event take the same time: differences of pairs taken in random order, since timing samples are
 * autocorrelated and Welch's t takes that for evidence (privacy.md 2.2). Wilcoxon, and a bootstrap of the median difference.
 */
import { blockBootstrap, percentileInterval, type Interval } from './bootstrap.ts'
import { median } from './numbers.ts'
import { wilcoxon } from './ranks.ts'
import type { Rng } from './rng.ts'

export type PairedDifference = {
  readonly n: number
  /** of second minus first, in the unit of the samples */
  readonly median: number
  readonly ci: Interval
  /** Wilcoxon's, two-sided */
  readonly p: number
  readonly draws: readonly number[]
}

export type PairedOptions = { readonly rng: Rng; readonly resamples?: number; readonly level?: number }

/** `first[i]` and `second[i]` are one pair. The interval covers the median difference with `level` (default 0.99). */
export function pairedDifference(
  first: readonly number[],
  second: readonly number[],
  { rng, resamples, level = 0.99 }: PairedOptions,
): PairedDifference {
  if (first.length !== second.length || first.length === 0) throw new TypeError('pairs have two sides')
  const differences = first.map((value, i) => (second[i] as number) - value)
  const draws = blockBootstrap(differences, median, rng, resamples)
  const { p } = wilcoxon(differences)
  return { n: differences.length, median: median(differences), ci: percentileInterval(draws, level), p, draws }
}
