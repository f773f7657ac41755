/** Attackers against sources whose best possible accuracy has a closed form. */
import { describe, expect, test } from 'vitest'
import { classesOf, type Sample } from './attacker.ts'
import { blockBootstrap, percentileInterval, ratio } from './bootstrap.ts'
import { learnDensity } from './density.ts'
import { exponential, normal } from './draws.ts'
import { frequentist } from './frequentist.ts'
import * as held from './held-out.ts'
import { knn, kthSmallest } from './knn.ts'
import { logistic } from './logistic.ts'
import { ascending, mean, times } from './numbers.ts'
import { createRng } from './rng.ts'
import { normalAbove } from './special.ts'

const attackers = [frequentist, knn(8), knn(61), logistic()]

/** Two normals, two deviations apart: the best guess is right with the chance that a normal is below 1. */
function twoNormals(n: number, seed: number): Sample[] {
  const rng = createRng(seed)
  return times(n, (i) => ({ label: i % 2, features: [200 + 10 * (2 * (i % 2) + normal(rng))] }))
}

describe('on two normals, the best accuracy is 0.841', () => {
  const bayes = 1 - normalAbove(1)

  test.each(attackers)('$name comes near it and not above', (attacker) => {
    const { accuracy, n } = held.heldOut(twoNormals(8000, 1), createRng(1), [attacker])
    const error = Math.sqrt((bayes * (1 - bayes)) / n)
    expect(accuracy).toBeLessThan(bayes + 4 * error)
    // Eight neighbours have only eight opinions: Cover and Hart's bound leaves them a few percent below.
    expect(accuracy).toBeGreaterThan(bayes - 4 * error - (attacker.name === '8-NN' ? 0.03 : 0.01))
  })
})

test.each(attackers)('on labels that have nothing to do with it, $name is at chance', (attacker) => {
  const rng = createRng(2)
  const samples = times(4000, () => ({ label: rng.below(4), features: [rng.uniform(), rng.uniform()] }))
  const { accuracy, n } = held.heldOut(samples, rng, [attacker])
  expect(Math.abs(accuracy - 0.25)).toBeLessThan(4 * Math.sqrt(0.1875 / n))
})

test.each([frequentist, knn(8), knn(61)])('on padded sizes $name says the majority of each size', (attacker) => {
  const rng = createRng(3)
  const sizes = [1024, 1024, 4096, 4096, 4096, 16_384]
  const samples = times(6000, (i) => ({ label: i % 6, features: [sizes[i % 6] as number] }))
  const { accuracy, n } = held.heldOut(samples, rng, [attacker])
  // One class of two, one of three, one of one: 3 of 6, and which of equals is a matter of luck.
  expect(Math.abs(accuracy - 0.5)).toBeLessThan(4 * Math.sqrt(0.25 / n))
})

test.each([knn(8), logistic()])('$name uses all features, each on its own scale', (attacker) => {
  const rng = createRng(4)
  const samples = times(2000, (i) => ({
    label: i % 2,
    features: [normal(rng) * 1e6, (i % 2) * 1e-3 + normal(rng) * 1e-4, 5],
  }))
  expect(held.heldOut(samples, rng, [attacker]).accuracy).toBeGreaterThan(0.99)
})

test('logistic regression knows that one class is rarer', () => {
  const rng = createRng(10)
  // Nine in ten at -1, the others at 1, deviation 1: the best threshold lies at ln(9)/2.
  const samples = times(8000, (i) => ({
    label: i % 10 === 0 ? 1 : 0,
    features: [(i % 10 === 0 ? 1 : -1) + normal(rng)],
  }))
  const best = 0.9 * (1 - normalAbove(Math.log(9) / 2 + 1)) + 0.1 * normalAbove(Math.log(9) / 2 - 1)
  const { accuracy, n } = held.heldOut(samples, rng, [logistic()])
  expect(Math.abs(accuracy - best)).toBeLessThan(4 * Math.sqrt((best * (1 - best)) / n))
})

test('the frequentist looks at the feature that tells most', () => {
  const rng = createRng(5)
  const samples = times(2000, (i) => ({ label: i % 2, features: [rng.uniform(), (i % 2) + rng.uniform() / 2] }))
  expect(held.heldOut(samples, rng, [frequentist]).accuracy).toBeGreaterThan(0.99)
})

describe('the figure', () => {
  test('is the best attacker with what guessing would give', () => {
    const always = (label: number): { name: string; learn: () => () => number } => ({
      name: `always ${label}`,
      learn: () => () => label,
    })
    const samples = times(1000, (i) => ({ label: i % 4 === 0 ? 1 : 0, features: [0] }))
    const found = held.heldOut(samples, createRng(6), [always(1), always(0)])
    expect(found.best).toBe('always 0')
    expect(found.accuracy).toBe(found.base)
    expect(found.advantage).toBe(0)
    expect(found.minEntropyLeakage).toBe(0)
    expect(found.each.map(({ name }) => name)).toEqual(['always 1', 'always 0'])
    expect(found.ci[0]).toBeLessThan(found.accuracy)
  })

  test('advantages and accuracies are each other', () => {
    expect(held.advantage(0.474, 0.125)).toBeCloseTo(0.3989, 4)
    expect(held.accuracyAt(held.advantage(0.474, 0.125), 0.125)).toBeCloseTo(0.474, 12)
  })

  test('its evidence leans to the side of the threshold it is on', () => {
    const found = held.heldOut(twoNormals(2000, 7), createRng(7), [logistic()])
    expect(held.advantageEvidence(found, 0.2).over).toBeLessThan(1e-6)
    expect(held.advantageEvidence(found, 0.95).under).toBeLessThan(1e-6)
  })

  test('no samples are wired wrong', () => {
    expect(() => held.heldOut([], createRng(1))).toThrow(TypeError)
    expect(classesOf([])).toBe(0)
  })
})

test('the k-th smallest', () => {
  const rng = createRng(8)
  const values = Float64Array.from(times(200, () => rng.below(50)))
  const sorted = ascending([...values])
  for (const k of [1, 2, 61, 200]) expect(kthSmallest(values, k)).toBe(sorted[k - 1])
})

describe('bootstrap over windows', () => {
  /** Windows of four that succeed or fail together: pooling would think there were four times as many. */
  const windows = (seed: number): [number, number][] => {
    const rng = createRng(seed)
    return times(40, () => [rng.below(2) * 4, 4])
  }

  test('covers the truth as often as it says, though trials in a window are one', () => {
    const held_ = times(300, (run) => {
      const [low, high] = percentileInterval(blockBootstrap(windows(run), ratio, createRng(run).fork('draws'), 400))
      return low <= 0.5 && 0.5 <= high ? 1 : 0
    })
    // 0.95 less four standard errors of 300 runs, and a little for percentile intervals of 40 windows.
    expect(mean(held_)).toBeGreaterThan(0.95 - 0.05 - 0.01)
    expect(mean(held_)).toBeLessThan(1)
  })

  test('its spread is the standard error of independent windows', () => {
    const draws = blockBootstrap(windows(1), ratio, createRng(1), 2000)
    const deviation = Math.sqrt(mean(draws.map((draw) => (draw - mean(draws)) ** 2)))
    const share = ratio(windows(1))
    // 2,000 draws tell a deviation to 1.6 percent: five times that.
    expect(Math.abs(deviation / Math.sqrt((share * (1 - share)) / 40) - 1)).toBeLessThan(0.08)
    expect(draws).toEqual(ascending(draws))
  })

  test('needs a window', () => {
    expect(() => blockBootstrap([], () => 0, createRng(1))).toThrow(TypeError)
  })
})

describe('a density learnt from probes', () => {
  const rng = createRng(9)
  const density = learnDensity(times(4000, () => exponential(rng, 100)))

  test('is the law it came from, within the error of its bins', () => {
    for (const delay of [20, 100, 200]) {
      const true_ = Math.log(100) + delay / 100
      expect(Math.abs(density.cost(delay) - true_)).toBeLessThan(0.3)
    }
  })

  test('calls a negative delay impossible, and one that nobody saw unlikely', () => {
    expect(density.cost(-0.001)).toBe(1e4)
    expect(density.cost(5000)).toBeGreaterThan(density.cost(900))
    expect(density.cost(5000)).toBeLessThan(100)
  })

  test('adds up to one', () => {
    const total = times(200_000, (i) => Math.exp(-density.cost(i / 100)) / 100).reduce((sum, each) => sum + each, 0)
    expect(Math.abs(total - 1)).toBeLessThan(0.05)
  })

  test('of probes that all took the same time is sharp', () => {
    const same = learnDensity(times(128, () => 2))
    expect(same.cost(2)).toBeLessThan(same.cost(2.1))
    expect(() => learnDensity([])).toThrow(TypeError)
  })
})
