/** What a run comes to. privacy.md 3: weights by severity, and no ratio makes up for one exposure at severity 8. */
import type { Played } from './play.ts'
import { groupOf, groups, type Group } from './scenario.ts'

export type Tally = {
  readonly passed: number
  readonly failed: number
  readonly provesNothing: number
  readonly inconclusive: number
  readonly all: number
}

export type Score = Tally & {
  /** 0 to 100, by severity, over what could be run; NaN when nothing could */
  readonly score: number
  /** exposed at severity 8 */
  readonly grave: number
  readonly byGroup: ReadonlyMap<Group, Tally>
  /** scenarios whose naive control was looked at, and those of them in which it fell */
  readonly proof: { readonly looked: number; readonly fell: number }
  readonly verdict: 'PASS' | 'FAIL' | 'INCONCLUSIVE'
  readonly exit: 0 | 1 | 2
}

export function scoreOf(played: readonly Played[]): Score {
  const runnable = played.filter(({ verdict }) => verdict !== 'inconclusive')
  const weight = (some: readonly Played[]): number => some.reduce((sum, { scenario }) => sum + scenario.severity, 0)
  const good = runnable.filter(({ verdict }) => verdict === 'pass')
  const looked = played.filter(({ naive }) => naive !== undefined)
  const tally = tallyOf(played)
  const exit = tally.failed + tally.provesNothing > 0 ? 1 : tally.inconclusive > 0 || played.length === 0 ? 2 : 0
  return {
    ...tally,
    score: (100 * weight(good)) / weight(runnable),
    grave: played.filter(({ scenario, finding }) => scenario.severity === 8 && finding.outcome === 'EXPOSED').length,
    byGroup: new Map((Object.keys(groups) as Group[]).map((group) => [group, tallyOf(played.filter(of(group)))])),
    proof: { looked: looked.length, fell: looked.filter(({ naive }) => naive?.outcome === 'EXPOSED').length },
    verdict: (['PASS', 'FAIL', 'INCONCLUSIVE'] as const)[exit],
    exit,
  }
}

const of =
  (group: Group) =>
  ({ scenario }: Played): boolean =>
    groupOf(scenario) === group

function tallyOf(played: readonly Played[]): Tally {
  const count = (wanted: Played['verdict']): number => played.filter(({ verdict }) => verdict === wanted).length
  return {
    passed: count('pass'),
    failed: count('fail'),
    provesNothing: count('proves nothing'),
    inconclusive: count('inconclusive'),
    all: played.length,
  }
}
