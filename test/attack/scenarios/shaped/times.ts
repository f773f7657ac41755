/** P03, P04, N05, G09: times on two links of a relay that mixes, against what mixing can promise. privacy.md 2.5 and 4.2. */
import { setTimeout as sleep } from 'node:timers/promises'
import { learn, matchWindow, type Leg } from '../../../leaktest/probes/timing.ts'
import { clopperPearson } from '../../../leaktest/stats/proportion.ts'
import { auc } from '../../../leaktest/stats/ranks.ts'
import { blocked, exposed, inconclusive, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { demand } from '../common.ts'
import { crowd, floorOf, tick, watched } from './watched.ts'

const mixed = {
  ...{ placements: ['front'], profiles: ['mixed'], severity: 4, score: 'T', expects: ['BLOCKED'], subject: ['relay'] },
  control: passes,
} as const satisfies Partial<Scenario>
const given = 'somebody who sees both sides of the relay'

export const shapedTimeScenarios: readonly Scenario[] = [
  {
    ...mixed,
    id: 'P03',
    title: 'requests matched by their times',
    given,
    does: 'learns delays from exchanges of its own, and assigns sixty requests a second of one size by the likeliest ones',
    shows: 'no better than (1 - e^-LT) / (LT), which is what ticks can promise',
    attack: (stage) => matched(stage, 'request', 6),
  },
  {
    ...mixed,
    id: 'P04',
    title: 'round trips matched by four times',
    given,
    does: 'the same, with the times of the answers too, where each takes the gateway five milliseconds',
    shows:
      'no better than the same floor, which holds as long as all answers take one time; others are measured by the lab',
    attack: (stage) => matched(stage, 'round trip', 6),
  },
  {
    ...mixed,
    id: 'N05',
    severity: 2,
    title: 'one client delayed by parts of a tick',
    given: 'somebody holds the client’s link, and an ally watches the gateway’s',
    does: 'lets requests go early or late in a tick of 150 ms, in a pattern, and looks for it on the other link',
    shows: 'nothing finer than a tick; a delay of whole ticks shows, as relay/README.md says',
    attack: (stage) => marked(stage, 'request'),
  },
  {
    ...mixed,
    id: 'G09',
    title: 'a delay that only one answer has',
    given: 'the gateway knows which answer is the victim’s, and an ally watches the client’s link',
    does: 'answers early or late in a tick of 150 ms, in a pattern, and looks for it on the client’s link',
    shows: 'nothing finer than a tick; a delay of whole ticks shows, as relay/README.md says',
    attack: (stage) => marked(stage, 'answer'),
  },
]

async function passes(stage: Stage): Promise<void> {
  const { exchange } = await watched(stage)
  const { in: from, out, resp, back } = await exchange()
  demand(from <= out && out <= resp && resp <= back, 'an exchange is seen at four places, in order')
}

const perSecond = 60

async function matched(stage: Stage, leg: Leg, windows: number): Promise<Finding> {
  const service = leg === 'request' ? 0 : 5
  const place = await watched(stage, { service: () => service })
  const { windows: seen, probes, perSecond: rate } = await crowd(stage, place, windows, perSecond)
  const learnt = learn(probes)
  const rng = stage.dice.fork('attacker')
  const found = seen.map((window) => matchWindow(window, { leg, learnt, rng }))
  const n = found.reduce((sum, one) => sum + one.n, 0)
  const right = found.reduce((sum, one) => sum + one.right, 0)
  const floor = floorOf(rate)
  const gate = 1.25 * floor + 1 / 64 + 0.02
  const ci = clopperPearson(right, n)
  const measure = { metric: `requests matched right at ${rate.toFixed(0)} a second`, value: right / n, n, ci, gate }
  const says = `the floor is ${floor.toFixed(3)} with ticks of ${tick} ms`
  // A sample that cannot tell the floor from the gate says nothing.
  if (right / n <= gate && ci[1] > gate) return inconclusive(`${says}; ${n} exchanges are too few to be sure`, measure)
  return blocked(says, measure)
}

const rounds = 20
/** Slow, so that a busy machine does not blur what is let go early and what late: milliseconds in a tick. */
const slow = { tick: 150, early: 20, late: 95 } as const
type Mark = 'early' | 'late'

/** The mark of each round is when in a tick something is let go. */
async function marked(stage: Stage, at: 'request' | 'answer'): Promise<Finding> {
  let mark: Mark = 'early'
  const held = (): number => slow.tick - (Date.now() % slow.tick) + slow[mark]
  const settings = { mixing: { tick: `${slow.tick}ms` } }
  const { exchange } = await watched(stage, { settings, service: () => (at === 'answer' ? held() : 0) })
  const phases: Record<Mark, number[]> = { early: [], late: [] }
  const wanting = (): readonly Mark[] => (['early', 'late'] as const).filter((one) => phases[one].length < rounds / 2)
  for (let tries = 0; wanting().length > 0; tries++) {
    demand(tries < 3 * rounds, 'this machine keeps time well enough to make a mark')
    mark = wanting()[stage.dice.below(wanting().length)] ?? 'early'
    if (at === 'request') await sleep(held())
    const seen = await exchange()
    const [made, shows] = at === 'request' ? [seen.in, seen.out] : [seen.resp, seen.back]
    // A mark that was not made in time is none.
    if (Math.abs((made % slow.tick) - slow[mark]) < 25) phases[mark].push(shows % slow.tick)
  }
  const value = Math.abs(auc(phases.late, phases.early) - 0.5)
  // Three deviations of what chance makes of two times ten.
  const gate = 3 * Math.sqrt((rounds + 1) / (12 * (rounds / 2) ** 2))
  const measure = { metric: 'how far the pattern can be told from chance (0 to 0.5)', value, n: rounds, gate }
  return value > gate ? exposed('the pattern shows', measure) : blocked('the pattern does not show', measure)
}
