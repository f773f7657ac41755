/** Matching on mixes with a known answer. privacy.md 2.5, acceptance test 3. */
import { describe, expect, test } from 'vitest'
import { times } from '../stats/numbers.ts'
import { createRng } from '../stats/rng.ts'
import { ratio } from '../stats/bootstrap.ts'
import { exchanges, run, windows } from '../simulate/exchanges.ts'
import { passing, timed, type Mix } from '../simulate/mixes.ts'
import type { Window } from '../types.ts'
import { matchingLimit, timedFloor } from '../claims.ts'
import { profiles, type Model } from '../simulate/profiles.ts'
import { echo, languageModel } from '../simulate/workload.ts'
import { addedDelay, byAnswer, learn, matchWindow, offTick, orderKept, type Leg } from './timing.ts'

function accuracy(model: Model, leg: Leg, rate: number, service = echo, many = 40): number {
  const rng = createRng(3, `${leg} ${rate}`)
  const traffic = { rate, count: 64, clients: 64, service, rng }
  const learnt = learn(exchanges(model, { ...traffic, count: 128, rng: rng.fork('probes') }))
  return ratio(windows(model, traffic, many).map((all) => [matchWindow(all, { leg, learnt, rng }).right, 64] as const))
}

const ticked = (period: number): Model => ({ ...profiles.direct, outward: timed(period), inward: timed(period) })

describe('an ideal timed mix', () => {
  test.each<[Leg, number, number]>([
    ['request', 2, 100],
    ['request', 20, 100],
    ['request', 200, 100],
    ['response', 20, 100],
    ['response', 200, 100],
  ])('leaks what its closed form says: %s at %i/s', (leg, rate, period) => {
    expect(Math.abs(accuracy(ticked(period), leg, rate) - timedFloor(rate, period) - 1 / 64)).toBeLessThan(0.03)
  })

  test('hides less from somebody who sees all four times', () => {
    const both = accuracy(ticked(100), 'round trip', 200, languageModel, 10)
    expect(both).toBeGreaterThan(5 * timedFloor(200, 100))
  })
})

test('passing on at once hides nobody', () => {
  expect(accuracy({ ...profiles.direct, outward: passing }, 'request', 20)).toBeGreaterThan(0.98)
})

test.each([
  [20, 50, 0.632],
  [200, 50, 0.1],
  [0, 50, 1],
])('the floor at %i/s and %i ms is %f', (rate, period, floor) => {
  expect(timedFloor(rate, period)).toBeCloseTo(floor, 3)
  expect(matchingLimit(floor, 64)).toBeCloseTo(1.25 * floor + 1 / 64 + 0.02, 9)
})

describe('order inside a batch', () => {
  const traffic = { rate: 200, count: 64, clients: 64, service: echo, rng: createRng(5) }
  const tau = (model: Model, leg: 'request' | 'response'): number =>
    ratio(windows(model, traffic, 20).map((window) => orderKept(window, leg, 100)))

  test.each<['request' | 'response']>([['request'], ['response']])('%s: shuffled, none of it remains', (leg) => {
    expect(Math.abs(tau(ticked(100), leg))).toBeLessThan(0.05)
  })

  test('as they came, all of it does', () => {
    expect(tau({ ...ticked(100), outward: timed(100, { order: 'as they came' }) }, 'request')).toBeGreaterThan(0.999)
    expect(tau({ ...ticked(100), inward: timed(100, { order: 'as they came' }) }, 'response')).toBeGreaterThan(0.999)
  })
})

test('what leaves beside the tick is counted, both ways', () => {
  const traffic = { rate: 200, count: 64, clients: 8, service: echo, rng: createRng(6) }
  expect(offTick(exchanges(ticked(50), traffic), 50)).toBe(0)
  expect(offTick(exchanges({ ...ticked(50), inward: passing }, traffic), 50)).toBeGreaterThan(50)
  expect(offTick(exchanges(profiles.direct, traffic), 50)).toBeGreaterThan(110)
})

test('half a period is added on average, and never more than one', () => {
  const traffic = { rate: 200, count: 4000, clients: 64, service: echo, rng: createRng(7) }
  const { mean, p99 } = addedDelay(exchanges(ticked(50), traffic))
  expect(Math.abs(mean - 25)).toBeLessThan(1)
  expect(p99).toBeLessThan(50.5)
})

test('where lengths are looked at, they alone find everybody who has one of his own', () => {
  const rng = createRng(8)
  const window = exchanges(ticked(250), { rate: 200, count: 32, clients: 8, service: echo, rng })
  const unique = window.map((trial, i) => ({ ...trial, request: { raw: i, a: i, b: i } }))
  const learnt = learn(window)
  const options = { leg: 'request', learnt, rng } as const
  expect(matchWindow(unique, { ...options, sizes: true }).right).toBe(32)
  expect(matchWindow(unique, options).right).toBeLessThan(12)
})

test('what leaves at the very same time is matched by luck alone', () => {
  const rng = createRng(11)
  const tick: Mix = (arrivals) => arrivals.map(({ t }) => (Math.floor(t / 100) + 1) * 100)
  const traffic = { rate: 200, count: 64, clients: 64, service: echo, rng }
  const all = windows({ ...profiles.direct, outward: tick }, traffic, 40)
  const learnt = learn(all.flat().slice(0, 128))
  const rights = all.map((window) => [matchWindow(window, { leg: 'request', learnt, rng }).right, 64] as const)
  expect(ratio(rights)).toBeLessThan(timedFloor(200, 100) + 0.04)
})

test('beliefs of somebody who knows nothing are even', () => {
  const rng = createRng(9)
  const window = times(16, (i) => ({
    client: i,
    intent: 0,
    request: { raw: 1, a: 1, b: 1 },
    response: { raw: 1, a: 1, b: 1 },
    times: { in: i * 0.01, out: 100, resp: 110, back: 120 },
    upstream: 0,
  }))
  const learnt = { request: { cost: () => 1 }, response: { cost: () => 1 } }
  const { entropy, singletons, topBelief } = matchWindow(window, { leg: 'round trip', learnt, rng })
  expect([entropy, singletons, topBelief]).toEqual([4, 0, 1 / 16])
})

test('answers are as dense as requests where windows follow them', () => {
  const rng = createRng(10)
  const traffic = { rate: 200, count: 64, clients: 64, service: languageModel, rng }
  const seen = byAnswer(run(ticked(50), traffic, 60))
  const span = (window: Window): number => (window.at(-1)?.times.resp ?? 0) - (window[0]?.times.resp ?? 0)
  expect(seen.length).toBeGreaterThan(10)
  expect(Math.abs(seen.reduce((sum, window) => sum + span(window), 0) / seen.length - 320)).toBeLessThan(40)
  expect(seen.every((window) => window.length === 64)).toBe(true)
})
