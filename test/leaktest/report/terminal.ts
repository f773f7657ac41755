/** The report for a person at a terminal: the matrix in letters, what failed, the claims. */
import { columns } from '../contract.ts'
import type { Report, ReportCell } from './schema.ts'
import { numberOf } from './text.ts'

export type Paint = (style: 'bold' | 'dim' | 'red' | 'green' | 'yellow', text: string) => string

const letters: Readonly<Record<ReportCell['verdict'], string>> = {
  ...{ violation: 'X', blind: '!', seen: '*', unseen: 'o', clear: '.', held: '<', measured: '~' },
  ...{ 'not-observable': ' ', absent: ' ' },
}
const colour = { pass: 'green', fail: 'red', inconclusive: 'yellow', report: 'dim' } as const

export function terminalOf(report: Report, paint: Paint): string {
  return [
    ...matrixOf(report, paint),
    ...report.tests.map(({ id, verdict, estimate, threshold, n }) => {
      const allowed = threshold === null ? '' : `, allowed ${numberOf(threshold)}`
      return `${paint(colour[verdict], verdict.padEnd(12))} ${id.padEnd(30)} ${numberOf(estimate)}${allowed} (n ${numberOf(n)})`
    }),
    '',
    ...report.tests.filter(({ verdict }) => verdict === 'fail' || verdict === 'inconclusive').flatMap(failure),
    `planted leaks: ${String(report.mutants.filter(({ caught }) => caught).length)} of ${String(report.mutants.length)} caught`,
    ...report.mutants.filter(({ caught }) => !caught).map(({ name, test }) => `  missed: ${name}, by ${test}`),
    '',
    ...report.claims.map(({ tier, state, claim, because }) => `${tier} ${state}: ${claim} (${because})`),
    '',
    `verdict: ${paint(colour[report.verdict], report.verdict.toUpperCase())}, placement ${report.run.placement}, seed ${String(report.run.seed)}`,
    '',
  ].join('\n')
}

function failure({ id, metric, doubt, found, replay }: Report['tests'][number]): string[] {
  return [
    `${id}: ${doubt ?? metric}`,
    ...found.slice(0, 3).map((line) => `  ${line.slice(0, 200)}`),
    `  again: ${replay}`,
    '',
  ]
}

function matrixOf({ matrix, contract }: Report, paint: Paint): string[] {
  if (matrix.length === 0) return []
  const rows = [...Map.groupBy(matrix, ({ field }) => field)].map(([field, cells]) => {
    const signs = columns.map((party) =>
      letters[cells.find((cell) => cell.party === party)?.verdict ?? 'absent'].padStart(party.length + 1).padStart(3),
    )
    const bad = cells.some(({ verdict }) => verdict === 'violation' || verdict === 'blind')
    const line = `${field} ${(contract.fields[field] ?? '').slice(0, 44).padEnd(44)}${signs.join('')}`
    return bad ? paint('red', line) : line
  })
  const head = paint(
    'bold',
    `${''.padEnd(48)}${columns.map((party) => party.padStart(party.length + 1).padStart(3)).join('')}`,
  )
  const key =
    '* seen   o may, unseen   . looked for, not found   < no finer than allowed   ~ measured   X leak   ! blind'
  return [head, ...rows, paint('dim', key), '']
}
