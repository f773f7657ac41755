/**
 * How long somebody who shows a linkable trait stays hidden among others: in each round he is seen together with whoever
 * else is active, and only those who were active in all rounds remain. privacy.md 2.11; Danezis and Serjantov 2004.
 */
import { times } from '../stats/numbers.ts'
import type { Rng } from '../stats/rng.ts'

/** Rounds until nobody else remains, as ln N / ln(1/p) says: a little too few. */
export function roundsByFormula(others: number, active: number): number {
  return Math.log(others) / Math.log(1 / active)
}

/** The expectation: round r is needed when some of the others were active in all r before it. */
export function roundsExpected(others: number, active: number): number {
  let total = 0
  for (let r = 0; ; r++) {
    const needed = -Math.expm1(others * Math.log1p(-Math.min(1 - 1e-16, active ** r)))
    total += needed
    if (needed < 1e-12) return total
  }
}

/** Simulated: each of the others drops out in the first round in which he is not active. */
export function roundsSimulated(others: number, active: number, runs: number, rng: Rng): number[] {
  const survives = (): number => 1 + Math.floor(Math.log1p(-rng.uniform()) / Math.log(active))
  return times(runs, () => {
    let most = 0
    for (let i = 0; i < others; i++) most = Math.max(most, survives())
    return most
  })
}
