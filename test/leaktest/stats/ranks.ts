/** Statistics of ranks: area under the ROC curve, Kendall's tau, Wilcoxon's signed ranks. */
import { ascending, ties } from './numbers.ts'
import { normalAbove } from './special.ts'

/** Ranks from 1; equal values share the mean of their ranks. */
export function midranks(values: readonly number[]): number[] {
  const order = values.map((value, index) => ({ value, index })).sort((a, b) => a.value - b.value)
  const ranks = new Array<number>(values.length).fill(0)
  for (const [from, to] of ties(order.map(({ value }) => value))) {
    for (let at = from; at < to; at++) ranks[order[at]?.index as number] = (from + 1 + to) / 2
  }
  return ranks
}

/**
 * The chance that a score of `positives` is above one of `negatives`, ties counting half: the area under the ROC curve,
 * 0.5 for scores that tell nothing. Mann and Whitney 1947; Hanley and McNeil 1982.
 */
export function auc(positives: readonly number[], negatives: readonly number[]): number {
  const ranks = midranks([...positives, ...negatives])
  const rankSum = ranks.slice(0, positives.length).reduce((total, rank) => total + rank, 0)
  return (rankSum - (positives.length * (positives.length + 1)) / 2) / (positives.length * negatives.length)
}

/** Kendall's tau-b (1945): 1 for the same order, -1 for the opposite, 0 for none; NaN when one list is all ties. */
export function kendallTau(xs: readonly number[], ys: readonly number[]): number {
  let concordance = 0
  let xPairs = 0
  let yPairs = 0
  for (let i = 0; i < xs.length; i++) {
    for (let j = 0; j < i; j++) {
      const x = Math.sign((xs[i] as number) - (xs[j] as number))
      const y = Math.sign((ys[i] as number) - (ys[j] as number))
      concordance += x * y
      xPairs += x * x
      yPairs += y * y
    }
  }
  return concordance / Math.sqrt(xPairs * yPairs)
}

export type SignedRanks = {
  /** differences that are not zero */
  readonly n: number
  /** sum of the ranks of positive differences */
  readonly statistic: number
  /** two-sided: that the differences lie symmetrically around zero */
  readonly p: number
}

/** Up to here the distribution is counted out, beyond it is close enough to normal. */
const exactUpTo = 50

/** Wilcoxon's signed-rank test (1945) of paired differences; zeros are dropped. Exact without ties up to n = 50. */
export function wilcoxon(differences: readonly number[]): SignedRanks {
  const kept = differences.filter((difference) => difference !== 0)
  const n = kept.length
  const sizes = kept.map(Math.abs)
  const ranks = midranks(sizes)
  const statistic = ranks.reduce((total, rank, i) => ((kept[i] as number) > 0 ? total + rank : total), 0)
  if (n === 0) return { n, statistic, p: 1 }
  const runs = ties(ascending(sizes)).map(([from, to]) => to - from)
  const exact = n <= exactUpTo && runs.every((run) => run === 1)
  return { n, statistic, p: exact ? exactSignedRanks(n, statistic) : normalSignedRanks(n, statistic, runs) }
}

// How many of the 2^n choices of signs give each sum of ranks, by adding one rank after the other.
function exactSignedRanks(n: number, statistic: number): number {
  const most = (n * (n + 1)) / 2
  const ways = new Float64Array(most + 1)
  ways[0] = 1
  for (let rank = 1; rank <= n; rank++) {
    for (let total = most; total >= rank; total--)
      ways[total] = (ways[total] as number) + (ways[total - rank] as number)
  }
  const extreme = Math.min(statistic, most - statistic)
  const tail = ways.subarray(0, extreme + 1).reduce((sum, count) => sum + count, 0)
  return Math.min(1, (2 * tail) / 2 ** n)
}

function normalSignedRanks(n: number, statistic: number, runs: readonly number[]): number {
  const middle = (n * (n + 1)) / 4
  const tied = runs.reduce((total, run) => total + run ** 3 - run, 0)
  const spread = Math.sqrt((n * (n + 1) * (2 * n + 1)) / 24 - tied / 48)
  const distance = Math.max(0, Math.abs(statistic - middle) - 0.5)
  return Math.min(1, 2 * normalAbove(distance / spread))
}
