/** What times tell: whose request is whose, and which client waits longer. privacy.md 2.5. */
import { matchingLimit, timedFloor, type Claims } from '../claims.ts'
import { normalEvidence, type Probe } from '../gate.ts'
import { unequalLengths } from '../probes/size.ts'
import {
  addedDelay,
  byAnswer,
  learn,
  matchWindow,
  offTick,
  orderKept,
  type Leg,
  type Matching,
  type OrderedBy,
} from '../probes/timing.ts'
import { blockBootstrap, percentileInterval } from '../stats/bootstrap.ts'
import { explained } from '../stats/explained.ts'
import { mean, sum } from '../stats/numbers.ts'
import type { Rng } from '../stats/rng.ts'
import type { Gate, Material, Measurement, Trial, Window } from '../types.ts'
import { measured, none, reported, share, type About } from './measure.ts'

type Windows = NonNullable<Material['windows']>

/** More windows for what is cheap to look at. */
const many = 4
const tauLimit: Gate = { kind: 'within', threshold: 0.05 }
const clientLimit = 0.02
/** enough to know the spread of an estimate by */
const spreadDraws = 400

export function timingTests({ windows, rates = [] }: Material, claims: Claims, rng: Rng): Probe[] {
  if (windows === undefined || rates.length === 0) return []
  const fastest = Math.max(...rates)
  const legs: readonly Leg[] = ['request', 'response', 'round trip']
  const matches = rates.flatMap((rate) => legs.map((leg) => matching(windows, leg, rate, claims, rng)))
  return [
    ...matches,
    ...ordering(windows, fastest, claims, rng),
    byClient(windows, fastest, rng),
    latency(windows, fastest),
  ]
}

function matching(windows: Windows, leg: Leg, rate: number, claims: Claims, rng: Rng): Probe {
  const id = `timing.${leg.replace(' ', '-')}@${rate}`
  return measured(id, (factor) => {
    const { windows: all, probes } = windows(rate, factor)
    const own = rng.fork(id)
    const options = { leg, learnt: learn(probes), rng: own }
    const seen = leg === 'response' ? byAnswer(all) : all
    const found = seen.map((window) => matchWindow(window, options))
    const size = all[0]?.length ?? 1
    const floor = floorOf(leg, rate, claims)
    const limit = matchingLimit(floor ?? 1, size)
    const gate: Gate = floor === undefined || limit >= 1 ? { kind: 'report' } : { kind: 'at-most', threshold: limit }
    const metric = `share of exchanges matched by time, ${leg}, ${rate}/s`
    const about: About = { id, tier: 'T3', metric, besides: hiding(found, size), doubt: unequal(all) }
    return share(
      about,
      found.map(({ right, n }) => [right, n] as const),
      floor ?? 1,
      gate,
      own,
    )
  })
}

/** What ticks promise of one leg; nothing is promised where services differ and both ends are seen. */
function floorOf(leg: Leg, rate: number, { tick, fixedAnswers }: Claims): number | undefined {
  if (tick === undefined || (leg === 'round trip' && fixedAnswers === undefined)) return undefined
  return timedFloor(rate, tick.period)
}

function hiding(found: readonly Matching[], size: number): Record<string, number> {
  const average = (of: (one: Matching) => number): number => mean(found.map(of))
  const entropy = average((one) => one.entropy)
  return {
    'effective set': 2 ** entropy,
    'min-entropy set': 1 / average(({ topBelief }) => topBelief),
    'degree of anonymity': entropy / Math.log2(size),
    singletons: average(({ singletons }) => singletons),
    auc: average(({ auc }) => auc),
    chance: 1 / size,
  }
}

function unequal(windows: readonly Window[]): string | undefined {
  const count = sum(windows.map(unequalLengths))
  return count === 0 ? undefined : `${count} lengths differ between the links: they match exchanges by themselves`
}

function ordering(windows: Windows, rate: number, { tick, sizes }: Claims, rng: Rng): Probe[] {
  if (tick === undefined) return []
  // Where all lengths are one there is no order by them.
  const keys: readonly OrderedBy[] = 'bits' in sizes ? ['arrival'] : ['arrival', 'length']
  const ways = keys.flatMap((by) => [['request', by] as const, ['response', by] as const])
  return [
    ...ways.map(([leg, by]) => order(windows, leg, by, rate, tick.period, rng)),
    measured('timing.off-tick', (factor) => {
      const all = windows(rate, factor).windows.flat()
      const about: About = { id: 'timing.off-tick', tier: 'T1', metric: 'messages that left beside the tick' }
      return none(about, 2 * all.length, offTick(all, tick.period, tick.tolerance))
    }),
  ]
}

function order(
  windows: Windows,
  leg: 'request' | 'response',
  by: OrderedBy,
  rate: number,
  period: number,
  rng: Rng,
): Probe {
  const id = `timing.order.${leg}.${by}`
  return measured(id, (factor) => {
    const all = windows(rate, many * factor).windows
    const seen = leg === 'response' ? byAnswer(all) : all
    const kept = seen.map((window) => orderKept(window, leg, period, by)).filter(([, pairs]) => pairs > 0)
    const about: About = { id, tier: 'T1', metric: `Kendall's tau of ${by} and departure in a batch, ${leg}` }
    return share(about, kept, 0, tauLimit, rng.fork(id))
  })
}

function byClient(windows: Windows, rate: number, rng: Rng): Probe {
  const id = 'timing.client'
  return measured(id, (factor) => {
    const all = windows(rate, many * factor).windows
    const gate: Gate = { kind: 'at-most', threshold: clientLimit }
    const estimate = explained(all.flat().map(wait))
    // Drawing clients anew adds as much again by luck as the estimate has taken off: only the spread counts.
    const draws = blockBootstrap(
      all.map((window) => window.map(wait)),
      (some) => explained(some.flat()),
      rng.fork(id),
      spreadDraws,
    )
    const shift = estimate - mean(draws)
    const about: About = { id, tier: 'T1', metric: 'share of the variance of delays that the client explains' }
    const ci = percentileInterval(draws.map((draw) => draw + shift))
    const found = reported(about, all.flat().length, estimate, 0, ci)
    return { ...found, gate, evidence: normalEvidence(estimate, draws, clientLimit) }
  })
}

function wait({ client, times }: Trial): readonly [client: number, value: number] {
  return [client, times.out - times.in]
}

function latency(windows: Windows, rate: number): Probe {
  const id = 'timing.delay'
  return measured(id, (factor): Measurement => {
    const all = windows(rate, factor).windows.flat()
    const { mean: middle, p99 } = addedDelay(all)
    return reported({ id, tier: 'T3', metric: 'mean delay of a request, ms', besides: { p99 } }, all.length, middle, 0)
  })
}
