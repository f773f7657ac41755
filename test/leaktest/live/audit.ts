/** From a capture to rows and a matrix: canaries, structure and tests together, held against the contract of the placement. */
import { ownContract, type Column, type Placement } from '../contract.ts'
import { judge } from '../gate.ts'
import { matrixOf, type MatrixCell } from '../matrix.ts'
import type { Measurement, Verdict } from '../types.ts'
import { auditCanaries, canaryMeasurements } from './canary-audit.ts'
import type { Capture } from './capture.ts'
import { structureOf } from './structure.ts'
import { liveTests } from './tests/all.ts'
import { askAll, cellsIn, type LiveTest } from './tests/live-test.ts'
import { pagesIn } from './wiring.ts'

/** Before controls: what the mutants say is added where all runs are known. */
export type Row = {
  readonly measurement: Measurement
  readonly verdict: Verdict
  readonly found: readonly string[]
  readonly remedy: string
  readonly cells: readonly string[]
}

export type AuditResult = {
  readonly rows: readonly Row[]
  readonly matrix: readonly MatrixCell[]
  readonly patterns: number
}

/** No issuer and no service for collateral runs in a pair on one machine; in `inside` nobody has a page but the relay. */
const everybodyHere = ['NC', 'R', 'MR', 'NR', 'G', 'MG', 'H', 'V', 'K'] as const

export function partiesIn(placement: Placement): readonly Column[] {
  return everybodyHere.filter((party) => party !== 'MG' || pagesIn[placement].includes('gateway'))
}

export function auditOf(
  capture: Capture,
  present: ReadonlySet<Column> = new Set(partiesIn(capture.placement)),
  tests: readonly LiveTest[] = liveTests,
): AuditResult {
  const { placement } = capture
  const contract = ownContract(placement)
  const audit = auditCanaries(capture)
  const canaries = canaryMeasurements(audit, contract).map((row) => ({ ...row, cells: [], remedy: canaryRemedy }))
  const asked = askAll(tests, capture).map(({ test, measurement, found }) => ({
    ...{ measurement, found, cells: cellsIn(test, placement), remedy: test.remedy },
  }))
  const all = [...canaries, ...asked]
  const verdicts = judge(all.map(({ measurement }) => measurement))
  const rows = all.map((row, i): Row => ({ ...row, verdict: doubted(capture, verdicts[i] ?? 'inconclusive') }))
  const spoken = boundsOf(rows)
  const matrix = matrixOf({
    ...{ contract, present, partly: capture.partly, has: capture.has ?? new Set(), bounds: spoken },
    observations: [...audit.observations, ...structureOf(capture), ...(capture.known ?? [])],
    looked: new Set([...audit.looked, ...[...spoken].filter(([, bound]) => bound === 'held').map(([cell]) => cell)]),
  })
  return { rows, matrix: matrix.map((cell) => explained(cell, rows)), patterns: audit.patterns }
}

const canaryRemedy = 'find what wrote it down, and let it write a word from a fixed list instead'

/** Where no canary shows why, the tests do. */
function explained(cell: MatrixCell, rows: readonly Row[]): MatrixCell {
  if (cell.verdict !== 'violation' || cell.where.length > 0) return cell
  const failed = rows.filter(
    ({ cells, verdict }) => verdict === 'fail' && cells.includes(`${cell.field} ${cell.party}`),
  )
  return { ...cell, where: failed.map(({ measurement }) => `test ${measurement.id}`) }
}

/** What could not be read was not searched. */
function doubted({ unreadable }: Capture, verdict: Verdict): Verdict {
  return unreadable > 0 && verdict === 'pass' ? 'inconclusive' : verdict
}

/** A cell holds if every test that speaks of it passed, and is broken if one failed. */
function boundsOf(rows: readonly Row[]): Map<string, 'held' | 'broken' | 'measured'> {
  const bounds = new Map<string, 'held' | 'broken' | 'measured'>()
  const word = { pass: 'held', fail: 'broken', report: 'measured', inconclusive: undefined } as const
  for (const { cells, verdict } of rows) {
    for (const cell of cells) {
      const says = word[verdict]
      const before = bounds.get(cell)
      if (says !== undefined && before !== 'broken')
        bounds.set(cell, before === 'measured' && says === 'held' ? before : says)
    }
  }
  return bounds
}
