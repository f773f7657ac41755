/** Figures of a live run, as plain numbers: lengths, connections, delays, and the order of arrival on both links. */
import type { ReportPlot } from '../report/schema.ts'
import type { Trial } from '../types.ts'
import type { Capture } from './capture.ts'
import { trialsOf } from './trials.ts'

export function livePlots(capture: Capture): ReportPlot[] {
  const trials = trialsOf(capture, 'calls')
  if (trials.length === 0) return []
  return [lengths(trials), connections(trials), delays(trials), order(trials)]
}

/** How many messages are at most so long: what they carry, and what shows of them. */
function lengths(trials: readonly Trial[]): ReportPlot {
  const all = trials.flatMap(({ request, response }) => [request, response])
  return {
    ...{
      id: 'live.lengths',
      title: 'Lengths: what is meant, and what shows on the wire',
      n: all.length,
      test: 'size.grid',
    },
    ...{ kind: 'lines', scale: 'log', x: 'octets', y: 'share of messages up to it' },
    lines: [
      { name: 'content', as: 'steps', points: distribution(all.map(({ raw }) => raw)) },
      { name: 'link A', as: 'steps', points: distribution(all.map(({ a }) => a)) },
      { name: 'link B', as: 'steps', points: distribution(all.map(({ b }) => b)) },
    ],
  }
}

/** Rows are clients, columns upstream connections: a row with one dark cell would be a client with its own connection. */
function connections(trials: readonly Trial[]): ReportPlot {
  const clients = [...new Set(trials.map(({ client }) => client))].sort((a, b) => a - b)
  const upstreams = [...new Set(trials.map(({ upstream }) => upstream))].sort((a, b) => a - b)
  const count = (client: number, upstream: number): number =>
    trials.filter((trial) => trial.client === client && trial.upstream === upstream).length
  return {
    ...{ id: 'live.connections', title: 'Which client on which upstream connection', n: trials.length },
    ...{ test: 'connections.linkability', kind: 'grid', x: 'upstream connections', y: 'clients' },
    values: clients.map((client) => upstreams.map((upstream) => count(client, upstream))),
  }
}

function delays(trials: readonly Trial[]): ReportPlot {
  const of = (pick: (trial: Trial) => number): [number, number][] => distribution(trials.map(pick))
  return {
    ...{ id: 'live.delays', title: 'Time that the relay adds', n: trials.length, test: 'connections.delay' },
    ...{ kind: 'lines', x: 'milliseconds', y: 'share of messages up to it' },
    lines: [
      { name: 'requests, link A to B', as: 'steps', points: of(({ times }) => times.out - times.in) },
      { name: 'answers, link B to A', as: 'steps', points: of(({ times }) => times.back - times.resp) },
    ],
  }
}

/** A line along the diagonal is an order that was kept. */
function order(trials: readonly Trial[]): ReportPlot {
  const rank = (pick: (trial: Trial) => number): Map<Trial, number> =>
    new Map([...trials].sort((a, b) => pick(a) - pick(b)).map((trial, i) => [trial, i]))
  const [before, behind] = [rank(({ times }) => times.in), rank(({ times }) => times.out)]
  const shown = trials.slice(0, mostDots)
  return {
    ...{
      id: 'live.order',
      title: 'Order of requests before and behind the relay',
      n: trials.length,
      test: 'connections.delay',
    },
    ...{ kind: 'lines', x: 'place in the order on link A', y: 'place in the order on link B' },
    lines: [
      { name: 'requests', as: 'dots', points: shown.map((trial) => [before.get(trial) ?? 0, behind.get(trial) ?? 0]) },
      {
        name: 'order kept',
        as: 'bound',
        points: [
          [0, 0],
          [trials.length - 1, trials.length - 1],
        ],
      },
    ],
  }
}

const mostDots = 600

/** The points of an empirical distribution, at most a few hundred. */
function distribution(values: readonly number[]): [number, number][] {
  const sorted = [...values].sort((a, b) => a - b)
  const step = Math.max(1, Math.floor(sorted.length / 300))
  const kept = sorted.map((value, i): [number, number] => [value, (i + 1) / sorted.length])
  return kept.filter((_, i) => i % step === 0 || i === kept.length - 1)
}
