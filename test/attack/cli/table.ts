/** How a run looks on a terminal: a bar for each group, then whatever a person has to read. */
import type { Played } from '../frame/play.ts'
import type { AttackRow, Report } from '../frame/report.ts'
import { groups, outcomes, type Group, type Scenario } from '../frame/scenario.ts'

export function listed(scenarios: readonly Scenario[]): string {
  return scenarios.map(line).join('\n')
}

function line(scenario: Scenario): string {
  const { id, severity, score, quick = false, title, shows } = scenario
  return `${id}  severity ${severity}  ${score}  ${quick ? 'quick' : '     '}  ${title}\n     ${shows}`
}

export function progress({ scenario, finding, verdict, milliseconds }: Played, count: number, all: number): string {
  const place = `[${String(count).padStart(String(all).length)}/${all}]`
  const word = `${verdict === 'pass' ? 'ok  ' : verdict.toUpperCase()} ${scenario.id} ${finding.outcome}`
  return `${place} ${word} (${milliseconds} ms): ${finding.says.slice(0, 160)}`
}

export function table({ run, summary, attacks }: Report): string {
  const { score, grave, exposed, proof, verdict, passed, all, inconclusive } = summary
  const bars = (Object.keys(groups) as Group[]).flatMap((group) => bar(group, summary.groups[group]))
  const odd = attacks.filter((row) => row.verdict !== 'pass').map(told)
  const reports = attacks.filter(({ measure }) => measure !== null).map(measured)
  const sum = [
    `${verdict}: ${passed} of ${all} passed, ${exposed} exposed (${grave} at severity 8), ${inconclusive} inconclusive`,
    `score ${score === null ? '-' : score.toFixed(1)}; ${proof.fell} of ${proof.looked} fell in the naive pair; subject ${run.subject}`,
    `seed ${run.seed}, ${(run.milliseconds / 1000).toFixed(0)} s, agreement ${summary.agreement.slice(0, 16)}`,
  ]
  const part = (title: string, rows: readonly string[]): string[] => (rows.length === 0 ? [] : ['', title, ...rows])
  return [...bars, ...part('Measures', reports), ...part('To look at', odd), '', ...sum].join('\n')
}

function bar(
  group: Group,
  { passed, inconclusive, all }: { passed: number; inconclusive: number; all: number },
): string[] {
  if (all === 0) return []
  const drawn = '█'.repeat(passed) + '·'.repeat(inconclusive) + '░'.repeat(all - passed - inconclusive)
  return [`  ${group} ${drawn.padEnd(24)} ${passed}/${all}  ${groups[group]}`]
}

function told({ id, verdict, outcome, title, says, naive, replay }: AttackRow): string {
  const proof =
    verdict === 'proves nothing' ? `\n    the naive pair: ${naive?.outcome ?? '-'}: ${naive?.says ?? ''}` : ''
  return `  ${id} ${outcome} (${verdict === 'fail' ? 'not what was expected' : verdict}): ${title}\n    ${says}${proof}\n    ${replay}`
}

function measured({ id, measure }: AttackRow): string {
  if (measure === null) return ''
  const { metric, value, n, ci, gate } = measure
  const range = ci === undefined ? '' : ` [${ci[0].toFixed(3)}, ${ci[1].toFixed(3)}]`
  const most = gate === undefined ? 'reported' : `at most ${Number(gate.toFixed(3))}`
  return `  ${id} ${metric}: ${Number(value.toFixed(4))}${range}, n ${n}, ${most}`
}

/** For a reader of `--list` who does not know the words. */
export const legend = Object.entries(outcomes)
  .map(([word, means]) => `${word}: ${means}`)
  .join('\n')
