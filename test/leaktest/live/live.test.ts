/** What controls there are, in each placement. That they are caught, and that the pair passes, is the run in leaktest.test.ts. */
import { describe, expect, test } from 'vitest'
import { profiles } from '../../../shared/shaping/profile.ts'
import { columns, placements } from '../contract.ts'
import { partiesIn } from './audit.ts'
import { crowdsIn } from './mutants/crowds.ts'
import { doctorsIn } from './mutants/doctors.ts'
import { liveMutants } from './mutants/mutants.ts'
import { leftOutIn, mutantsIn } from './mutants/placed.ts'
import { heads } from './tests/heads.ts'
import { liveTests } from './tests/all.ts'
import { cellsIn, isIn } from './tests/live-test.ts'

const reported = [
  ...['tls.resumption', 'size.overhead', 'connections.delay', 'streams.tokens', 'stream.uneven-ticks', 'cost.delay'],
  ...['cost.streams', 'ticks.match-request', 'ticks.match-response', 'ticks.match-round-trip'],
]

const cases = placements.flatMap((placement) => profiles.map((profile) => [placement, profile] as const))

describe.each(cases)('in %s, %s', (placement, profile) => {
  const pageless = placement === 'inside' ? ['metrics.differencing-gateway'] : []
  const gated = [
    ...liveTests.filter((each) => isIn(each, placement, profile)).map(({ id }) => id),
    ...partiesIn(placement).map((party) => `canary.${party}`),
  ].filter((id) => !reported.includes(id) && !pageless.includes(id))

  test('every gated test has a planted leak, alone and in the quick run, and every planted leak a test', () => {
    const planted = [...mutantsIn(placement, profile), ...doctorsIn(placement, profile)]
    expect(gated.filter((id) => !planted.some((each) => each.test === id))).toEqual([])
    expect(planted.filter((each) => !gated.includes(each.test))).toEqual([])
    const quick = [...crowdsIn(placement, profile).flatMap(({ mutants }) => mutants), ...doctorsIn(placement, profile)]
    expect(gated.filter((id) => !quick.some((each) => each.test === id))).toEqual([])
    expect(new Set(planted.map(({ name }) => name)).size).toBe(planted.length)
    expect(planted.length).toBeGreaterThanOrEqual(43)
  })

  test('in one crowd every planted leak has a test of its own', () => {
    for (const { mutants } of crowdsIn(placement, profile))
      expect(new Set(mutants.map((each) => each.test)).size).toBe(mutants.length)
  })

  test('what is not planted is named, with the reason', () => {
    const named = leftOutIn(placement)
    const there = liveMutants.filter(({ profiles: only = profiles }) => only.includes(profile))
    const planted = mutantsIn(placement, profile).map(({ name }) => name)
    expect([...planted, ...named.map(({ mutant }) => mutant)].sort()).toEqual(there.map(({ name }) => name).sort())
    expect(named.filter(({ because }) => because.length < 20)).toEqual([])
    expect(named.length).toBeLessThanOrEqual(3)
  })

  test('tests speak for cells that there are', () => {
    const cells = liveTests.flatMap((each) => cellsIn(each, placement))
    expect(cells.filter((cell) => !/^F(0[1-9]|[12]\d|3[0-4]) /.test(cell))).toEqual([])
    expect(cells.filter((cell) => !columns.some((party) => cell.endsWith(` ${party}`)))).toEqual([])
  })
})

test('no two tests have one name', () => {
  expect(new Set(liveTests.map(({ id }) => id)).size).toBe(liveTests.length)
  expect(heads.length).toBeGreaterThan(3)
})
