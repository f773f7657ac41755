/** Information on channels whose capacity is known, privacy.md section 6 (2); margins are multiples of the sampling error. */
import { describe, expect, test } from 'vitest'
import { weighted } from './draws.ts'
import { ksUniform } from './goodness.ts'
import { effectiveSize, entropy, mutualInformation, plugInInformation } from './information.ts'
import { mean, times } from './numbers.ts'
import { codes, mostBins, quantiser } from './quantise.ts'
import { createRng, type Rng } from './rng.ts'

type Channel = readonly (readonly number[])[]

const binarySymmetric = (flip: number): Channel => [
  [1 - flip, flip],
  [flip, 1 - flip],
]
/** A zero always arrives, a one is lost with this chance. */
const z = (loss: number): Channel => [
  [1, 0],
  [loss, 1 - loss],
]

/** log2 p(y|x)/p(y) of every cell with its probability, for inputs that are equally likely. */
function surprises(channel: Channel): { p: number; bits: number }[] {
  const outputs = [0, 1].map((y) => mean(channel.map((row) => row[y] as number)))
  return channel.flatMap((row) =>
    row.map((p, y) => ({ p: p / 2, bits: p === 0 ? 0 : Math.log2(p / (outputs[y] as number)) })),
  )
}

function truth(channel: Channel): { bits: number; deviation: number } {
  const cells = surprises(channel)
  const bits = cells.reduce((total, { p, bits: each }) => total + p * each, 0)
  const square = cells.reduce((total, { p, bits: each }) => total + p * each ** 2, 0)
  return { bits, deviation: Math.sqrt(square - bits ** 2) }
}

function sent(channel: Channel, n: number, rng: Rng): { x: number[]; y: number[] } {
  const x = times(n, () => rng.below(2))
  return { x, y: x.map((input) => weighted(rng, channel[input] as number[])) }
}

const quick = { permutations: 60, resamples: 60 }
const n = 5000

describe('entropy', () => {
  test.each([
    [[1, 1, 1, 1], 2],
    [[1, 0, 0], 0],
    [[3, 1], 0.8112781244591328],
    [[0.5, 0.25, 0.25], 1.5],
  ])('of %j is %d bits', (counts, bits) => {
    expect(entropy(counts)).toBeCloseTo(bits, 12)
  })

  test('an even spread over k has the effective size k', () => {
    expect(effectiveSize([0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125])).toBeCloseTo(8, 12)
  })
})

describe('the plug-in estimate', () => {
  test.each([
    ['what is copied', [0, 0, 1, 1], [3, 3, 5, 5], 1],
    ['what is independent', [0, 0, 1, 1], [0, 1, 0, 1], 0],
    ['one flip in four', [0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1, 1, 0], 1 - 0.8112781244591328],
  ])('of %s', (_, x, y, bits) => {
    expect(plugInInformation(x, y)).toBeCloseTo(bits, 12)
  })

  test('given what explains everything, nothing is left; given nothing to do with it, all is', () => {
    const x = [0, 0, 1, 1, 0, 0, 1, 1]
    expect(plugInInformation(x, x, x)).toBeCloseTo(0, 12)
    expect(plugInInformation(x, x, [0, 1, 0, 1, 0, 1, 0, 1])).toBeCloseTo(1, 12)
  })

  test('an exclusive or tells nothing alone and everything together with the other half', () => {
    const x = [0, 0, 1, 1]
    const key = [0, 1, 0, 1]
    const y = x.map((bit, i) => bit ^ (key[i] as number))
    expect(plugInInformation(x, y)).toBeCloseTo(0, 12)
    expect(plugInInformation(x, y, key)).toBeCloseTo(1, 12)
  })
})

describe('known channels', () => {
  test.each([
    ['binary symmetric 0.05', binarySymmetric(0.05)],
    ['binary symmetric 0.1', binarySymmetric(0.1)],
    ['binary symmetric 0.25', binarySymmetric(0.25)],
    ['binary symmetric 0.4', binarySymmetric(0.4)],
    ['Z 0.1', z(0.1)],
    ['Z 0.5', z(0.5)],
  ])('%s: within 0.02 bits on average over 16 runs, each within four standard errors', (name, channel) => {
    const { bits, deviation } = truth(channel)
    const error = deviation / Math.sqrt(n)
    const found = times(16, (run) => {
      const rng = createRng(run).fork(name)
      const { x, y } = sent(channel, n, rng)
      return mutualInformation(x, y, { rng, ...quick }).bits
    })
    // Four standard errors of a mean of 16 are one of a single run, at most 0.0134 here: inside 0.02 for every seed.
    expect(error).toBeLessThan(0.02)
    expect(Math.abs(mean(found) - bits)).toBeLessThan(0.02)
    for (const one of found) expect(Math.abs(one - bits)).toBeLessThan(4 * error)
  })

  test('the interval holds the truth as often as it says', () => {
    const channel = binarySymmetric(0.25)
    const { bits } = truth(channel)
    const held = times(200, (run) => {
      const rng = createRng(run).fork('coverage')
      const { x, y } = sent(channel, 1000, rng)
      const { ci } = mutualInformation(x, y, { rng, permutations: 30, resamples: 200 })
      return ci[0] <= bits && bits <= ci[1] ? 1 : 0
    })
    // 0.95 less four standard errors of 200 runs (0.0154).
    expect(mean(held)).toBeGreaterThan(0.95 - 0.062)
  })
})

describe('independent data', () => {
  const independent = (run: number): { x: number[]; y: number[]; rng: Rng } => {
    const rng = createRng(run).fork('independent')
    return { x: times(200, () => rng.below(8)), y: times(200, () => 1 + rng.below(10_000)), rng }
  }

  test('p values are uniform over 200 runs', () => {
    const found = times(200, (run) => {
      const { x, y, rng } = independent(run)
      return mutualInformation(x, y, { rng, permutations: 199, resamples: 1, bins: 16 }).p
    })
    expect(ksUniform(found).p).toBeGreaterThan(0.01)
    // The lattice of 1/200 could hide a p value that is always too large.
    expect(Math.abs(mean(found) - 0.5)).toBeLessThan(4 / Math.sqrt(12 * 200))
  })

  test('the plain estimate invents a bit, the centred one does not', () => {
    const { x, y, rng } = independent(1)
    const found = mutualInformation(x, y, { rng, permutations: 200, resamples: 1, bins: 500 })
    expect(found.plugIn).toBeGreaterThan(1)
    expect(Math.abs(found.bits)).toBeLessThan(0.1)
  })

  test('nor does the interval: resampling adds its bias a second time', () => {
    const { x, y, rng } = independent(2)
    const { draws, bits } = mutualInformation(x, y, { rng, permutations: 200, resamples: 200, bins: 500 })
    expect(mean(draws)).toBeCloseTo(bits, 6)
  })
})

describe('the two resolutions', () => {
  test('disagree where the finer bins hold the whole secret', () => {
    const rng = createRng(5)
    const x = times(2000, () => rng.below(2))
    // Neighbouring lengths alternate between the classes: half as many bins see nothing.
    const y = x.map((bit) => Math.expm1(((2 * rng.below(20) + bit + 0.5) / 40) * 10))
    const found = mutualInformation(x, y, { rng, ...quick, bins: 40 })
    expect(found.bits).toBeGreaterThan(0.5)
    expect(found.agrees).toBe(false)
  })

  test('agree on padded sizes, which are not quantised at all', () => {
    const rng = createRng(6)
    const x = times(2000, () => rng.below(4))
    const y = x.map((label) => [1024, 1024, 4096, 16_384][label] as number)
    const found = mutualInformation(x, y, { rng, ...quick })
    expect(found.agrees).toBe(true)
    expect(found.bits).toBeCloseTo(1.5, 1)
  })
})

describe('the shuffle of labels stays inside what is given', () => {
  test('so that a bucket that explains all leaves no information, and no null either', () => {
    const rng = createRng(7)
    const bucket = times(1000, () => rng.below(3))
    const label = bucket.map((each) => each * 2 + rng.below(2))
    const found = mutualInformation(
      label,
      bucket.map((each) => 1000 * (each + 1)),
      { rng, ...quick, given: bucket },
    )
    expect(found.bits).toBe(0)
    expect(found.plugIn).toBeCloseTo(0, 12)
    expect(found.null.p99).toBeCloseTo(0, 12)
  })
})

describe('quantisers', () => {
  test('leave few values apart and send others to the nearest', () => {
    const { bins, code } = quantiser([1024, 4096, 1024, 65_536], 3)
    expect(bins).toBe(3)
    expect([1024, 4096, 65_536, 0, 2559, 2561, 70_000].map(code)).toEqual([0, 1, 2, 0, 0, 1, 2])
  })

  test('put many values into bins of equal ratio', () => {
    const { bins, code } = quantiser(
      times(1000, (i) => 2 ** (i / 100)),
      10,
    )
    expect(bins).toBe(10)
    const found = new Set(times(1000, (i) => code(2 ** (i / 100))))
    expect(found.size).toBe(10)
    expect([0, 1e9].map(code)).toEqual([0, 9])
  })

  test('n trials may have n/50 bins, never fewer than two', () => {
    expect([10, 100, 4000].map(mostBins)).toEqual([2, 2, 80])
  })

  test('codes count from 0 in the order of first appearance', () => {
    expect(codes(['b', 'a', 'b', 'c'])).toEqual({ codes: [0, 1, 0, 2], size: 3 })
  })
})
