/**
 * What ticks hide: profiles `mixed` and `paced`. wire.md "Traffic shaping profiles", privacy.md 2.5 and 4.2. That messages
 * leave at ticks and in random order is claimed; how well times still match them is measured.
 */
import { timedFloor, tickPeriod } from '../../claims.ts'
import { proportion } from '../../gate.ts'
import { addedDelay, byAnswer, learn, matchWindow, type Leg } from '../../probes/timing.ts'
import { permuted } from '../../stats/draws.ts'
import { ascending, mean, quantile } from '../../stats/numbers.ts'
import { pValue } from '../../stats/permutation.ts'
import { kendallTau } from '../../stats/ranks.ts'
import { createRng } from '../../stats/rng.ts'
import type { Trial, Window } from '../../types.ts'
import type { Capture } from '../capture.ts'
import { trialsOf } from '../trials.ts'
import { counted, told, type Answer, type LiveTest } from './live-test.ts'

const ticking = { profiles: ['mixed', 'paced'], tier: 'T1', cells: [] } as const

export const mixing: readonly LiveTest[] = [
  {
    ...{ ...ticking, id: 'ticks.departures', metric: 'share of messages that left in the later half of a tick' },
    remedy: 'let requests and answers wait for the next multiple of the tick on the wall clock',
    ask: (capture) => {
      const all = wallTrials(capture).flatMap(({ times: { out, back } }) => [out, back])
      if (all.length === 0) return undefined
      const late = all.filter((t) => t % tickPeriod > tickPeriod / 2).length
      const gate = { kind: 'at-most', threshold: lateLimit } as const
      return { ...proportion(late, all.length, lateLimit), n: all.length, gate, null: 0, found: [] }
    },
  },
  {
    ...{ ...ticking, id: 'ticks.order' },
    metric: "Kendall's tau of arrival and departure among those that left together: permutation p at most 0.001",
    remedy: 'shuffle what leaves at one tick, both ways, with a cryptographic source',
    ask: (capture) => {
      const trials = wallTrials(capture)
      const [requests, answers] = (['request', 'response'] as const).map((leg) => orderKept(trials, leg))
      return trials.length === 0 || requests === undefined || answers === undefined
        ? undefined
        : kept(requests, answers)
    },
  },
  ...(['request', 'response', 'round trip'] as const).map(matching),
  {
    ...{ id: 'cost.delay', tier: 'T3', metric: 'milliseconds that a request waits at the relay, mean', cells: [] },
    remedy: '',
    ask: (capture) => {
      const trials = wallTrials(capture)
      if (trials.length === 0) return undefined
      const { mean: middle, p99 } = addedDelay(trials)
      const back = ascending(trials.map(({ times }) => times.back - times.resp))
      const more = { p99, 'answer, mean': mean(back), 'answer, p99': quantile(back, 0.99) }
      return told(middle, trials.length, more)
    },
  },
]

/** By chance it would be a half; a machine that is busy comes late now and then. */
const lateLimit = 0.25
const permutations = 2_000
const rare = 0.001

/** Whole exchanges, on the clock of the ticks. */
function wallTrials(capture: Capture): Trial[] {
  const wall = (t: number): number => t + performance.timeOrigin
  return [...trialsOf(capture, 'calls'), ...trialsOf(capture, 'arrivals')].map((trial) => {
    const { in: from, out, resp, back } = trial.times
    return { ...trial, times: { in: wall(from), out: wall(out), resp: wall(resp), back: wall(back) } }
  })
}

type Order = { readonly tau: number; readonly p: number; readonly pairs: number }

/** Of those that left at one tick, against the same with their places drawn anew. */
function orderKept(trials: readonly Trial[], leg: 'request' | 'response'): Order {
  const seen = trials.map(({ times }) =>
    leg === 'request' ? { from: times.in, to: times.out } : { from: times.resp, to: times.back },
  )
  const batches = [...Map.groupBy(seen, ({ to }) => Math.floor(to / tickPeriod)).values()].filter(
    ({ length }) => length > 1,
  )
  const froms = batches.map((batch) => batch.map(({ from }) => from))
  const tos = batches.map((batch) => batch.map(({ to }) => to))
  const rng = createRng(1, `order ${leg}`)
  const sizes = batches.map(({ length }) => (length * (length - 1)) / 2)
  const pairs = sizes.reduce((all, size) => all + size, 0)
  const tau = (one: readonly (readonly number[])[]): number =>
    one.reduce((all, batch, i) => all + tauOf(batch, tos[i] ?? []) * (sizes[i] ?? 0), 0) / Math.max(1, pairs)
  const observed = tau(froms)
  const drawn = Array.from({ length: permutations }, () => tau(froms.map((batch) => permuted(rng, batch))))
  return { tau: observed, p: pValue(observed, drawn), pairs }
}

/** Those that were seen at one instant have no order. */
function tauOf(xs: readonly number[], ys: readonly number[]): number {
  const tau = kendallTau(xs, ys)
  return Number.isNaN(tau) ? 0 : tau
}

function kept(requests: Order, answers: Order): Answer {
  const legs = [
    ['requests', requests],
    ['answers', answers],
  ] as const
  const found = legs
    .filter(([, { p }]) => p <= rare)
    .map(([name, { tau, p }]) => `${name}: tau ${tau.toFixed(3)}, permutation p ${p.toFixed(4)}`)
  const besides = Object.fromEntries(
    legs.flatMap(([name, { tau, p }]) => [[`tau, ${name}`, tau] as const, [`p, ${name}`, p] as const]),
  )
  return { ...counted(found.length, requests.pairs + answers.pairs, found), besides }
}

/** A third of the exchanges are the attacker's own, who learns from them how long each way takes. */
function matching(leg: Leg): LiveTest {
  return {
    ...{ id: `ticks.match-${leg.replace(' ', '-')}`, profiles: ticking.profiles, tier: 'T3', remedy: '' },
    metric: `share of exchanges matched by time, ${leg}, beside the floor of such ticks at the rate that was met`,
    cells: leg === 'request' ? ['F08 NR'] : [],
    ask: (capture) => {
      const trials = trialsOf(capture, 'arrivals').toSorted((a, b) => a.times.in - b.times.in)
      const own = Math.ceil(trials.length / 3)
      const windows = windowsOf(trials.slice(own))
      const seen = leg === 'response' ? byAnswer(windows) : windows
      if (own === 0 || seen.length === 0) return undefined
      const options = { leg, learnt: learn(trials.slice(0, own)), rng: createRng(1, leg) }
      const found = seen.map((window) => matchWindow(window, options))
      const [n, right] = [sum(found.map((one) => one.n)), sum(found.map((one) => one.right))]
      const rate = rateOf(trials)
      const floor = leg === 'round trip' ? 0 : timedFloor(rate, tickPeriod)
      const besides = { 'requests a second': rate, 'closed-form floor': floor, chance: 1 / (windows[0]?.length ?? 1) }
      const { ci } = proportion(right, n, 0)
      return { ...told(right / n, n, besides), ci, null: floor }
    },
  }
}

function windowsOf(trials: readonly Trial[]): Window[] {
  return Array.from({ length: Math.floor(trials.length / windowSize) }, (_, i) =>
    trials.slice(i * windowSize, (i + 1) * windowSize),
  )
}

const windowSize = 32

function rateOf(trials: readonly Trial[]): number {
  const [first, last] = [trials[0]?.times.in ?? 0, trials.at(-1)?.times.in ?? 0]
  return last > first ? ((trials.length - 1) * 1000) / (last - first) : 0
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0)
}
