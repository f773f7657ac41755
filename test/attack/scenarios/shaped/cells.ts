/** P05-P07: streams in cells of one size at one rate, against what cells can promise. privacy.md 2.7 and 4.4, wire.md "Cells". */
import { matchStreams, topicSamples } from '../../../leaktest/probes/stream.ts'
import { powerOfTwo } from '../../../../shared/shaping/buckets.ts'
import { heldOut } from '../../../leaktest/stats/held-out.ts'
import type { StreamTrial } from '../../../leaktest/types.ts'
import { blocked, exposed, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { demand } from '../common.ts'
import { cellsOf, classOf, streaming, topics } from './streams.ts'

const paced = {
  ...{ placements: ['front'], profiles: ['paced'], severity: 4, score: 'T', expects: ['BLOCKED'] },
  ...{ subject: ['client', 'relay', 'gateway'], control: streams },
} as const satisfies Partial<Scenario>

export const cellScenarios: readonly Scenario[] = [
  {
    ...paced,
    id: 'P05',
    title: 'streams matched by their pace',
    given: 'somebody who sees both sides of the relay',
    does: 'correlates the pieces of sixteen streams at a time on one link with those on the other',
    shows: 'no more than the tick in which a stream begins and its length to a factor of two give away',
    attack: flows,
  },
  {
    ...paced,
    id: 'P06',
    title: 'a topic by the pace of its stream',
    given: 'somebody on the client’s link',
    does: 'classifies streams of four topics by eleven features of sizes and gaps',
    shows: 'no more than their length to a factor of two gives away',
    attack: topic,
  },
  {
    ...paced,
    id: 'P07',
    score: 'B',
    title: 'tokens by the lengths of a stream’s pieces',
    given: 'somebody who sees the lengths of all messages on a link',
    does: 'reads the lengths that stand in front of the sealed chunks of a streamed answer',
    shows: 'one length for all of them, and a power of two of them: no boundary between tokens',
    attack: lengths,
  },
]

async function streams(stage: Stage): Promise<void> {
  const { together } = await streaming(stage, 2)
  const [one, other] = await together([0, 1])
  demand(one !== undefined && other !== undefined && one.a.length > 1 && other.b.length > 1, 'two streams are seen')
}

const width = 16

/** Streams of all topics alike in each window, in an order that the dice know. */
async function windowsOf(stage: Stage, count: number): Promise<readonly (readonly StreamTrial[])[]> {
  const { together } = await streaming(stage, width)
  const windows: (readonly StreamTrial[])[] = []
  for (let at = 0; at < count; at++) {
    const left = Array.from({ length: width }, (_, one) => one % topics.length)
    windows.push(await together([...left].flatMap(() => left.splice(stage.dice.below(left.length), 1))))
  }
  return windows
}

async function flows(stage: Stage): Promise<Finding> {
  const windows = await windowsOf(stage, 3)
  const rng = stage.dice.fork('attacker')
  const right = windows.reduce((sum, window) => sum + matchStreams(window, 'b', rng).right, 0)
  // Of each class of streams that look alike one is matched right by chance, with a variance of one.
  const classes = windows.reduce((sum, window) => sum + new Set(window.map(classOf)).size, 0)
  const n = windows.length * width
  const gate = (classes + 3 * Math.sqrt(classes)) / n
  const measure = { metric: 'streams matched right', value: right / n, n, gate }
  return blocked(
    `${classes} kinds of beginnings and lengths among ${n}, so ${(classes / n).toFixed(2)} by chance`,
    measure,
  )
}

async function topic(stage: Stage): Promise<Finding> {
  const trials = (await windowsOf(stage, 6)).flat()
  const rng = stage.dice.fork('attacker')
  const found = heldOut(topicSamples(trials), rng)
  const lengths = trials.map(({ topic: label, a }) => ({ label, features: [cellsOf({ a })] }))
  const byLength = heldOut(lengths, rng)
  const [value, floor] = [found.correct / found.n, byLength.correct / byLength.n]
  // Three deviations of the difference of two shares.
  const gate = Math.min(1, floor + 3 * Math.sqrt((2 * floor * (1 - floor)) / found.n))
  const measure = { metric: 'topics told right, of four', value, n: found.n, gate }
  return blocked(`${floor.toFixed(2)} by the length to a factor of two alone`, measure)
}

async function lengths(stage: Stage): Promise<Finding> {
  const { chunks } = await streaming(stage, 1)
  const told: string[] = []
  for (const at of topics.keys()) {
    const all = await chunks(at)
    demand(all.length > 0, 'chunks were seen')
    const sizes = new Set(all)
    if (sizes.size > 1) return exposed(`${sizes.size} lengths in one stream: ${[...sizes].join(', ')}`)
    if (powerOfTwo(all.length) !== all.length) return exposed(`a stream of ${all.length} chunks`)
    told.push(`${all.length} of ${all[0] ?? 0} octets`)
  }
  return blocked(told.join(', '))
}
