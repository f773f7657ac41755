/** What streamed answers tell, held to what the profile promises of them. privacy.md 2.7. */
import { powerOfTwo } from '../../../shared/shaping/buckets.ts'
import type { Claims } from '../claims.ts'
import type { Probe } from '../gate.ts'
import * as stream from '../probes/stream.ts'
import { heldOut } from '../stats/held-out.ts'
import { mutualInformation } from '../stats/information.ts'
import { ascending, mean, quantile, times } from '../stats/numbers.ts'
import type { Rng } from '../stats/rng.ts'
import type { Gate, Material, StreamTrial } from '../types.ts'
import { attack, bits, measured, none, reported, share } from './measure.ts'

type Streams = (factor: number) => readonly StreamTrial[]
type Together = NonNullable<Material['together']>

/** So much of the usual amount is enough for tests that count or look at every cell. */
const part = 1 / 4
const gapLimit = 0.02
const endLimit = 0.02
/** ticks that are looked at for what gaps tell */
const mostTicks = 6000
/** enough to know the spread of an estimate by */
const spreadDraws = 400
/** classes of true length, and steps of a bucket in which its cells are counted */
const lengths = 4
const steps = 8

export function streamTests({ streams, together }: Material, { streams: promised }: Claims, rng: Rng): Probe[] {
  const tests: Probe[] = []
  if (streams !== undefined) {
    tests.push(tokens(streams, promised !== undefined), topics(streams, promised?.topic, rng), cost(streams))
    if (promised !== undefined) tests.push(odd(streams))
    if (promised?.period !== undefined) tests.push(...steady(streams, promised.period, rng))
  }
  if (together !== undefined) {
    tests.push(matching(together, 'at once', promised?.together, rng), matching(together, 'spread', undefined, rng))
  }
  return tests
}

function tokens(streams: Streams, hidden: boolean): Probe {
  const id = 'stream.tokens'
  const about = { id, tier: 'T1', metric: 'share of tokens whose length a piece gives away' } as const
  return measured(id, (factor) => {
    const { share: given, n } = stream.tokensRecovered(streams(part * factor))
    return hidden ? none(about, n, given) : reported(about, n, given, 0)
  })
}

function topics(streams: Streams, most: number | undefined, rng: Rng): Probe {
  const id = 'stream.topic'
  return measured(id, (factor) => {
    const found = heldOut(stream.topicSamples(streams(factor)), rng.fork(id))
    return attack({ id, tier: 'T3', metric: 'advantage of guessing the topic' }, found, most)
  })
}

function cost(streams: Streams): Probe {
  const id = 'stream.cost'
  return measured(id, (factor) => {
    const all = streams(part * factor)
    const { factor: octets, wait } = stream.cost(all)
    const metric = 'octets on link A for each octet of text'
    return reported({ id, tier: 'T3', metric, besides: { 'mean wait of a token, ms': wait } }, all.length, octets, 1)
  })
}

function odd(streams: Streams): Probe {
  const id = 'stream.odd-cells'
  return measured(id, (factor) => {
    const all = streams(part * factor)
    const count = stream.oddPieces(all, 'b') + stream.oddPieces(all, 'a')
    return none(
      { id, tier: 'T1', metric: 'pieces on links A and B of another size than the others' },
      all.length,
      count,
    )
  })
}

function steady(streams: Streams, period: number, rng: Rng): Probe[] {
  return [
    measured('stream.uneven-ticks', (factor) => {
      const all = streams(part * factor)
      const about = { id: 'stream.uneven-ticks', tier: 'T1', metric: 'ticks of a stream without one cell' } as const
      return none(about, all.length, stream.unevenTicks(all, period))
    }),
    measured('stream.gap', (factor) => {
      const { token, cell } = stream.ticksAndTokens(streams(part * factor), period)
      const step = Math.max(1, Math.floor(token.length / (mostTicks * factor)))
      const kept = (all: readonly number[]): number[] => all.filter((_, i) => i % step === 0)
      const options = { rng: rng.fork('stream.gap'), permutations: 200, resamples: spreadDraws }
      const found = mutualInformation(kept(token), kept(cell), options)
      return bits({ id: 'stream.gap', tier: 'T1', metric: 'I(token before a tick; cell in it), bits' }, found, gapLimit)
    }),
    measured('stream.end', (factor) => {
      const all = streams(part * factor)
      const cells = all.map(({ b }) => b.length)
      const options = {
        rng: rng.fork('stream.end'),
        permutations: 200,
        resamples: spreadDraws,
        given: cells.map(powerOfTwo),
        bins: 2 * steps,
      }
      const found = mutualInformation(
        classes(all),
        cells.map((count) => Math.ceil((steps * count) / powerOfTwo(count))),
        options,
      )
      return bits({ id: 'stream.end', tier: 'T1', metric: 'I(true length; cells | bucket), bits' }, found, endLimit)
    }),
  ]
}

/** The true length of each answer as one of a few classes of about equal number. */
function classes(all: readonly StreamTrial[]): number[] {
  const counts = all.map(({ tokens: { length } }) => length)
  const sorted = ascending(counts)
  const edges = times(lengths - 1, (i) => quantile(sorted, (i + 1) / lengths))
  return counts.map((count) => edges.filter((edge) => count > edge).length)
}

function matching(together: Together, starts: 'at once' | 'spread', most: number | undefined, rng: Rng): Probe {
  const id = `stream.match.${starts.replace(' ', '-')}`
  const gate: Gate = most === undefined ? { kind: 'report' } : { kind: 'at-most', threshold: most }
  return measured(id, (factor) => {
    const own = rng.fork(id)
    const found = together(starts, factor).map((window) => ({
      ...stream.matchStreams(window, 'b', own),
      n: window.length,
    }))
    const chance = 1 / (found[0]?.n ?? 1)
    const metric = `share of streams matched across the relay, begun ${starts}`
    const about = { id, tier: 'T3', metric, besides: { auc: mean(found.map(({ auc }) => auc)), chance } } as const
    return share(
      about,
      found.map(({ right, n }) => [right, n] as const),
      chance,
      gate,
      own,
    )
  })
}
