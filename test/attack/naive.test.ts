/** Every attack has bitten at least once: a pair as one writes it in an afternoon falls to each that it could fall to. */
import { expect, test } from 'vitest'
import { playAll } from './cli/run.ts'
import { scenarios } from './scenarios/all.ts'

test('a naive pair is exposed by every scenario that applies to it', async () => {
  const some = scenarios.filter(({ withoutNaive }) => withoutNaive === undefined)
  const played = await playAll(some, { seed: 1, mutant: true, proof: false })
  const standing = played.filter(({ finding }) => finding.outcome !== 'EXPOSED')
  expect(standing.map(({ scenario, finding }) => `${scenario.id} ${finding.outcome}: ${finding.says}`)).toEqual([])
  expect(played.length).toBe(108)
}, 120_000)
