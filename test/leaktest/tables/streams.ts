/**
 * privacy.md 2.7: what streamed answers on six topics give away under nine encoders. The page says how many topics there
 * are and what it measured, not their laws: those (simulate/workload.ts) were fitted to it, so agreement says that one
 * workload explains the table with the product's own cells in rows six to nine.
 */
import { blockBootstrap, percentileInterval, ratio } from '../stats/bootstrap.ts'
import { heldOut } from '../stats/held-out.ts'
import { mean, times } from '../stats/numbers.ts'
import type { Rng } from '../stats/rng.ts'
import { bandwidthFactor, matchStreams, tokensRecovered, topicSamples } from '../probes/stream.ts'
import { encoders, type Encoder } from '../simulate/encoders.ts'
import type { StreamTrial } from '../types.ts'
import { streams } from '../simulate/streams.ts'
import type { Figure, Table } from './table.ts'

/** Which figures of a row differ by more than their tolerance, and why. */
type Notes = { readonly topic?: string; readonly spread?: string }

type PageRow = {
  readonly encoder: Encoder
  readonly notes: Notes
  readonly topic: number
  readonly tokens: number
  /** matching with all starts at once, and spread over two seconds */
  readonly together: number
  readonly spread: number
  readonly octets: number
  readonly delay: number
}

const shape =
  'a cell that follows each token hides less than the page found: the page does not say how its topics differ in pace, and here gaps and lengths tell more'
const ticks =
  "the page's horizon waits 85 ms on average, so its cells came every 170 ms or so; here they come every 100 as wire.md says"
const starts =
  'starts show: here the cells of a stream are counted from its own start, to a millisecond, and the page seems to have begun them on a common grid'

const page: readonly PageRow[] = [
  row(encoders.perToken, 0.749, 1, 1, 1, 1, 0),
  row(encoders.randomlyPadded, 0.616, 0.03, 1, 1, 1.26, 0, { topic: shape }),
  row(encoders.paddedTo64, 0.7, 0, 1, 1, 1.13, 0),
  row(encoders.batchesOfFive, 0.769, 0, 1, 1, 0.26, 76),
  row(encoders.gapped, 0.413, 0, 0.948, 0.813, 3.3, 50, { topic: shape }),
  row(encoders.exact, 0.427, 0, 0.87, 0.74, 3.4, 50),
  row(encoders.paced, 0.391, 0, 0.135, 0.557, 4.9, 50),
  row(encoders.slow, 0.424, 0, 0.141, 0.531, 3.9, 125, { spread: starts }),
  row(encoders.horizon, 0.151, 0, 0.031, 0.125, 6.3, 85, { spread: starts }),
]

function row(
  encoder: Encoder,
  topic: number,
  tokens: number,
  together: number,
  spread: number,
  octets: number,
  delay: number,
  notes: Notes = {},
): PageRow {
  return { encoder, notes, topic, tokens, together, spread, octets, delay }
}

const size = 32
const spreadOver = 2000

export type StreamTableOptions = { readonly rng: Rng; readonly many?: number; readonly traces?: number }

export function streamTable({ rng, many = 16, traces = 900 }: StreamTableOptions): Table {
  const plain = streams({ encoder: encoders.perToken, count: traces, rng: rng.fork('traces') })
  return {
    id: 'streams',
    title: 'Streams: six topics under nine encoders (privacy.md 2.7)',
    n: `${traces} traces for topics, ${many} windows of ${size} for matching; guessing a topic 1/6, a match 1/${size}`,
    columns: ['topic', 'exact token length', 'match, same start', 'match, spread 2 s', 'octets x', 'added delay ms'],
    rows: page.map((of) => {
      const all = streams({ encoder: of.encoder, count: traces, rng: rng.fork('traces') })
      const attack = heldOut(topicSamples(all), rng.fork(`topics ${of.encoder.name}`))
      return {
        name: of.encoder.name,
        figures: [
          { measured: attack.accuracy, ci: attack.ci, page: of.topic, tolerance: 0.08, ...noted(of.notes.topic) },
          { measured: tokensRecovered(all).share, page: of.tokens, tolerance: 0.03 },
          matched({ of, page: of.together, spread: 0, many, rng }),
          matched({ of, page: of.spread, spread: spreadOver, many, rng }),
          { measured: bandwidthFactor(all, plain), page: of.octets, tolerance: 0.1 * of.octets },
          {
            measured: waits(of, plain),
            page: of.delay,
            tolerance: 2 + 0.1 * of.delay,
            ...noted(of.encoder === encoders.horizon ? ticks : undefined),
          },
        ],
      }
    }),
  }
}

type Matched = {
  readonly of: PageRow
  readonly page: number
  readonly spread: number
  readonly many: number
  readonly rng: Rng
}

function matched({ of, page, spread, many, rng }: Matched): Figure {
  const own = rng.fork(`${of.encoder.name} ${spread}`)
  const found = times(many, (i) => {
    const window = streams({ encoder: of.encoder, count: size, spread, rng: own.fork(`window ${i}`) })
    return [matchStreams(window, 'b', own).right, size] as const
  })
  const ci = percentileInterval(blockBootstrap(found, ratio, own.fork('bootstrap')))
  return { measured: ratio(found), ci, page, tolerance: 0.12, ...noted(spread > 0 ? of.notes.spread : undefined) }
}

function noted(note: string | undefined): { note?: string } {
  return note === undefined ? {} : { note }
}

function waits({ encoder }: PageRow, trials: readonly StreamTrial[]): number {
  return mean(
    trials.map(({ tokens, start }) => encoder.delay(tokens.map(({ t, octets }) => ({ t: t - start, octets })))),
  )
}
