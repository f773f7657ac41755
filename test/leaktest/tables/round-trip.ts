/** privacy.md 2.5, round trip: somebody who sees all four times, and services as long as a language model's. */
import { blockBootstrap, percentileInterval, ratio } from '../stats/bootstrap.ts'
import { mean } from '../stats/numbers.ts'
import type { Rng } from '../stats/rng.ts'
import { learn, matchWindow } from '../probes/timing.ts'
import { exchanges, windows } from '../simulate/exchanges.ts'
import { passing, timed } from '../simulate/mixes.ts'
import { profiles, type Model } from '../simulate/profiles.ts'
import { echo, languageModel, type Service } from '../simulate/workload.ts'
import type { Figure, Table } from './table.ts'

type PageRow = {
  readonly name: string
  readonly model: Partial<Model>
  readonly service: Service
  /** accuracy at 20 and 200 requests a second */
  readonly accuracy: readonly [number, number]
  /** mean ms beyond the service; absent where the page has none */
  readonly added?: number
}

const both = (period: number): Partial<Model> => ({ outward: timed(period), inward: timed(period) })
const second = 1000

/** Answers wait until a whole number of seconds has passed, or a power of two of them. */
const roundedUp = (service: number): number => Math.ceil(service / second) * second
const doubled = (service: number): number => second * 2 ** Math.max(0, Math.ceil(Math.log2(service / second)))

const page: readonly PageRow[] = [
  { name: 'none', model: {}, service: languageModel, accuracy: [1, 1], added: 2 },
  {
    name: 'request tick only (100 ms)',
    model: { outward: timed(100), inward: passing },
    service: languageModel,
    accuracy: [1, 0.997],
    added: 54,
  },
  { name: 'both ticks 50 ms', model: both(50), service: languageModel, accuracy: [0.995, 0.923], added: 52 },
  { name: 'both ticks 100 ms', model: both(100), service: languageModel, accuracy: [0.975, 0.721], added: 101 },
  { name: 'both ticks 250 ms', model: both(250), service: languageModel, accuracy: [0.799, 0.348], added: 257 },
  {
    name: 'both 100 ms + service rounded to 1 s',
    model: { ...both(100), hold: roundedUp },
    service: languageModel,
    accuracy: [0.771, 0.246],
    added: 640,
  },
  {
    name: 'both 100 ms + service rounded x2',
    model: { ...both(100), hold: doubled },
    service: languageModel,
    accuracy: [0.753, 0.232],
    added: 925,
  },
  {
    name: 'both 250 ms + fixed 8 s horizon',
    model: { ...both(250), hold: () => 8000 },
    service: languageModel,
    accuracy: [0.198, 0.029],
    added: 6577,
  },
  { name: 'both 100 ms, services of 5 ms', model: both(100), service: echo, accuracy: [0.442, 0.051] },
]

const size = 128
const pageWindows = 8
const probes = 128

export type RoundTripOptions = { readonly rng: Rng; readonly many?: number }

export function roundTripTable({ rng, many = 24 }: RoundTripOptions): Table {
  return {
    id: 'round-trip',
    title: 'Timing, round trip: top-1 accuracy with four timestamps, services lognormal around 1.5 s (privacy.md 2.5)',
    n: `${many} windows of ${size}, guessing 1/${size}; the page gives neither its windows nor the spread of services, taken as 0.6 after its mean delays`,
    columns: ['20/s', '200/s', 'mean added ms'],
    rows: page.map((row) => {
      const slow = matched(row, 20, row.accuracy[0], many, rng)
      const fast = matched(row, 200, row.accuracy[1], many, rng)
      const added: Figure = {
        measured: slow.added,
        ...(row.added === undefined ? {} : { page: row.added, tolerance: 10 + 0.1 * row.added }),
      }
      return { name: row.name, figures: [slow.figure, fast.figure, added] }
    }),
  }
}

function matched(
  row: PageRow,
  rate: number,
  accuracy: number,
  many: number,
  rng: Rng,
): { figure: Figure; added: number } {
  const own = rng.fork(`${row.name} ${rate}`)
  const model: Model = { ...profiles.direct, ...row.model }
  const services: number[] = []
  const service: Service = (from) => {
    const took = Math.max(0, row.service(from))
    services.push(took)
    return took
  }
  const traffic = { rate, count: size, clients: 64, service, rng: own }
  const learnt = learn(exchanges(model, { ...traffic, count: probes, rng: own.fork('probes') }))
  services.length = 0
  const all = windows(model, traffic, many)
  const found = all.map((window) => {
    const { right, n } = matchWindow(window, { leg: 'round trip', learnt, rng: own })
    return [right, n] as const
  })
  const took = all.flat().map(({ times: { in: from, back } }) => back - from)
  return {
    figure: {
      measured: ratio(found),
      ci: percentileInterval(blockBootstrap(found, ratio, own.fork('bootstrap'))),
      page: accuracy,
      tolerance: tolerance(accuracy, many),
    },
    added: mean(took) - mean(services),
  }
}

/** As for one way, with 0.04 for the spread of services that the page does not give. */
function tolerance(accuracy: number, many: number): number {
  const one = (windows_: number): number => accuracy / (size * windows_)
  return 4 * Math.sqrt(one(many) + one(pageWindows)) * Math.sqrt(Math.max(0.05, 1 - accuracy)) + 0.04
}
