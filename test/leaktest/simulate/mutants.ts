/** Leaks that level 0 plants in its model pair, each for the test that has to see it. privacy.md 2.2. */
import { cellPeriod, constantSize, tickPeriod, type ProfileName } from '../claims.ts'
import type { Mutant } from '../mutants.ts'
import { constantCells, encoders, exactEnd, type Encoder } from './encoders.ts'
import { afterwards, passing, threshold, timed, timedForEach } from './mixes.ts'
import { blocks, buckets, padmeAll, random, sizes, unpadded, type Padding } from './padding.ts'
import { pool, profiles, type Model } from './profiles.ts'
import { powerOfTwo } from '../../../shared/shaping/buckets.ts'

export type Planted = Mutant<Model> & {
  /** profiles that promise what it breaks; all of them where absent */
  readonly profiles?: readonly ProfileName[]
}

function change(changes: Partial<Model>): Planted['plant'] {
  return (model) => ({ ...model, ...changes })
}

const bucketed: readonly ProfileName[] = ['direct', 'mixed', 'paced']
const ticked: readonly ProfileName[] = ['mixed', 'paced', 'horizon']
const paced: readonly ProfileName[] = ['paced']
const horizon: readonly ProfileName[] = ['horizon']
/** Under a horizon the answers of one tick stay together even if nothing holds them. */
const ready: readonly ProfileName[] = ['mixed', 'paced']

/** One intent is treated otherwise, as a route that somebody forgot would be. */
function except(intent: number, otherwise: Padding, usual: Padding): Padding {
  return (length, rng, whose) => (whose.intent === intent ? otherwise : usual)(length, rng, whose)
}

const plus =
  (octets: (length: number) => number): Padding =>
  (length) =>
    length + octets(length)

/** Digits of a chunk's length and its line ends, counted as if they were content. */
const chunkFraming = (length: number): number => length.toString(16).length + 4

const sizeMutants: readonly Planted[] = [
  mutant('requests not padded', 'size.off-grid', change({ padRequest: unpadded })),
  mutant('answers not padded', 'size.off-grid', change({ padResponse: unpadded })),
  mutant('one size not padded: a single kind of request', 'size.off-grid', (model) => ({
    ...model,
    padRequest: except(0, unpadded, model.padRequest),
  })),
  mutant('padded before sealing, so off by the seal', 'size.off-grid', (model) => ({
    ...model,
    padRequest: (length, rng, whose) => model.padRequest(length, rng, whose) + 55,
  })),
  mutant('the relay counts its framing as content', 'size.unequal', change({ reframe: plus(chunkFraming) })),
  mutant(
    'the relay adds a header for some',
    'size.unequal',
    change({ reframe: (length, _, { client }) => length + (client % 2) * 32 }),
  ),
  mutant(
    'a header by kind of request inside the padding',
    'size.residue.request',
    change({
      reframe: (length, _, { intent }) => length + intent,
    }),
  ),
  mutant('answers of one kind a block longer', 'size.residue.response', (model) => ({
    ...model,
    padResponse: except(3, (length, rng, whose) => model.padResponse(length, rng, whose) + 16, model.padResponse),
  })),
  mutant('requests compressed before the padding is counted', 'size.residue.request', (model) => ({
    ...model,
    padRequest: (length, rng, whose) => model.padRequest(length, rng, whose) - (whose.intent % 4) * 8,
  })),
  mutant(
    'blocks of 128 octets in place of buckets',
    'size.intent.request',
    change({ padRequest: blocks(128) }),
    bucketed,
  ),
  mutant('PADMÉ at all sizes, requests', 'size.intent.request', change({ padRequest: padmeAll }), bucketed),
  mutant('PADMÉ at all sizes, answers', 'size.intent.response', change({ padResponse: padmeAll }), bucketed),
  mutant('random padding', 'size.repeats', change({ padRequest: random(256) })),
  mutant(
    'two sizes of request under a horizon',
    'size.information.request',
    change({ padRequest: sizes(4096, constantSize) }),
    horizon,
  ),
  mutant('buckets for answers under a horizon', 'size.information.response', change({ padResponse: buckets }), horizon),
]

// With these dice Fisher and Yates turn every batch by one place.
const stuck = (): number => 0

/** No horizon, and no tick for the way back. */
const atOnce: Partial<Model> = { hold: (service) => service, inward: passing }

const timingMutants: readonly Planted[] = [
  mutant('no ticks for requests', 'timing.request@200', change({ outward: passing })),
  mutant('no ticks for answers', 'timing.response@200', change({ inward: passing }), ready),
  mutant('no ticks for requests, a slower town', 'timing.request@20', change({ outward: passing })),
  mutant('no ticks for answers, a slower town', 'timing.response@20', change({ inward: passing }), ready),
  mutant('ticks of 10 ms in place of 50', 'timing.request@200', change({ outward: timed(10) })),
  mutant('a tick for each client', 'timing.off-tick', change({ outward: timedForEach(tickPeriod) })),
  mutant('a batch leaves early when it is full', 'timing.off-tick', change({ outward: threshold(8, tickPeriod) })),
  mutant(
    'requests leave a tick as they came',
    'timing.order.request.arrival',
    change({ outward: timed(tickPeriod, { order: 'as they came' }) }),
  ),
  mutant(
    'answers leave a tick as they came',
    'timing.order.response.arrival',
    change({ inward: timed(tickPeriod, { order: 'as they came' }) }),
  ),
  mutant(
    'dice that always show the same',
    'timing.order.request.arrival',
    change({ outward: timed(tickPeriod, { dice: stuck }) }),
  ),
  mutant(
    'short requests first',
    'timing.order.request.length',
    change({ outward: timed(tickPeriod, { order: 'by length' }) }),
    ready,
  ),
  mutant(
    'short answers first',
    'timing.order.response.length',
    change({ inward: timed(tickPeriod, { order: 'by length' }) }),
    ready,
  ),
  mutant('answers at once under a horizon', 'timing.response@200', change(atOnce), horizon),
  mutant('answers at once, a slower town', 'timing.response@20', change(atOnce), horizon),
  mutant(
    'answers when they are ready under a horizon',
    'timing.round-trip@200',
    change({ hold: (service) => service }),
    horizon,
  ),
  mutant(
    'answers when they are ready, a slower town',
    'timing.round-trip@20',
    change({ hold: (service) => service }),
    horizon,
  ),
].map((each) => ({ ...each, profiles: each.profiles ?? ticked }))

const linkMutants: readonly Planted[] = [
  mutant("jitter that is the client's own", 'timing.client', (model) => ({
    ...model,
    outward: afterwards(model.outward, (client) => (client % 3) * tickPeriod),
  })),
  mutant('a connection to the gateway for each client', 'link.connection', change({ upstream: (client) => client })),
  mutant('clients dealt out to the pool', 'link.connection', change({ upstream: (client) => client % pool })),
  mutant(
    'a client keeps its connection two times in three',
    'link.connection',
    change({
      upstream: (client, rng) => (rng.below(3) > 0 ? client % pool : rng.below(pool)),
    }),
  ),
]

function reshaped(name: string, { encode, delay }: Encoder, size: (octets: number, topic: number) => number): Encoder {
  return {
    name,
    delay,
    encode: (tokens, rng, topic) =>
      encode(tokens, rng, topic).map(({ t, octets }) => ({ t, octets: size(octets, topic) })),
  }
}

const ended = (end: (count: number) => number): Encoder =>
  constantCells({ name: 'cells', period: cellPeriod, size: 512, end })

/** The pace of one topic's cells is its own: code comes fast. */
const hasty: Encoder = {
  ...encoders.paced,
  encode: (tokens, rng, topic) =>
    encoders.paced.encode(tokens, rng, topic).map(({ t, octets }) => ({ t: topic === 5 ? 0.8 * t : t, octets })),
}

/** When the queue is long, a second cell in the tick. */
const catchingUp: Encoder = {
  ...encoders.paced,
  encode: (tokens, rng, topic) => {
    const cells = encoders.paced.encode(tokens, rng, topic)
    return cells.map((cell, i) => (i % 16 === 15 ? { ...cell, t: cells[i - 1]?.t ?? cell.t } : cell))
  },
}

const streamMutants: readonly Planted[] = [
  mutant('tokens as they come', 'stream.tokens', change({ stream: encoders.perToken }), ['paced', 'horizon']),
  mutant('tokens with random padding', 'stream.odd-cells', change({ stream: encoders.randomlyPadded }), [
    'paced',
    'horizon',
  ]),
  mutant(
    'the size of cells goes by topic',
    'stream.odd-cells',
    change({ stream: reshaped('by topic', encoders.paced, (octets, topic) => octets + 16 * topic) }),
    paced,
  ),
  mutant(
    'one topic in bigger cells',
    'stream.odd-cells',
    change({ stream: reshaped('one bigger', encoders.paced, (octets, topic) => (topic === 5 ? 2 * octets : octets)) }),
    paced,
  ),
  mutant(
    'the relay cuts cells anew',
    'stream.odd-cells',
    change({ forwarded: (octets, place) => (place % 16 === 0 ? octets - 100 : octets) }),
    ['paced'],
  ),
  mutant('no cell when there is nothing to say', 'stream.uneven-ticks', change({ stream: encoders.gapped }), paced),
  mutant('gaps tell when tokens come', 'stream.gap', change({ stream: encoders.gapped }), paced),
  mutant('two cells in a tick to catch up', 'stream.uneven-ticks', change({ stream: catchingUp }), paced),
  mutant('one topic in faster cells', 'stream.uneven-ticks', change({ stream: hasty }), paced),
  mutant('the end is exact', 'stream.end', change({ stream: ended(exactEnd) }), paced),
  mutant(
    'the end is rounded to two cells only',
    'stream.end',
    change({ stream: ended((count) => 2 * Math.ceil(count / 2)) }),
    paced,
  ),
  mutant('tokens in batches of five', 'stream.topic', change({ stream: encoders.batchesOfFive }), ['paced', 'horizon']),
  mutant('cells only as they are needed', 'stream.match.at-once', change({ stream: encoders.gapped }), paced),
  mutant('an end without a bucket', 'stream.match.at-once', change({ stream: ended(exactEnd) }), paced),
  mutant('a power of two in place of the horizon', 'stream.topic', change({ stream: ended(powerOfTwo) }), horizon),
  mutant('paced cells in place of the horizon', 'stream.match.at-once', change({ stream: encoders.gapped }), horizon),
  mutant(
    'answers under a horizon in two sizes',
    'stream.odd-cells',
    change({
      stream: reshaped('two sizes', profiles.horizon.stream, (octets, topic) => (topic < 3 ? octets / 2 : octets)),
    }),
    horizon,
  ),
]

const counterMutants: readonly Planted[] = [
  mutant('counters at every request', 'metrics.differencing', change({ counters: { every: 1, unit: 1 } })),
  mutant('counters that grow by one', 'metrics.steps', change({ counters: { every: 60, unit: 1 } })),
  mutant('a snapshot every ten seconds', 'metrics.epochs', change({ counters: { every: 10, unit: 1 } })),
  mutant('a line in the log for every request', 'log.differencing', change({ log: { every: 1, unit: 1 } })),
]

export const mutants: readonly Planted[] = [
  ...sizeMutants,
  ...timingMutants,
  ...linkMutants,
  ...streamMutants,
  ...counterMutants,
]

/** Those that break a promise of this profile. */
export function mutantsFor(profile: ProfileName): readonly Planted[] {
  return mutants.filter(({ profiles: those }) => those === undefined || those.includes(profile))
}

function mutant(name: string, test: string, plant: Planted['plant'], of?: readonly ProfileName[]): Planted {
  return { name, leak: name, test, plant, ...(of === undefined ? {} : { profiles: of }) }
}
