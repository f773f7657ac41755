/** What each probe says of material whose answer is known. privacy.md 2.4, 2.6, 2.10, 2.11. */
import { describe, expect, test } from 'vitest'
import { onGrid } from '../../../shared/shaping/buckets.ts'
import { mean, times } from '../stats/numbers.ts'
import { createRng } from '../stats/rng.ts'
import { minutes } from '../simulate/counters.ts'
import type { Minute, Sizes, Trial } from '../types.ts'
import { extraChanges, guessSecond, oddSteps, secondsFound } from './differencing.ts'
import { roundsByFormula, roundsExpected, roundsSimulated } from './intersection.ts'
import { delta, linkability, majority } from './linkability.ts'
import { named, offGrid, overhead, unequalLengths } from './size.ts'

function trial(changes: Partial<Trial> = {}): Trial {
  const sizes: Sizes = { raw: 700, a: 1024, b: 1024 }
  const times = { in: 0, out: 1, resp: 2, back: 3 }
  return { client: 0, intent: 0, request: sizes, response: sizes, times, upstream: 0, ...changes }
}

describe('sizes', () => {
  test.each<[string, Partial<Trial>, number]>([
    ['all padded', {}, 0],
    ['a request on link A', { request: { raw: 700, a: 700, b: 1024 } }, 1],
    ['a request on link B', { request: { raw: 700, a: 1024, b: 1030 } }, 1],
    ['an answer on both', { response: { raw: 700, a: 700, b: 700 } }, 2],
  ])('off the grid: %s', (_, changes, count) => {
    expect(offGrid([trial(), trial(changes)], onGrid)).toBe(count)
  })

  test('lengths are compared as multisets: order says nothing, one octet does', () => {
    const one = trial({ request: { raw: 1, a: 1024, b: 4096 } })
    const other = trial({ request: { raw: 1, a: 4096, b: 1024 } })
    expect(unequalLengths([one, other])).toBe(0)
    expect(unequalLengths([one, trial()])).toBe(1)
    expect(unequalLengths([trial({ response: { raw: 1, a: 1024, b: 1025 } })])).toBe(1)
  })

  test('overhead, distinct lengths and the smallest set', () => {
    const of = (raw: number, a: number): Sizes => ({ raw, a, b: a })
    expect(overhead([of(500, 1024), of(524, 1024), of(1024, 4096)])).toEqual({ distinct: 2, overhead: 2, smallest: 1 })
  })

  test('a mean names the message that one random length does not', () => {
    const rng = createRng(1)
    const noisy = (message: number, count: number) => ({
      message,
      lengths: times(count, () => 1000 + message * 10 + rng.below(200)),
    })
    const known = times(8, (message) => noisy(message, 2000))
    const found = named(
      known,
      times(400, () => noisy(rng.below(8), 800)),
      rng,
    )
    expect(mean(found.map(([once]) => once))).toBeLessThan(0.35)
    expect(mean(found.map(([, averaged]) => averaged))).toBeGreaterThan(0.8)
  })

  test('between messages of one length only luck decides', () => {
    const known = times(4, (message) => ({ message, lengths: [1024] }))
    const found = named(
      known,
      times(2000, (i) => ({ message: i % 4, lengths: [1024, 1024] })),
      createRng(2),
    )
    expect(Math.abs(mean(found.map(([, averaged]) => averaged)) - 0.25)).toBeLessThan(0.04)
  })
})

describe('linkability', () => {
  const rng = createRng(4)
  const window = (upstream: (client: number) => number): Trial[] =>
    times(64, (i) => trial({ client: i % 8, upstream: upstream(i % 8) }))

  test('a connection for each client is a delta of one, all on one connection none', () => {
    expect(delta(window((client) => client))).toBe(1)
    expect(delta(window(() => 0))).toBe(0)
  })

  test('nobody who came twice makes no delta', () => {
    expect(delta(times(8, (client) => trial({ client })))).toBeNaN()
  })

  test('connections by lot leave nothing, and shuffling them gives as much as often', () => {
    const { deltas, p } = linkability(
      times(40, () => window(() => rng.below(4))),
      rng,
      200,
    )
    expect(Math.abs(mean(deltas))).toBeLessThan(0.02)
    expect(p).toBeGreaterThan(0.01)
  })

  test('every second message on a connection of its own client is seen', () => {
    const sticky = (client: number): number => (rng.below(2) === 0 ? client % 4 : rng.below(4))
    const { deltas, p } = linkability(
      times(40, () => window(sticky)),
      rng,
      200,
    )
    expect(mean(deltas)).toBeGreaterThan(0.1)
    expect(p).toBeLessThan(0.01)
  })

  test('the majority of a connection is one only where it has one client', () => {
    expect(majority(window((client) => client))).toBe(1)
    expect(majority(window(() => 0))).toBe(1 / 8)
  })
})

describe('differencing', () => {
  const rng = createRng(5)
  const live = { every: 1, unit: 1 }
  const epochs = { every: 60, unit: 10 }

  test('a counter that moves once gives the second away', () => {
    const minute: Minute = { readings: times(61, (i) => (i > 17 ? 1 : 0)), second: 17 }
    expect(guessSecond(minute, rng)).toBe(17)
  })

  test('a live counter finds whoever comes when nobody else does; snapshots leave luck', () => {
    expect(secondsFound(minutes(live, 0.01, 200, rng), rng)).toBeGreaterThan(120)
    expect(secondsFound(minutes(epochs, 0.01, 2000, rng), rng)).toBeLessThan(60)
  })

  test('published steps are tens, one a minute', () => {
    const published = minutes(epochs, 5, 50, rng)
    expect([oddSteps(published, 10), extraChanges(published)]).toEqual([0, 0])
    const raw = minutes(live, 5, 50, rng)
    expect(oddSteps(raw, 10)).toBeGreaterThan(1000)
    expect(extraChanges(raw)).toBeGreaterThan(1000)
  })
})

describe('intersection', () => {
  // Simulated on the page: 3.1 where the formula says 2.3, 8.7 for 7.6, 94 for 87.
  test.each([
    [1000, 0.05, 2.3, 3.1],
    [10_000, 0.3, 7.6, 8.7],
    [10_000, 0.9, 87, 94],
  ])('%i others of whom %f are active: %f rounds by the formula, %f in truth', (others, active, formula, truth) => {
    const simulated = mean(roundsSimulated(others, active, 300, createRng(6, `${active}`)))
    expect(roundsByFormula(others, active)).toBeCloseTo(formula, formula > 50 ? 0 : 1)
    expect(Math.abs(simulated - roundsExpected(others, active))).toBeLessThan(0.05 * truth)
    expect(Math.abs(roundsExpected(others, active) - truth)).toBeLessThan(0.2 + 0.03 * truth)
  })
})
