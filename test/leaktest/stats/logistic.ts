/**
 * Multinomial logistic regression: softmax of linear scores, fitted by gradient descent with Nesterov's momentum and a
 * little ridge. For classes that are normal with one variance, as logarithms of lengths may be, it has the Bayes form.
 */
import { classesOf, type Attacker, type Guess, type Sample } from './attacker.ts'
import { indexOfLargest } from './numbers.ts'
import { scaler } from './scaling.ts'

export type LogisticOptions = { readonly steps?: number; readonly rate?: number; readonly ridge?: number }

export function logistic(options: LogisticOptions = {}): Attacker {
  return { name: 'logistic', learn: (train) => learn(train, options) }
}

const momentum = 0.9

function learn(train: readonly Sample[], { steps = 150, rate = 0.5, ridge = 1e-4 }: LogisticOptions): Guess {
  const scale = scaler(train.map(({ features }) => features))
  const rows = train.map(({ features }) => withOne(scale(features)))
  const classes = classesOf(train)
  const width = rows[0]?.length ?? 1
  const weights = new Float64Array(classes * width)
  const speed = new Float64Array(weights.length)
  const gradient = new Float64Array(weights.length)
  const scores = new Float64Array(classes)
  for (let step = 0; step < steps; step++) {
    // Looking where the momentum leads (Nesterov 1983).
    for (let i = 0; i < weights.length; i++) weights[i] = (weights[i] as number) + momentum * (speed[i] as number)
    gradient.fill(0)
    rows.forEach((row, i) => accumulate(row, (train[i] as Sample).label))
    for (let i = 0; i < weights.length; i++) {
      const slope = (gradient[i] as number) / rows.length + ridge * (weights[i] as number)
      const change = -rate * slope
      speed[i] = momentum * (speed[i] as number) + change
      weights[i] = (weights[i] as number) + change
    }
  }
  return (features) => {
    score(withOne(scale(features)))
    return indexOfLargest(scores)
  }

  function score(row: readonly number[]): void {
    for (let label = 0; label < classes; label++) {
      let total = 0
      for (let j = 0; j < width; j++) total += (weights[label * width + j] as number) * (row[j] as number)
      scores[label] = total
    }
  }

  function accumulate(row: readonly number[], truth: number): void {
    score(row)
    const highest = scores.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)
    let total = 0
    for (let label = 0; label < classes; label++) total += scores[label] = Math.exp((scores[label] as number) - highest)
    for (let label = 0; label < classes; label++) {
      const error = (scores[label] as number) / total - (label === truth ? 1 : 0)
      for (let j = 0; j < width; j++) {
        const at = label * width + j
        gradient[at] = (gradient[at] as number) + error * (row[j] as number)
      }
    }
  }
}

function withOne(features: readonly number[]): number[] {
  return [...features, 1]
}
