/** Permutation tests: the distribution of a statistic when the connection under test is cut by shuffling. Fisher 1935. */
import { permuted } from './draws.ts'
import { times } from './numbers.ts'
import type { Rng } from './rng.ts'

/** (1 + how many of the null's values are at least as large) / (1 + their number): never 0. Phipson and Smyth 2010. */
export function pValue(observed: number, null_: readonly number[]): number {
  let atLeast = 0
  // What is equal up to rounding counts as equal, or a discrete statistic would look rarer than it is.
  for (const value of null_) if (value >= observed - 1e-12) atLeast += 1
  return (1 + atLeast) / (1 + null_.length)
}

/** `statistic` with the labels shuffled, `permutations` times. */
export function permutationNull<T>(
  labels: readonly T[],
  statistic: (labels: readonly T[]) => number,
  rng: Rng,
  permutations = 500,
): number[] {
  return times(permutations, () => statistic(permuted(rng, labels)))
}
