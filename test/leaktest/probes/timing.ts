/**
 * Whose request is whose, for somebody who watches both links and guesses from times alone. privacy.md 2.5: densities of
 * the delays learnt from 128 exchanges of his own, costs from them, the best assignment. The order in which messages of one
 * batch leave is used as well: where costs are equal, the attacker bets that they leave as they came.
 */
import { assign, costs } from '../stats/assignment.ts'
import { learnDensity, type Density } from '../stats/density.ts'
import { permuted } from '../stats/draws.ts'
import { ascending, mean, quantile, sum, times } from '../stats/numbers.ts'
import { auc, kendallTau } from '../stats/ranks.ts'
import type { Rng } from '../stats/rng.ts'
import type { Trial, Window } from '../types.ts'

/** What is matched: requests from A to B, answers from B to A, or both at once with all four times. */
export type Leg = 'request' | 'response' | 'round trip'

export type Learnt = { readonly request: Density; readonly response: Density }

/** The attacker's own exchanges teach him how long each direction takes. */
export function learn(probes: readonly Trial[]): Learnt {
  return {
    request: learnDensity(probes.map(({ times: { in: from, out } }) => out - from)),
    response: learnDensity(probes.map(({ times: { resp, back } }) => back - resp)),
  }
}

export type Matching = {
  readonly n: number
  readonly right: number
  /** mean entropy in bits of the attacker's belief about one message, by his densities alone */
  readonly entropy: number
  /** two to that entropy, message by message */
  readonly sets: readonly number[]
  /** share of messages that he is sure of (99 percent) */
  readonly singletons: number
  /** mean of the chance that he gives his first choice */
  readonly topBelief: number
  readonly auc: number
}

/** Small enough to decide only between equals: costs differ by far more than 1e-9 times the square of a window. */
const orderBet = 1e-9
/** Added to the cost of a pair that cannot be. */
const mismatch = 1e3

export type MatchOptions = {
  readonly leg: Leg
  readonly learnt: Learnt
  readonly rng: Rng
  /** lengths on both links are looked at too; they must be equal */
  readonly sizes?: boolean
}

export function matchWindow(window: Window, { leg, learnt, rng, sizes = false }: MatchOptions): Matching {
  const n = window.length
  const from = window.map(({ times }) => (leg === 'response' ? times.resp : times.in))
  const to = window.map(({ times }) => (leg === 'response' ? times.back : times.out))
  // Both sides in the order in which they were seen, which is all that an observer has to number them by.
  const rows = order(from, rng)
  const columns = order(to, rng)
  const cost = (row: number, column: number): number => {
    const left = window[rows[row] as number] as Trial
    const right = window[columns[column] as number] as Trial
    const apart = sizes && (left.request.a !== right.request.b || left.response.a !== right.response.b) ? mismatch : 0
    return delays(left, right, leg, learnt) + apart
  }
  const table = costs(n, cost)
  const bet = { n, values: table.values.map((value, at) => value + orderBet * (Math.floor(at / n) - (at % n)) ** 2) }
  const right = assign(bet).filter((column, row) => columns[column] === rows[row]).length
  return { n, right, ...beliefs(table.values, n), auc: pairs(table.values, n, rows, columns, rng) }
}

/** Cost of saying that what was seen on A as `left` is what was seen on B as `right`. */
function delays(left: Trial, right: Trial, leg: Leg, { request, response }: Learnt): number {
  if (leg === 'request') return request.cost(right.times.out - left.times.in)
  // An answer is matched from B to A: `left` is what was seen on B.
  if (leg === 'response') return response.cost(right.times.back - left.times.resp)
  return request.cost(right.times.out - left.times.in) + response.cost(left.times.back - right.times.resp)
}

function beliefs(values: Float64Array, n: number): Pick<Matching, 'entropy' | 'sets' | 'singletons' | 'topBelief'> {
  const rows = times(n, (row) => {
    const line = values.subarray(row * n, (row + 1) * n)
    const best = line.reduce((least, value) => Math.min(least, value), Infinity)
    const weights = line.map((value) => Math.exp(best - value))
    const total = weights.reduce((all, weight) => all + weight, 0)
    const entropy = weights.reduce(
      (bits, weight) => (weight > 0 ? bits - (weight / total) * Math.log2(weight / total) : bits),
      0,
    )
    return { entropy, top: 1 / total }
  })
  return {
    entropy: mean(rows.map(({ entropy }) => entropy)),
    sets: rows.map(({ entropy }) => 2 ** entropy),
    singletons: rows.filter(({ top }) => top > 0.99).length / n,
    topBelief: mean(rows.map(({ top }) => top)),
  }
}

/** How well the score of a pair tells true ones from random ones. */
function pairs(values: Float64Array, n: number, rows: readonly number[], columns: readonly number[], rng: Rng): number {
  const place = new Map(columns.map((trial, column) => [trial, column]))
  const score = (row: number, column: number): number => -(values[row * n + column] as number)
  const true_ = rows.map((trial, row) => score(row, place.get(trial) ?? 0))
  const random = rows.map((trial, row) => score(row, ((place.get(trial) ?? 0) + 1 + rng.below(Math.max(1, n - 1))) % n))
  return auc(true_, random)
}

/** What the order inside a batch could give away: when a message came, or how long it is. */
export type OrderedBy = 'arrival' | 'length'

/** Kendall's tau between arrival (or length) and departure inside batches: [tau times pairs, pairs] of a window. */
export function orderKept(
  window: Window,
  leg: 'request' | 'response',
  period: number,
  by: OrderedBy = 'arrival',
): [number, number] {
  const seen = window.map(({ times, request, response }) =>
    leg === 'request'
      ? { from: by === 'arrival' ? times.in : request.b, to: times.out }
      : { from: by === 'arrival' ? times.resp : response.b, to: times.back },
  )
  const batches = Object.values(Object.groupBy(seen, ({ to }) => Math.round(to / period)))
  const all = batches.map((batch = []) => {
    const pairs = (batch.length * (batch.length - 1)) / 2
    const tau =
      pairs === 0
        ? 0
        : kendallTau(
            batch.map(({ from }) => from),
            batch.map(({ to }) => to),
          )
    return Number.isNaN(tau) ? ([0, 0] as const) : ([tau * pairs, pairs] as const)
  })
  return [sum(all.map(([tau]) => tau)), sum(all.map(([, pairs]) => pairs))]
}

/** Departures that are not on a tick, or later after it than writing a batch takes. */
export function offTick(window: Window, period: number, tolerance = 2): number {
  const late = (t: number): boolean => t - Math.floor(t / period) * period > tolerance
  return sum(window.map(({ times }) => Number(late(times.out)) + Number(late(times.back))))
}

/**
 * The same exchanges in windows of as many answers that came one after the other. Answers to the first requests of a run
 * come thinner than later ones, as do those after the last: only the time between is as busy as the rate says.
 */
export function byAnswer(windows: readonly Window[]): Window[] {
  const size = windows[0]?.length ?? 0
  const all = windows.flat()
  const services = ascending(all.map(({ times: { out, resp } }) => resp - out))
  const begun = (all[0]?.times.in ?? 0) + quantile(services, 0.99)
  const ended = all.at(-1)?.times.in ?? 0
  const steady = all.filter(({ times: { resp } }) => resp >= begun && resp <= ended)
  steady.sort((a, b) => a.times.resp - b.times.resp)
  return times(Math.floor(steady.length / size), (i) => steady.slice(i * size, (i + 1) * size))
}

/** Milliseconds that the pair added to an exchange beyond its service: median and 99th percentile of one direction. */
export function addedDelay(all: readonly Trial[]): { mean: number; p99: number } {
  const added = ascending(all.map(({ times: { in: from, out } }) => out - from))
  return { mean: mean(added), p99: quantile(added, 0.99) }
}

// What was seen at the same time is numbered by lot: any order of our own would be the truth.
function order(values: readonly number[], rng: Rng): number[] {
  const places = permuted(rng, [...values.keys()])
  return places.sort((a, b) => (values[a] as number) - (values[b] as number))
}
