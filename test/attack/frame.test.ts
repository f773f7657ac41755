/** What makes an experiment: a control that succeeds, an outcome that was announced, a naive pair that falls. privacy.md 3. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { play } from './frame/play.ts'
import {
  blocked,
  detected,
  exposed,
  groupOf,
  inconclusive,
  inFront,
  type Finding,
  type Scenario,
} from './frame/scenario.ts'
import { scoreOf } from './frame/score.ts'
import type { Stage } from './frame/stage.ts'
import { naive } from './naive/pair.ts'
import { ours } from './pair/ours.ts'
import { gather, type People } from './pair/people.ts'
import { NotThere } from './pair/subject.ts'

let people: People
beforeAll(async () => (people = await gather()))
afterAll(() => people.remove())

const told = { given: 'g', does: 'd', shows: 's', title: 't', score: 'B', expects: ['BLOCKED'], severity: 8 } as const

function scenario(attack: (stage: Stage) => Finding, more: Partial<Scenario> = {}): Scenario {
  const control = (): Promise<void> => Promise.resolve()
  return {
    ...told,
    ...inFront,
    id: 'R99',
    subject: ['relay'],
    control,
    attack: (stage) => Promise.resolve(attack(stage)),
    ...more,
  }
}

/** What a naive pair is said to have done, and what ours. */
const as =
  (own: Finding, other: Finding) =>
  ({ subject }: Stage): Finding =>
    subject === naive ? other : own

const fallen = exposed('fell')
const beyond = { metric: 'm', value: 2, n: 9, gate: 1 }
const broken = (cause: Error) => ({ control: () => Promise.reject(cause) })

const cases: readonly (readonly [what: string, one: Scenario, verdict: string, outcome: string])[] = [
  ['as announced, and a naive pair falls', scenario(as(blocked('no'), fallen)), 'pass', 'BLOCKED'],
  ['exposed', scenario(as(exposed('yes'), fallen)), 'fail', 'EXPOSED'],
  ['exposed, even if somebody expects it', scenario(as(fallen, fallen), { expects: ['EXPOSED'] }), 'fail', 'EXPOSED'],
  ['another outcome than announced', scenario(as(detected('seen'), fallen)), 'fail', 'DETECTED'],
  ['a naive pair withstands', scenario(as(blocked('no'), blocked('no'))), 'proves nothing', 'BLOCKED'],
  ['a naive pair is not served', scenario(as(blocked('no'), inconclusive('?'))), 'proves nothing', 'BLOCKED'],
  ['nothing to get wrong', scenario(as(blocked('no'), blocked('no')), { withoutNaive: 'why' }), 'pass', 'BLOCKED'],
  ['a measure beyond its gate', scenario(as(blocked('no', beyond), fallen)), 'fail', 'EXPOSED'],
  [
    'a measure that is only reported',
    scenario(as(blocked('no', { metric: 'm', value: 2, n: 9 }), fallen)),
    'pass',
    'BLOCKED',
  ],
  ['the control fails', scenario(as(blocked('no'), fallen), broken(new Error('down'))), 'inconclusive', 'INCONCLUSIVE'],
  [
    'a part is not there',
    scenario(as(blocked('no'), fallen), broken(new NotThere('later'))),
    'inconclusive',
    'INCONCLUSIVE',
  ],
  [
    'the attack breaks off',
    scenario(() => {
      throw new Error('tripped')
    }),
    'inconclusive',
    'INCONCLUSIVE',
  ],
]

test.each(cases)('%s', async (_what, one, verdict, outcome) => {
  const played = await play(one, {
    cast: { people, subject: ours, placement: 'front', profile: 'direct' },
    seed: 1,
    proof: true,
  })
  expect([played.verdict, played.finding.outcome]).toEqual([verdict, outcome])
})

test('whatever never ends is inconclusive, and what was opened is closed', async () => {
  let closed = false
  const endless = scenario(() => blocked('no'), {
    control: ({ defer }) => {
      defer(() => (closed = true))
      return new Promise(() => undefined)
    },
  })
  const cast = { people, subject: ours, placement: 'front', profile: 'direct' } as const
  const { finding } = await play(endless, { cast, seed: 1, proof: false, patience: 20 })
  expect([finding.says, closed]).toEqual(['control: no end within 20 ms', true])
})

test('a run is a failure before it is inconclusive, and inconclusive before it passes', async () => {
  const cast = { people, subject: ours, placement: 'front', profile: 'direct' } as const
  const of = (one: Scenario) => play(one, { cast, seed: 1, proof: true })
  const [good, bad, open] = await Promise.all([0, 1, 9].map((at) => of((cases[at] as (typeof cases)[number])[1])))
  if (good === undefined || bad === undefined || open === undefined) throw new TypeError('three')
  expect([[good], [good, open], [good, open, bad], []].map((some) => scoreOf(some).exit)).toEqual([0, 2, 1, 2])
  expect(scoreOf([good, bad, open])).toMatchObject({ score: 50, grave: 1, passed: 1, failed: 1, inconclusive: 1 })
})

test.each(['Q01', 'R1', 'R001', 'r01'])('%s is no id of a scenario', (id) => {
  expect(() => groupOf({ id })).toThrow(TypeError)
})
