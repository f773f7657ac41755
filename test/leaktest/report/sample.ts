/** Small reports for tests of what is made from reports. */
import type { Placement } from '../contract.ts'
import { assemble } from './assemble.ts'
import type { Report, ReportCell, ReportPlot, ReportTest } from './schema.ts'

export function testRow(change: Partial<ReportTest>): ReportTest {
  return {
    ...{ id: 'a.test', level: 1, tier: 'T1', metric: 'things that leak', n: 12, estimate: 0, ci: [0, 0], null: 0 },
    ...{ threshold: 0, verdict: 'pass', positiveControl: [{ mutant: 'm', caught: true }], found: [] },
    ...{ remedy: 'mend it', replay: 'again' },
    ...change,
  }
}

export function cellRow(change: Partial<ReportCell>): ReportCell {
  return {
    ...{ field: 'F01', party: 'R', expected: 'must', inPassing: true, observed: 3, sources: ['wire'] },
    ...{ where: ['link A'], verdict: 'seen' },
    ...change,
  }
}

export const plotRows: ReportPlot[] = [
  {
    ...{ id: 'p.lines', title: 'lines', n: 7, x: 'across', y: 'up', test: 'a.test', kind: 'lines', scale: 'log' },
    lines: [
      {
        name: 'one',
        as: 'steps',
        points: [
          [1, 0],
          [10, 0.5],
          [1000, 1],
        ],
      },
      { name: 'two', as: 'dots', points: [[1, 1]] },
      {
        name: 'three',
        as: 'bound',
        points: [
          [1, 0.2],
          [1000, 0.2],
        ],
      },
      { name: 'none', as: 'line', points: [] },
    ],
  },
  {
    id: 'p.grid',
    title: 'grid',
    n: 7,
    x: 'columns',
    y: 'rows',
    kind: 'grid',
    values: [
      [0, 1],
      [2, 0],
    ],
  },
  { id: 'p.empty', title: 'empty', n: 0, x: 'x', y: 'y', kind: 'grid', values: [] },
]

export function reportOf(
  change: Partial<Report>,
  placements: readonly [Placement, ...Placement[]] = ['front'],
): Report {
  const { tests = [testRow({})], matrix = [cellRow({})], mutants = [], plots = [], attacks } = change
  const at = new Date(0)
  const part = { tests, matrix, mutants, plots, level: 1 } as const
  return assemble(
    placements.map((placement, i) => ({ ...part, placement, ...(i === 0 ? {} : { plots: [] }) })),
    {
      ...{ seed: 1, started: at, ended: new Date(5_000), placements, quick: true, subject: 'a pair' },
      ...{ profile: 'direct', evidence: 'simulated', attacks },
    },
  )
}
