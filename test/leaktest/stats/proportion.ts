/** Proportions of independent trials: Clopper and Pearson's exact interval (1934), and exact tails of the binomial. */
import type { Interval } from './bootstrap.ts'
import { betaBelow, betaQuantile } from './special.ts'

/** Covers the true proportion with at least `level`, whatever it is. */
export function clopperPearson(successes: number, trials: number, level = 0.95): Interval {
  check(successes, trials)
  const tail = (1 - level) / 2
  const low = successes === 0 ? 0 : betaQuantile(tail, successes, trials - successes + 1)
  const high = successes === trials ? 1 : betaQuantile(1 - tail, successes + 1, trials - successes)
  return [low, high]
}

/** The chance of at least `successes` when each trial succeeds with `probability`. */
export function binomialAtLeast(successes: number, trials: number, probability: number): number {
  check(successes, trials)
  return successes === 0 ? 1 : betaBelow(probability, successes, trials - successes + 1)
}

/** The chance of at most `successes` when each trial succeeds with `probability`. */
export function binomialAtMost(successes: number, trials: number, probability: number): number {
  check(successes, trials)
  return successes === trials ? 1 : 1 - betaBelow(probability, successes + 1, trials - successes)
}

function check(successes: number, trials: number): void {
  if (!(
    Number.isInteger(trials) &&
    trials > 0 &&
    Number.isInteger(successes) &&
    successes >= 0 &&
    successes <= trials
  )) {
    throw new TypeError('successes are a whole number from 0 to the number of trials')
  }
}
