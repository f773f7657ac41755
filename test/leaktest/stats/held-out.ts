/**
 * The best held-out accuracy of several attackers: the operational figure beside every estimate of information
 * (privacy.md 2.2). k-NN belongs to a family that converges to the Bayes risk (Cherubin 2017, F-BLEAU 2019); any figure
 * still bounds these attackers only.
 */
import { classesOf, type Attacker, type Sample } from './attacker.ts'
import type { Interval } from './bootstrap.ts'
import { permuted } from './draws.ts'
import { frequentist } from './frequentist.ts'
import { knn } from './knn.ts'
import { logistic } from './logistic.ts'
import { counts, indexOfLargest } from './numbers.ts'
import { binomialAtLeast, binomialAtMost, clopperPearson } from './proportion.ts'
import type { Rng } from './rng.ts'

/** The page's set: MAP, k-NN with k = ceil(ln n) and with k = 61, logistic regression. */
export function attackersFor(trainingSize: number): readonly Attacker[] {
  return [frequentist, knn(Math.max(1, Math.ceil(Math.log(trainingSize)))), knn(61), logistic()]
}

export type HeldOut = {
  /** observations that were guessed */
  readonly n: number
  readonly correct: number
  readonly accuracy: number
  readonly ci: Interval
  /** accuracy of always guessing the class that is most frequent among them */
  readonly base: number
  /** (accuracy - base) / (1 - base): 0 for guessing, 1 for knowing */
  readonly advantage: number
  /** log2(accuracy / base), bits */
  readonly minEntropyLeakage: number
  readonly best: string
  readonly each: readonly { readonly name: string; readonly accuracy: number }[]
}

/**
 * Learns from one random half, guesses the other. The best of several attackers on the same half is a little too good,
 * about a standard error: an error on the side of caution.
 */
export function heldOut(samples: readonly Sample[], rng: Rng, attackers?: readonly Attacker[]): HeldOut {
  const order = permuted(rng, samples)
  const half = Math.floor(order.length / 2)
  const train = order.slice(0, half)
  const test = order.slice(half)
  const each = (attackers ?? attackersFor(half)).map(({ name, learn }) => {
    const guess = learn(train)
    const right = test.filter(({ features, label }) => guess(features) === label).length
    return { name, right, accuracy: right / test.length }
  })
  const best = each[indexOfLargest(each.map(({ right }) => right))]
  if (best === undefined || half === 0) throw new TypeError('an attack needs an attacker and two samples')
  const base =
    Math.max(
      ...counts(
        test.map(({ label }) => label),
        classesOf(test),
      ),
    ) / test.length
  return {
    n: test.length,
    correct: best.right,
    accuracy: best.accuracy,
    ci: clopperPearson(best.right, test.length),
    base,
    advantage: advantage(best.accuracy, base),
    minEntropyLeakage: Math.log2(best.accuracy / base),
    best: best.name,
    each,
  }
}

/** How much of the way from guessing (`base`) to knowing an accuracy goes. */
export function advantage(accuracy: number, base: number): number {
  return (accuracy - base) / (1 - base)
}

/** The accuracy that has this advantage: thresholds are given as advantages, counts are tested as accuracies. */
export function accuracyAt(wanted: number, base: number): number {
  return base + wanted * (1 - base)
}

/** p values of "the accuracy is at most" (over) and "at least" (under) the one of a wanted advantage. */
export function advantageEvidence({ correct, n, base }: HeldOut, wanted: number): { over: number; under: number } {
  const limit = accuracyAt(wanted, base)
  return { over: binomialAtLeast(correct, n, limit), under: binomialAtMost(correct, n, limit) }
}
