/** What a run leaves behind: the part `attacks` of report.json (privacy.md 2.14), and JUnit for machines that collect tests. */
import type { Played } from './play.ts'
import { groupOf, groups } from './scenario.ts'
import { scoreOf, type Score } from './score.ts'

export type AttackRow = ReturnType<typeof rowOf>

export type Report = {
  readonly run: { readonly tool: 'attack'; readonly seed: number; readonly subject: string; readonly started: string; readonly node: string }
  readonly summary: Omit<Score, 'byGroup' | 'exit'>
  readonly attacks: readonly AttackRow[]
  readonly limits: readonly string[]
}

export const limits = [
  'these are the attacks that somebody thought of: a scenario that passes bounds no other',
  'loopback has no jitter, so that what timing shows is an upper bound on what an attacker at the same rate sees',
  'evidence is simulated or forged under test roots: no hardware was asked',
  'processes of one machine do not prove separate operators',
] as const

export type RunFacts = { readonly seed: number; readonly subject: string; readonly started: Date }

export function reportOf(played: readonly Played[], { seed, subject, started }: RunFacts): Report {
  const { byGroup: _byGroup, exit: _exit, ...summary } = scoreOf(played)
  const node = process.versions.node
  const run = { tool: 'attack', seed, subject, started: started.toISOString(), node } as const
  return { run, summary, attacks: played.map(rowOf), limits }
}

function rowOf({ scenario, cast, seed, finding, naive, verdict, milliseconds }: Played) {
  const { id, title, severity, score, given, does, shows, expects, withoutNaive } = scenario
  return {
    ...{ id, group: groupOf(scenario), title, severity, score, given, does, shows },
    ...{ placement: cast.placement, profile: cast.profile, subject: cast.subject.name, seed },
    expected: expects,
    outcome: finding.outcome,
    says: finding.says,
    measure: finding.measure ?? null,
    naive: naive === undefined ? null : { outcome: naive.outcome, says: naive.says },
    withoutNaive: withoutNaive ?? null,
    verdict,
    milliseconds,
    replay: replayOf(id, cast, seed),
  }
}

/** The command that plays it again. */
export function replayOf(id: string, { placement, profile, subject }: Played['cast'], seed: number): string {
  const mutant = subject.name === 'naive' ? ' --mutant naive' : ''
  return `npm run attack -- run ${id} --seed ${seed} --placement ${placement} --profile ${profile}${mutant}`
}

export function junitOf(played: readonly Played[]): string {
  const { failed, provesNothing, inconclusive, all } = scoreOf(played)
  const cases = played.map(caseOf).join('')
  const counts = `tests="${all}" failures="${failed + provesNothing}" skipped="${inconclusive}"`
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuite name="asunder attack" ${counts}>\n${cases}</testsuite>\n`
}

function caseOf({ scenario, finding, verdict, milliseconds }: Played): string {
  const { id, title } = scenario
  const name = `name="${escaped(`${id} ${title}`)}" classname="attack.${escaped(groups[groupOf(scenario)])}"`
  const told = `message="${escaped(`${finding.outcome}: ${finding.says}`)}"`
  const inner = verdict === 'pass' ? '' : verdict === 'inconclusive' ? `<skipped ${told}/>` : `<failure ${told}/>`
  return `  <testcase ${name} time="${(milliseconds / 1000).toFixed(3)}">${inner}</testcase>\n`
}

function escaped(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return text.replace(/[&<>"]/g, (sign) => entities[sign] ?? sign).replace(/[^\x20-\x7e\u00a0-\ud7ff]/g, ' ')
}
