/** The report for a person at a terminal: the matrix in letters, what failed, the claims. */
import { columns } from '../contract.ts'
import { unseenIn } from './assemble.ts'
import type { Report, ReportCell } from './schema.ts'
import { numberOf } from './text.ts'

export type Paint = (style: 'bold' | 'dim' | 'red' | 'green' | 'yellow', text: string) => string

const letters: Readonly<Record<ReportCell['verdict'], string>> = {
  ...{ violation: 'X', blind: '!', seen: '*', unseen: 'o', clear: '.', held: '<', measured: '~' },
  ...{ 'not-observable': ' ', absent: ' ' },
}
const colour = { pass: 'green', fail: 'red', inconclusive: 'yellow', report: 'dim' } as const

export function terminalOf(report: Report, paint: Paint): string {
  const all = seenIn(report)
  return [
    ...all.flatMap((seen) => matrixOf(seen, report.contract, paint)),
    ...report.tests.map(({ id: name, placement, verdict, estimate, threshold, n }) => {
      const id = placement === undefined || all.length === 1 ? name : `${placement} ${name}`
      const allowed = threshold === null ? '' : `, allowed ${numberOf(threshold)}`
      return `${paint(colour[verdict], verdict.padEnd(12))} ${id.padEnd(37)} ${numberOf(estimate)}${allowed} (n ${numberOf(n)})`
    }),
    '',
    ...report.tests.filter(({ verdict }) => verdict === 'fail' || verdict === 'inconclusive').flatMap(failure),
    `planted leaks: ${String(report.mutants.filter(({ caught }) => caught).length)} of ${String(report.mutants.length)} caught`,
    ...report.mutants
      .filter(({ caught }) => !caught)
      .map(
        ({ name, test, placement }) =>
          `  missed: ${name}, by ${test}${placement === undefined ? '' : ` in ${placement}`}`,
      ),
    ...(report.leftOut ?? []).map(({ mutant, placement, because }) => `  not in ${placement}: ${mutant} (${because})`),
    '',
    ...all.flatMap(({ placement, claims }) => [
      paint('bold', `in ${placement}`),
      ...costsIn(report, placement),
      ...claims.map(({ tier, state, claim, because }) => `${tier} ${state}: ${claim} (${because})`),
      '',
    ]),
    `verdict: ${paint(colour[report.verdict], report.verdict.toUpperCase())}, placement ${all.map(({ placement }) => placement).join(', ')}, seed ${String(report.run.seed)}`,
    '',
  ].join('\n')
}

type Seen = Pick<NonNullable<Report['alsoIn']>[number], 'placement' | 'claims' | 'matrix'>

function seenIn({ run, claims, matrix, alsoIn = [] }: Report): Seen[] {
  return [{ placement: run.placement, claims, matrix }, ...alsoIn]
}

/** What the profile costs whoever uses it, beside what it hides. */
function costsIn({ tests, run }: Report, placement: string): string[] {
  const found = (id: string): Report['tests'][number] | undefined =>
    tests.find((test) => test.id === id && test.placement === placement)
  const [delay, whole, streams] = [found('cost.delay'), found('size.overhead'), found('cost.streams')]
  if (delay === undefined || whole === undefined || streams === undefined) return []
  const answer = delay.besides?.['answer, mean'] ?? null
  const waits = `${numberOf(delay.estimate)} ms a request, ${numberOf(answer)} ms an answer`
  const octets = `${numberOf(whole.estimate)} octets for each that is meant, ${numberOf(streams.estimate)} in a stream`
  return [`cost of ${run.profile}: ${waits}; ${octets}`]
}

function failure({ id, metric, doubt, found, replay }: Report['tests'][number]): string[] {
  return [
    `${id}: ${doubt ?? metric}`,
    ...found.slice(0, 3).map((line) => `  ${line.slice(0, 200)}`),
    `  again: ${replay}`,
    '',
  ]
}

function matrixOf({ placement, matrix }: Seen, contract: Report['contract'], paint: Paint): string[] {
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
    `${`in ${placement}`.padEnd(48)}${columns.map((party) => party.padStart(party.length + 1).padStart(3)).join('')}`,
  )
  const key =
    '* seen   o may, unseen   . looked for, not found   < no finer than allowed   ~ measured   X leak   ! blind'
  const unseen = unseenIn(matrix)
  const empty =
    unseen.length === 0 ? [] : [paint('dim', `nobody watched ${unseen.join(', ')}: empty cells say nothing`)]
  return [head, ...rows, paint('dim', key), ...empty, '']
}
