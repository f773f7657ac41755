/** privacy.md 2.5, one way: requests matched from link A to link B by time alone, under eight mixes at three rates. */
import { blockBootstrap, percentileInterval, ratio } from '../stats/bootstrap.ts'
import type { Rng } from '../stats/rng.ts'
import { addedDelay, learn, matchWindow } from '../probes/timing.ts'
import { exchanges, windows } from '../simulate/exchanges.ts'
import * as mixes from '../simulate/mixes.ts'
import { timedFloor } from '../claims.ts'
import { profiles, type Model } from '../simulate/profiles.ts'
import { echo } from '../simulate/workload.ts'
import type { Figure, Table } from './table.ts'

export const rates = [2, 20, 200] as const

type PageRow = {
  readonly name: string
  readonly mix: mixes.Mix
  /** accuracy at 2, 20 and 200 requests a second */
  readonly accuracy: readonly [number, number, number]
  /** 99th percentile of the added delay, ms */
  readonly p99: number
  /** why accuracies may differ from the page's */
  readonly note?: string
  /** closed form, where there is one */
  readonly floor?: (rate: number) => number
}

const unreachable =
  "the page's figure is beyond times alone: with exact densities and the exact posterior over all matchings (sampled) an attacker reaches 0.87, 0.31, 0.04 for the uniform delay, 0.85, 0.34, 0.04 and 0.62, 0.13, 0.02 for the exponential ones; only one who is told all earlier matches would do better"

const page: readonly PageRow[] = [
  { name: 'none', mix: mixes.passing, accuracy: [1, 0.997, 0.982], p99: 2 },
  {
    name: 'uniform 0-200 ms',
    mix: mixes.uniformDelay(200),
    accuracy: [0.97, 0.564, 0.082],
    p99: 198,
    note: unreachable,
  },
  {
    name: 'exponential, mean 100 ms',
    mix: mixes.exponentialDelay(100),
    accuracy: [0.934, 0.405, 0.081],
    p99: 450,
    note: unreachable,
  },
  {
    name: 'exponential, mean 250 ms',
    mix: mixes.exponentialDelay(250),
    accuracy: [0.818, 0.225, 0.065],
    p99: 1200,
    note: unreachable,
  },
  timedRow(50, [0.953, 0.648, 0.117]),
  timedRow(100, [0.911, 0.388, 0.06]),
  timedRow(250, [0.826, 0.197, 0.031]),
  { name: 'threshold 8, wait <= 250 ms', mix: mixes.threshold(8, 250), accuracy: [0.669, 0.167, 0.142], p99: 250 },
]

function timedRow(period: number, accuracy: PageRow['accuracy']): PageRow {
  const floor = (rate: number): number => timedFloor(rate, period)
  return { name: `timed ${period} ms + shuffle`, mix: mixes.timed(period), accuracy, p99: period, floor }
}

/** Messages in a window, and windows behind each of the page's figures. */
const size = 64
const pageWindows = 16
const probes = 128

export type TimingTableOptions = { readonly rng: Rng; readonly many?: number }

export function oneWayTable({ rng, many = 48 }: TimingTableOptions): Table {
  return {
    id: 'one-way',
    title: 'Timing, one way: top-1 accuracy of matching requests across the relay (privacy.md 2.5)',
    n: `${many} windows of ${size} for each figure, guessing 1/${size}; attacker's own probes ${probes}; floor = (1-e^-LT)/(LT)`,
    columns: ['2/s', 'floor', '20/s', 'floor', '200/s', 'floor', 'added p99 ms'],
    rows: page.map((row) => ({
      name: row.name,
      figures: [
        ...rates.flatMap((rate, i) => matched(row, rate, row.accuracy[i] as number, many, rng)),
        latency(row, rng),
      ],
    })),
  }
}

function matched(row: PageRow, rate: number, accuracy: number, many: number, rng: Rng): Figure[] {
  const own = rng.fork(`${row.name} ${rate}`)
  const model: Model = { ...profiles.direct, outward: row.mix }
  const traffic = { rate, count: size, clients: size, service: echo, rng: own }
  const learnt = learn(exchanges(model, { ...traffic, count: probes, rng: own.fork('probes') }))
  const found = windows(model, traffic, many).map((window) => {
    const { right, n } = matchWindow(window, { leg: 'request', learnt, rng: own })
    return [right, n] as const
  })
  const ci = percentileInterval(blockBootstrap(found, ratio, own.fork('bootstrap')))
  const measured = ratio(found)
  return [
    {
      measured,
      ci,
      page: accuracy,
      tolerance: tolerance(accuracy, many),
      ...(row.note === undefined ? {} : { note: row.note }),
    },
    { measured: row.floor?.(rate) ?? (row.name === 'none' ? 1 : 0) },
  ]
}

/**
 * Four standard errors of the difference. A batch has one match on average with variance one, so a window's share has a
 * variance of about accuracy / size; and 0.02 for details of the densities that the page does not give.
 */
function tolerance(accuracy: number, many: number): number {
  const one = (windows_: number): number => accuracy / (size * windows_)
  return 4 * Math.sqrt(one(many) + one(pageWindows)) * Math.sqrt(Math.max(0.05, 1 - accuracy)) + 0.02
}

function latency(row: PageRow, rng: Rng): Figure {
  const traffic = { rate: 20, count: 4000, clients: 64, service: echo, rng: rng.fork(`latency ${row.name}`) }
  const { p99 } = addedDelay(exchanges({ ...profiles.direct, outward: row.mix }, traffic))
  return { measured: p99, page: row.p99, tolerance: 1 + 0.08 * row.p99 }
}
