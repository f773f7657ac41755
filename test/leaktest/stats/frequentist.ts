/**
 * Frequentist maximum a posteriori: the class seen most often in the same bin. It looks at the one feature that told most
 * in training, as counts of combinations would need far more samples. Cherubin, Chatzikokolakis and Palamidessi 2019.
 */
import { classesOf, type Attacker, type Guess, type Sample } from './attacker.ts'
import { counts, indexOfLargest, times } from './numbers.ts'
import { mostBins, quantiser } from './quantise.ts'

export const frequentist: Attacker = {
  name: 'frequentist MAP',
  learn(train) {
    const features = times(train[0]?.features.length ?? 0, (index) => mapOn(train, index))
    return features[indexOfLargest(features.map(({ right }) => right))]?.guess ?? (() => 0)
  },
}

function mapOn(train: readonly Sample[], index: number): { guess: Guess; right: number } {
  const values = train.map(({ features }) => features[index] as number)
  const { bins, code } = quantiser(values, mostBins(train.length))
  const classes = classesOf(train)
  const table = times(bins, () => new Array<number>(classes).fill(0))
  train.forEach(({ label }, i) => {
    const row = table[code(values[i] as number)] as number[]
    row[label] = (row[label] as number) + 1
  })
  const labels = train.map(({ label }) => label)
  const fallback = indexOfLargest(counts(labels, classes))
  const choice = table.map((row) => (row.every((count) => count === 0) ? fallback : indexOfLargest(row)))
  const right = table.reduce((total, row) => total + Math.max(...row), 0)
  return { guess: (features) => choice[code(features[index] as number)] as number, right }
}
