/** What a run leaves behind: the part `attacks` of report.json (privacy.md 2.14), and JUnit for machines that collect tests. */
import { createHash } from 'node:crypto'
import type { Played, Verdict } from './play.ts'
import {
  groupOf,
  groups,
  type Group,
  type Measure,
  type Outcome,
  type Placement,
  type Profile,
  type ScoreKind,
  type Severity,
} from './scenario.ts'
import { scoreOf, type Tally } from './score.ts'

/** One scenario. Fields are added, never renamed or removed. */
export type AttackRow = {
  readonly id: string
  readonly group: Group
  readonly title: string
  readonly severity: Severity
  readonly score: ScoreKind
  /** what the attacker has, what it does, what a correct pair shows: one line each */
  readonly given: string
  readonly does: string
  readonly shows: string
  readonly placement: Placement
  readonly profile: Profile
  readonly subject: string
  readonly seed: number
  /** outcomes that pass */
  readonly expected: readonly Outcome[]
  readonly outcome: Outcome
  /** what was seen; the reason where the outcome is INCONCLUSIVE */
  readonly says: string
  readonly measure: Measure | null
  /** the same attack on a naive pair; null where it was not played */
  readonly naive: { readonly outcome: Outcome; readonly says: string } | null
  /** why a naive pair says nothing about it */
  readonly withoutNaive: string | null
  readonly verdict: Verdict
  readonly milliseconds: number
  /** the command that plays it again */
  readonly replay: string
}

export type Report = {
  readonly version: 1
  readonly run: {
    readonly tool: 'attack'
    readonly seed: number
    readonly subject: string
    /** ISO 8601 */
    readonly started: string
    readonly node: string
    readonly milliseconds: number
  }
  readonly summary: Tally & {
    /** 0 to 100 by severity; null when nothing could be run */
    readonly score: number | null
    /** exposed at severity 8 */
    readonly grave: number
    readonly exposed: number
    readonly proof: { readonly looked: number; readonly fell: number }
    readonly verdict: 'PASS' | 'FAIL' | 'INCONCLUSIVE'
    readonly groups: Readonly<Record<Group, Tally & { readonly name: string }>>
    /** SHA-256 over ids, outcomes and verdicts: equal in two runs that agree */
    readonly agreement: string
  }
  readonly attacks: readonly AttackRow[]
  readonly limits: readonly string[]
}

export const limits = [
  'these are the attacks that somebody thought of: a scenario that passes bounds no other',
  'loopback has no jitter, so that what timing shows is an upper bound on what an attacker at the same rate sees',
  'evidence is simulated or forged under test roots: no hardware was asked',
  'processes of one machine do not prove separate operators',
] as const

export type RunFacts = { readonly seed: number; readonly subject: string; readonly started: Date; readonly ended: Date }

export function reportOf(played: readonly Played[], { seed, subject, started, ended }: RunFacts): Report {
  const { byGroup, score, passed, failed, provesNothing, inconclusive, all, grave, proof, verdict } = scoreOf(played)
  const tally = { passed, failed, provesNothing, inconclusive, all }
  const exposed = played.filter(({ finding }) => finding.outcome === 'EXPOSED').length
  const named = Object.fromEntries([...byGroup].map(([group, counts]) => [group, { name: groups[group], ...counts }]))
  const attacks = played.map(rowOf)
  const time = { started: started.toISOString(), milliseconds: ended.getTime() - started.getTime() }
  return {
    version: 1,
    run: { tool: 'attack', seed, subject, node: process.versions.node, ...time },
    summary: {
      ...{ ...tally, score: Number.isNaN(score) ? null : score, grave, exposed, proof, verdict },
      groups: named as Report['summary']['groups'],
      agreement: agreementOf(attacks),
    },
    attacks,
    limits,
  }
}

function agreementOf(rows: readonly AttackRow[]): string {
  const said = rows.map(({ id, outcome, verdict, naive }) => [id, outcome, verdict, naive?.outcome ?? null])
  return createHash('sha256').update(JSON.stringify(said)).digest('hex')
}

function rowOf({ scenario, cast, seed, finding, naive, verdict, milliseconds }: Played): AttackRow {
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
export function replayOf(id: string, { subject }: Pick<Played['cast'], 'subject'>, seed: number): string {
  const mutant = subject.name === 'naive' ? ' --mutant naive' : ''
  return `npm run attack -- --only ${id} --seed ${seed}${mutant}`
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
