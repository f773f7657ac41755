/** Level 0 of the other profiles, its seeds, and which leaks are planted where. privacy.md 2.2. */
import { expect, test } from 'vitest'
import { claims, profileNames } from './claims.ts'
import { settle } from './gate.ts'
import { checks } from './level0.checks.ts'
import { few, fewest } from './level0.few.ts'
import { level0 } from './level0.ts'
import { testsOn } from './measures/all.ts'
import { mutants, mutantsFor } from './simulate/mutants.ts'
import { observe } from './simulate/observe.ts'
import { profiles } from './simulate/profiles.ts'
import { createRng } from './stats/rng.ts'

const horizon = await level0({ seed: 7, amounts: few, profile: 'horizon' })

checks(horizon)

test('with answers at a fixed time both ends together see no more than one', () => {
  const both = horizon.results.find(({ id }) => id === 'timing.round-trip@200')
  expect(both?.threshold).toBeCloseTo(1.25 * 0.1 + 1 / 64 + 0.02, 3)
  expect(both?.verdict).toBe('pass')
})

test('one seed gives one report, octet by octet, and another seed another', async () => {
  const of = async (seed: number): Promise<string> =>
    JSON.stringify(await level0({ seed, amounts: fewest, profile: 'direct' }))
  const first = await of(7)
  expect(await of(7)).toBe(first)
  expect(await of(8)).not.toBe(first)
}, 120_000)

test('leaks have names of their own, and there are at least thirty', () => {
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length)
  expect(mutants.length).toBeGreaterThanOrEqual(30)
})

test('leaks have names of their own, and there are at least thirty', () => {
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length)
  expect(mutants.length).toBeGreaterThanOrEqual(30)
})

test.each(profileNames)('a leak is planted in %s only where there is a test for it', (profile) => {
  const tests = testsOn(observe(profiles[profile], createRng(1), few), claims[profile], createRng(2))
  const ids = new Set(tests.map(({ id }) => id))
  expect(mutantsFor(profile).filter(({ test: of }) => !ids.has(of))).toEqual([])
})

test('ideal pairs pass what has no chance in it at twenty seeds, and what has, but for one', () => {
  const ids = [
    'size.off-grid',
    'size.unequal',
    'timing.off-tick',
    'timing.order.request.arrival',
    'stream.uneven-ticks',
  ]
  const verdicts = Array.from({ length: 20 }, (_, seed) => {
    const material = observe(profiles.paced, createRng(seed, 'ideal'), { ...fewest, windows: 16 })
    const tests = testsOn(material, claims.paced, createRng(seed)).filter(({ id }) => ids.includes(id))
    return settle(tests).map(({ verdict }) => verdict)
  }).flat()
  expect(verdicts).toHaveLength(100)
  expect(verdicts.filter((verdict) => verdict === 'fail')).toEqual([])
  expect(verdicts.filter((verdict) => verdict === 'inconclusive').length).toBeLessThanOrEqual(1)
}, 120_000)

test.each(profileNames)('with a second seal messages still fit the sizes of %s', (profile) => {
  const seen = observe({ ...profiles[profile], layers: 55 }, createRng(3), fewest).messages?.(1) ?? []
  expect(seen).toHaveLength(fewest.messages)
  expect(seen.filter(({ request: { raw, a } }) => a !== claims[profile].fit(raw))).toEqual([])
})
