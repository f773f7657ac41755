/** Tests of hypotheses against values that SciPy 1.17 gives, and against closed forms. */
import { describe, expect, test } from 'vitest'
import { correlation, binned, centred, pearson } from './correlation.ts'
import { chiSquare, independence, ksUniform } from './goodness.ts'
import { holm, holmAdjusted } from './holm.ts'
import { mean, times } from './numbers.ts'
import { pairedDifference } from './paired.ts'
import { permutationNull, pValue } from './permutation.ts'
import { binomialAtLeast, binomialAtMost, clopperPearson } from './proportion.ts'
import { auc, kendallTau, midranks, wilcoxon } from './ranks.ts'
import { normal } from './draws.ts'
import { createRng } from './rng.ts'
import * as special from './special.ts'

describe('special functions', () => {
  test.each([
    [0.1, 2.252712651734206],
    [0.5, 0.5723649429247],
    [1.5, -0.12078223763524526],
    [10, 12.801827480081469],
    [123.456, 469.6055471299295],
    [5000.5, 37586.88488728106],
  ])('log-gamma of %d', (x, expected) => {
    expect(special.logGamma(x)).toBeCloseTo(expected, 9)
  })

  test.each([
    [3.84145882069412, 1, 0.05000000000000028],
    [10, 3, 0.01856613546304325],
    [0.5, 4, 0.9735009788392561],
    [60, 23, 3.8205579592298856e-5],
    [200, 100, 1.1784500720979781e-8],
    [0, 5, 1],
  ])('chi-square of %d and more with %i degrees', (statistic, freedom, expected) => {
    expect(special.chiSquareAbove(statistic, freedom) / expected).toBeCloseTo(1, 9)
  })

  test.each([
    [0, 0.5],
    [1, 0.15865525393145707],
    [1.959963984540054, 0.025],
    [-0.7, 0.758036347776927],
    [4.5, 3.3976731247300535e-6],
  ])('normal of %d and more', (z, expected) => {
    expect(special.normalAbove(z) / expected).toBeCloseTo(1, 9)
  })

  test.each([
    [0.3, 2, 5, 0.5798250000000003],
    [0.9, 0.5, 0.5, 0.7951672353008665],
    [0.01, 3, 400, 0.7662837963589123],
    [0.52, 500, 480, 0.7300884694932804],
    [0, 2, 3, 0],
    [1, 2, 3, 1],
  ])('beta below %d for %d and %d', (x, a, b, expected) => {
    expect(special.betaBelow(x, a, b)).toBeCloseTo(expected, 10)
    if (x > 0 && x < 1) expect(special.betaQuantile(expected, a, b)).toBeCloseTo(x, 9)
  })

  test.each([
    [0.15, 1],
    [0.3, 0.9999906941986655],
    [0.5, 0.9639452436648751],
    [0.8276, 0.49995841656354456],
    [1.3581, 0.0499996304316674],
    [2, 0.0006709252557796953],
  ])('Kolmogorov of %d and more', (t, expected) => {
    expect(special.kolmogorovAbove(t)).toBeCloseTo(expected, 9)
  })
})

describe('proportions', () => {
  test.each([
    [0, 20, 0.95, 0, 0.16843347098308548],
    [20, 20, 0.95, 0.8315665290169145, 1],
    [7, 50, 0.95, 0.05819170033997344, 0.26739600249700846],
    [474, 1000, 0.95, 0.44266773447408897, 0.5054857455876622],
    [474, 1000, 0.99, 0.43303292032891577, 0.5152180332924645],
  ])('Clopper-Pearson of %i in %i at %d', (successes, trials, level, low, high) => {
    const interval = clopperPearson(successes, trials, level)
    expect(interval[0]).toBeCloseTo(low, 9)
    expect(interval[1]).toBeCloseTo(high, 9)
  })

  test('nothing in n trials leaves the closed form 1 - (alpha/2)^(1/n)', () => {
    for (const n of [1, 17, 4000]) expect(clopperPearson(0, n)[1]).toBeCloseTo(1 - 0.025 ** (1 / n), 9)
  })

  test('binomial tails', () => {
    expect(binomialAtLeast(12, 50, 0.16)).toBeCloseTo(0.09286588325846151, 10)
    expect(binomialAtMost(3, 50, 0.16)).toBeCloseTo(0.031165369357735076, 10)
    expect(binomialAtLeast(500, 1000, 0.45)).toBeCloseTo(0.0008465492166192642, 12)
    expect([binomialAtLeast(0, 5, 0.2), binomialAtMost(5, 5, 0.2)]).toEqual([1, 1])
  })

  test('more successes than trials are wired wrong', () => {
    expect(() => clopperPearson(3, 2)).toThrow(TypeError)
    expect(() => clopperPearson(0.5, 2)).toThrow(TypeError)
  })
})

describe('ranks', () => {
  test('ties share the mean of their ranks', () => {
    expect(midranks([10, 30, 20, 20, 5])).toEqual([2, 5, 3.5, 3.5, 1])
  })

  test('area under the curve: of 2 x 2 pairs, three and a half are in order', () => {
    expect(auc([3, 2], [1, 2])).toBe(0.875)
    expect(auc([1, 2, 3], [1, 2, 3])).toBe(0.5)
    expect(auc([4], [1, 2, 3])).toBe(1)
    expect(auc([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5], [2, 7, 1, 8, 2, 8, 1, 8, 2, 8, 4])).toBeCloseTo(
      0.4628099173553719,
      12,
    )
  })

  test('Kendall', () => {
    expect(kendallTau([1, 2, 3, 4], [10, 20, 30, 40])).toBe(1)
    expect(kendallTau([1, 2, 3, 4], [9, 5, 3, 1])).toBe(-1)
    expect(kendallTau([1, 2, 3], [1, 3, 2])).toBeCloseTo(1 / 3, 12)
    expect(kendallTau([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5], [2, 7, 1, 8, 2, 8, 1, 8, 2, 8, 4])).toBeCloseTo(
      0.14757295747452434,
      12,
    )
    expect(kendallTau([1, 1], [1, 2])).toBeNaN()
  })

  const differences = [1.1, 2.3, -0.4, 3.2, 0.9, -1.7, 2.8, 4.1, -0.2, 1.9, 0.6, 5]

  test('Wilcoxon, exact and by the normal', () => {
    expect(wilcoxon(differences)).toEqual({ n: 12, statistic: 69, p: expect.closeTo(0.01611328125, 12) as number })
    const tied = wilcoxon([1, 2, -1, 3, 2, -2, 3, 4, -1, 2, 1, 5, 0, 0])
    expect(tied).toEqual({ n: 12, statistic: 66.5, p: expect.closeTo(0.03273065935268391, 10) as number })
  })

  test('Wilcoxon of n positive differences is 2 of the 2^n choices of signs', () => {
    for (const n of [3, 8, 20]) expect(wilcoxon(times(n, (i) => i + 1)).p).toBeCloseTo(2 / 2 ** n, 12)
    expect(wilcoxon([0, 0]).p).toBe(1)
  })

  test('beyond the exact range the normal carries on where counting stopped', () => {
    const alternating = (n: number): number[] => times(n, (i) => (i % 3 === 0 ? -(i + 1) : i + 1))
    const exact = wilcoxon(alternating(50)).p
    const normal_ = wilcoxon([...alternating(50), 0.5, -0.4]).p
    expect(Math.abs(Math.log(exact / normal_))).toBeLessThan(0.1)
  })
})

describe('paired differences', () => {
  test('a shift is found with its size, and none where there is none', () => {
    const rng = createRng(1)
    const first = times(400, () => 10 + normal(rng))
    const shifted = pairedDifference(
      first,
      first.map((value) => value + 0.3 + normal(rng) / 4),
      { rng },
    )
    expect(shifted.ci[0]).toBeLessThan(0.3)
    expect(shifted.ci[1]).toBeGreaterThan(0.3)
    expect(shifted.ci[0]).toBeGreaterThan(0.2)
    expect(shifted.p).toBeLessThan(1e-9)
    const same = pairedDifference(
      first,
      first.map((value) => value + normal(rng) / 4),
      { rng },
    )
    expect(same.ci[0]).toBeLessThan(0)
    expect(same.ci[1]).toBeGreaterThan(0)
    expect(same.p).toBeGreaterThan(0.01)
  })

  test('the interval covers the median difference as often as it says', () => {
    const rng = createRng(2)
    const runs = times(300, () => {
      const { ci } = pairedDifference(
        times(60, () => 0),
        times(60, () => normal(rng)),
        { rng, resamples: 400, level: 0.9 },
      )
      return ci[0] <= 0 && 0 <= ci[1] ? 1 : 0
    })
    // 300 runs at 0.90 have a standard deviation of 0.017; percentile intervals of a median are a little off besides.
    expect(mean(runs)).toBeGreaterThan(0.84)
    expect(mean(runs)).toBeLessThan(0.96)
  })
})

describe('Holm', () => {
  test('takes the smallest p value with alpha/m, the next with alpha/(m - 1), and stops at the first that stays', () => {
    expect(holmAdjusted([0.01, 0.04, 0.03, 0.005])).toEqual(
      [0.03, 0.06, 0.06, 0.02].map((p) => expect.closeTo(p, 12) as number),
    )
    expect(holm([0.01, 0.04, 0.03, 0.005], 0.05)).toEqual([true, false, false, true])
    expect(holm([0.03, 0.0001], 0.01)).toEqual([false, true])
    expect(holm([], 0.01)).toEqual([])
  })

  test('keeps the chance of one false alarm in twenty tests at alpha', () => {
    const rng = createRng(3)
    const alarms = times(2000, () => (holm(times(20, rng.uniform), 0.05).includes(true) ? 1 : 0))
    // 0.05 within four standard deviations of 0.0049.
    expect(Math.abs(mean(alarms) - 0.05)).toBeLessThan(0.02)
  })
})

describe('goodness of fit', () => {
  test('chi-square', () => {
    expect(chiSquare([18, 22, 29, 31], [25, 25, 25, 25])).toEqual({
      statistic: 4.4,
      freedom: 3,
      p: expect.closeTo(0.2213853871894879, 10) as number,
    })
    const table = independence([
      [10, 20, 30],
      [25, 15, 20],
    ])
    expect(table.statistic).toBeCloseTo(9.142857142857142, 10)
    expect(table.p).toBeCloseTo(0.010343173196618252, 10)
  })

  test('Kolmogorov-Smirnov: the largest distance, and a p value near the exact one of ten values', () => {
    const { statistic, p } = ksUniform([0.02, 0.11, 0.13, 0.2, 0.41, 0.5, 0.62, 0.77, 0.9, 0.93])
    expect(statistic).toBeCloseTo(0.2, 12)
    // Stephens' correction is a few hundredths off in the middle at n = 10; it is made for the tail.
    expect(Math.abs(p - 0.7487)).toBeLessThan(0.03)
    // The distance counts on both sides of the steps, and in both directions.
    expect(ksUniform([0.5, 0.6, 0.9]).statistic).toBeCloseTo(0.5, 12)
    expect(ksUniform([0.1, 0.4, 0.5]).statistic).toBeCloseTo(0.5, 12)
    expect(ksUniform(times(200, (i) => (i / 200) ** 2)).p).toBeLessThan(1e-6)
  })
})

describe('flows', () => {
  test('Pearson', () => {
    expect(pearson([1, 2, 3], [2, 4, 6])).toBeCloseTo(1, 12)
    expect(pearson([1, 2, 3], [3, 2, 1])).toBeCloseTo(-1, 12)
    expect(pearson([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5], [2, 7, 1, 8, 2, 8, 1, 8, 2, 8, 4])).toBeCloseTo(
      0.09422924859889797,
      12,
    )
    expect(correlation(centred([1, 2, 4]), centred([1, 2, 4]))).toBeCloseTo(1, 12)
  })

  test('a flow that never changes is like nothing', () => {
    const still = times(10, () => 0.1)
    expect(pearson(still, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])).toBe(0)
    // Their means are not 0.1 but a rounding below it, and what is left of both is equal.
    expect(pearson(still, still)).toBe(0)
  })

  test('events fall into the bin of their time', () => {
    const events = [
      { t: 99, octets: 1 },
      { t: 100, octets: 2 },
      { t: 149, octets: 3 },
      { t: 150, octets: 4 },
      { t: 300, octets: 5 },
    ]
    expect([...binned(events, 50, 3, 100)]).toEqual([5, 4, 0])
  })
})

describe('permutations', () => {
  test('the p value counts the observation itself', () => {
    expect(pValue(5, [1, 2, 3])).toBe(1 / 4)
    expect(pValue(2, [1, 2, 3])).toBe(3 / 4)
    expect(pValue(0.1 + 0.2, [0.3])).toBe(1)
  })

  test('the null keeps the labels and loses their order', () => {
    const labels = [0, 0, 1, 1]
    const null_ = permutationNull(labels, (shuffled) => Number(shuffled.join('')), createRng(1), 600)
    const orders = new Set(null_)
    expect(orders).toEqual(new Set([11, 101, 110, 1001, 1010, 1100]))
  })
})
