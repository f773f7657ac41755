/** The pair as processes, watched on every link: nothing leaks that may not, and what is made to leak is seen. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { auditOf, type AuditResult } from './audit.ts'
import type { Phase } from './capture.ts'
import { faithful, liveMutants } from './mutants/mutants.ts'
import { auditMutant } from './mutants/run.ts'
import { startLivePair, type LivePair } from './pair.ts'
import { captureOf } from './run.ts'
import { ourRelay } from './subject.ts'
import { liveTests } from './tests/all.ts'

const phases: readonly Phase[] = ['keys', 'calls', 'statuses', 'refusals', 'departures', 'drips', 'streams']
const quiet = (name: string): Phase[] => phases.filter((phase) => phase !== name)

describe('a live pair', { timeout: 60_000 }, () => {
  let pair: LivePair
  beforeAll(async () => {
    pair = await startLivePair()
  }, 60_000)
  afterAll(() => pair.stop())

  test('keeps its contract on every link, and every party that must see something saw it', async () => {
    const { rows, matrix } = auditOf(await captureOf(ourRelay(pair, 'front'), { clients: 6, each: 4, phases }), 'front')
    expect(failures(rows)).toEqual([])
    expect(rows.filter(({ verdict }) => verdict === 'inconclusive')).toEqual([])
    expect(matrix.filter(({ verdict }) => verdict === 'violation' || verdict === 'blind')).toEqual([])
    expect(matrix.filter(({ verdict }) => verdict === 'clear').length).toBeGreaterThan(80)
    expect(matrix).toHaveLength(34 * 11)
  })

  test('a relay of the lab that leaks nothing fails nothing', async () => {
    const { rows } = await auditMutant(
      pair,
      'front',
      { ...faithful, phases: quiet('streams') },
      { clients: 4, each: 3 },
    )
    expect(failures(rows)).toEqual([])
  })

  // One of each kind; the command line runs all.
  const some = ['hashed-address', 'own-connection', 'passed-departure', 'telling-openings', 'unpadded', 'logged-prompt']
  test.each(liveMutants.filter(({ name }) => some.includes(name)))('$name is caught by $test', async (mutant) => {
    const { rows } = await auditMutant(pair, 'front', mutant, { clients: 6, each: 4 })
    expect(failures(rows).map(([id]) => id)).toContain(mutant.test)
  })
})

test('every planted leak names a row that there is, and there are enough of them', () => {
  const ids = new Set([...liveTests.map(({ id }) => id), 'canary.G', 'canary.R', 'canary.MR', 'canary.MG'])
  expect(liveMutants.map(({ test }) => test).filter((id) => !ids.has(id))).toEqual([])
  expect(new Set(liveMutants.map(({ name }) => name)).size).toBe(liveMutants.length)
  expect(liveMutants.length).toBeGreaterThanOrEqual(30)
})

function failures(rows: AuditResult['rows']): [string, readonly string[]][] {
  return rows.filter(({ verdict }) => verdict === 'fail').map(({ measurement, found }) => [measurement.id, found])
}
