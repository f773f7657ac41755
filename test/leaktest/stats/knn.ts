/**
 * k nearest neighbours, Euclidean on scaled features. All neighbours as near as the k-th one have a vote, so that padded
 * sizes, where thousands lie at distance 0, are decided by all of them. Fix and Hodges 1951.
 */
import { classesOf, type Attacker, type Guess, type Sample } from './attacker.ts'
import { indexOfLargest } from './numbers.ts'
import { scaler } from './scaling.ts'

export function knn(k: number): Attacker {
  return { name: `${k}-NN`, learn: (train) => learn(train, k) }
}

function learn(train: readonly Sample[], k: number): Guess {
  const scale = scaler(train.map(({ features }) => features))
  const width = train[0]?.features.length ?? 0
  const points = Float64Array.from(train.flatMap(({ features }) => scale(features)))
  const labels = Int32Array.from(train, ({ label }) => label)
  const classes = classesOf(train)
  const distances = new Float64Array(train.length)
  // Observations repeat as soon as sizes are padded.
  const known = new Map<string, number>()

  return (features) => {
    const key = features.join()
    const before = known.get(key)
    if (before !== undefined) return before
    measure(scale(features))
    const guess = vote(kthSmallest(distances, Math.min(k, train.length)))
    known.set(key, guess)
    return guess
  }

  function measure(from: readonly number[]): void {
    for (let i = 0; i < distances.length; i++) {
      let total = 0
      for (let j = 0; j < width; j++) total += ((points[i * width + j] as number) - (from[j] as number)) ** 2
      distances[i] = total
    }
  }

  function vote(limit: number): number {
    const votes = new Array<number>(classes).fill(0)
    for (let i = 0; i < distances.length; i++) {
      const label = labels[i] as number
      if ((distances[i] as number) <= limit) votes[label] = (votes[label] as number) + 1
    }
    return indexOfLargest(votes)
  }
}

/** The k-th smallest value, by keeping the k smallest so far in order: k is small, and few values get that far. */
export function kthSmallest(values: Float64Array, k: number): number {
  const smallest = new Float64Array(k).fill(Number.POSITIVE_INFINITY)
  for (const value of values) {
    if (value >= (smallest[k - 1] as number)) continue
    let place = k - 1
    for (; place > 0 && (smallest[place - 1] as number) > value; place--)
      smallest[place] = smallest[place - 1] as number
    smallest[place] = value
  }
  return smallest[k - 1] as number
}
