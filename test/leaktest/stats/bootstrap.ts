/**
 * Bootstrap over windows. Matches inside one window depend on each other (they are a permutation), so whole windows are
 * drawn with replacement, never single matches. Künsch 1989 with independent blocks; percentile intervals, Efron 1979.
 * With fewer than about 16 windows these intervals come out too narrow.
 */
import { ascending, quantile, times } from './numbers.ts'
import type { Rng } from './rng.ts'

export const resamplesByDefault = 2000

export type Interval = readonly [low: number, high: number]

/** Values of `statistic` on resampled lists of windows, in ascending order. */
export function blockBootstrap<T>(
  windows: readonly T[],
  statistic: (windows: readonly T[]) => number,
  rng: Rng,
  resamples = resamplesByDefault,
): number[] {
  if (windows.length === 0) throw new TypeError('a bootstrap needs at least one window')
  const resample = (): T[] => windows.map(() => windows[rng.below(windows.length)] as T)
  return ascending(times(resamples, () => statistic(resample())))
}

/** The middle `level` of a bootstrap's values, which must be in ascending order. */
export function percentileInterval(sorted: readonly number[], level = 0.95): Interval {
  const tail = (1 - level) / 2
  return [quantile(sorted, tail), quantile(sorted, 1 - tail)]
}

/** A total over a total per window, such as matches over messages: each window is [part, whole]. */
export function ratio(windows: readonly (readonly [number, number])[]): number {
  let part = 0
  let whole = 0
  for (const [one, all] of windows) {
    part += one
    whole += all
  }
  return part / whole
}
