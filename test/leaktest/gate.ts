/**
 * Three-valued gates: pass when the upper bound is under the threshold, fail when the lower one is over it, else
 * inconclusive. privacy.md 2.2. The bounds are as far out as Holm's procedure asks for, over all gated tests of a run:
 * the chance of even one false alarm is at most alpha, and so is the chance of even one false pass.
 */
import { blockBootstrap, percentileInterval } from './stats/bootstrap.ts'
import { holm } from './stats/holm.ts'
import { binomialAtLeast, binomialAtMost, clopperPearson } from './stats/proportion.ts'
import type { Rng } from './stats/rng.ts'
import { normalAbove } from './stats/special.ts'
import type { Evidence, Gate, Interval, Measurement, TestResult, Verdict } from './types.ts'

type Gated = Measurement & { readonly evidence: Evidence }

export const familyAlpha = 0.01

/** Evidence from resampled estimates in ascending order. Cannot fall below 1 / (1 + their number). */
export function drawnEvidence(draws: readonly number[], gate: Gate): Evidence {
  if (gate.kind !== 'at-most' && gate.kind !== 'within') return { over: 1, under: 1 }
  const { threshold } = gate
  const share = (beyond: (value: number) => boolean): number => (1 + draws.filter(beyond).length) / (1 + draws.length)
  const high = { over: share((value) => value <= threshold), under: share((value) => value >= threshold) }
  if (gate.kind === 'at-most') return high
  const low = { over: share((value) => value >= -threshold), under: share((value) => value <= -threshold) }
  // Outside on either side is a failure, so two chances of error; inside must be shown on both sides (Schuirmann 1987).
  return { over: Math.min(1, 2 * Math.min(high.over, low.over)), under: Math.max(high.under, low.under) }
}

/**
 * Evidence for an estimate that is about normal, from the spread of a few hundred draws: for estimates whose resampling
 * costs too much to draw the tail itself.
 */
export function normalEvidence(estimate: number, draws: readonly number[], threshold: number): Evidence {
  const middle = draws.reduce((sum, draw) => sum + draw, 0) / draws.length
  const spread = Math.sqrt(draws.reduce((sum, draw) => sum + (draw - middle) ** 2, 0) / Math.max(1, draws.length - 1))
  // Without any spread a figure is what it is; on the threshold itself it is inside.
  const above = spread > 0 ? normalAbove((estimate - threshold) / spread) : estimate > threshold ? 0 : 1
  return { over: above, under: spread > 0 ? 1 - above : estimate > threshold ? 1 : 0 }
}

/** A proportion of independent trials with its exact interval and evidence. */
export function proportion(
  successes: number,
  trials: number,
  threshold: number,
): { estimate: number; ci: Interval; evidence: Evidence } {
  return {
    estimate: successes / trials,
    ci: clopperPearson(successes, trials),
    evidence: {
      over: binomialAtLeast(successes, trials, threshold),
      under: binomialAtMost(successes, trials, threshold),
    },
  }
}

/** A family of m tests needs p values down to alpha / (3 m) at its three looks (`settle`): enough for 33 of them. */
export const resamplesForGates = 10_000

/** `within` has two sides to be outside of, which doubles its p values. */
export function resamplesFor({ kind }: Gate): number {
  return kind === 'within' ? 2 * resamplesForGates : resamplesForGates
}

/** A statistic over windows with its bootstrap interval and evidence. */
export function overWindows<T>(
  windows: readonly T[],
  statistic: (windows: readonly T[]) => number,
  gate: Gate,
  rng: Rng,
): { estimate: number; ci: Interval; evidence: Evidence } {
  const draws = blockBootstrap(windows, statistic, rng, resamplesFor(gate))
  return { estimate: statistic(windows), ci: percentileInterval(draws), evidence: drawnEvidence(draws, gate) }
}

/** A count that must have one value: no interval, no chance. */
export function exactly(count: number, threshold = 0): { estimate: number; ci: Interval; gate: Gate } {
  return { estimate: count, ci: [count, count], gate: { kind: 'exactly', threshold } }
}

/** The verdicts of one run, in order. `alpha` is the family's. */
export function judge(measurements: readonly Measurement[], alpha = familyAlpha): Verdict[] {
  const gated = measurements.filter(isGated)
  const over = new Set<Measurement>(rejected(gated, alpha, ({ over }) => over))
  const under = new Set<Measurement>(rejected(gated, alpha, ({ under }) => under))
  return measurements.map((each) => {
    const { gate } = each
    if (gate.kind === 'report') return 'report'
    if (each.doubt !== undefined || Number.isNaN(each.estimate)) return 'inconclusive'
    if (gate.kind === 'exactly') return each.estimate === gate.threshold ? 'pass' : 'fail'
    if (over.has(each)) return 'fail'
    return under.has(each) ? 'pass' : 'inconclusive'
  })
}

/** Measures with `factor` times the usual number of observations. */
export type Probe = { readonly id: string; readonly measure: (factor: number) => Measurement }

export type Settled = {
  readonly probe: Probe
  readonly measurement: Measurement
  readonly verdict: Verdict
  /** how much the measurement rests on */
  readonly factor: number
}

const looks = [1, 2, 4] as const

/**
 * Measures, judges, and measures what stayed inconclusive again with twice and four times as much. Three looks are three
 * chances of error, so each has a third of alpha (Bonferroni).
 */
export function settle(probes: readonly Probe[], alpha = familyAlpha): readonly Settled[] {
  const first = probes.map((probe): Settled => ({
    probe,
    measurement: probe.measure(1),
    verdict: 'inconclusive',
    factor: 1,
  }))
  let found = decided(first, alpha / looks.length)
  for (const factor of looks.slice(1)) {
    if (found.every(({ verdict }) => verdict !== 'inconclusive')) break
    const again = found.map((each) =>
      each.verdict === 'inconclusive' ? { ...each, measurement: each.probe.measure(factor), factor } : each,
    )
    found = decided(again, alpha / looks.length)
  }
  return found
}

// What was decided stays decided, though the others' new p values may move Holm's levels.
function decided(all: readonly Settled[], alpha: number): readonly Settled[] {
  const verdicts = judge(
    all.map(({ measurement }) => measurement),
    alpha,
  )
  return all.map((each, i) =>
    each.verdict === 'inconclusive' ? { ...each, verdict: verdicts[i] ?? 'inconclusive' } : each,
  )
}

/** A row of the report. A pass without a mutant that this test has caught proves nothing, and is inconclusive. */
export function result(
  measurement: Measurement,
  verdict: Verdict,
  positiveControl: TestResult['positiveControl'],
): TestResult {
  const { id, tier, metric, n, estimate, ci, gate, doubt, besides } = measurement
  const alive = positiveControl.length > 0 && positiveControl.every(({ caught }) => caught)
  return {
    id,
    tier,
    metric,
    n,
    estimate,
    ci,
    null: measurement.null,
    threshold: gate.kind === 'report' ? null : gate.threshold,
    verdict: verdict === 'pass' && !alive ? 'inconclusive' : verdict,
    positiveControl,
    ...(doubt === undefined ? {} : { doubt }),
    ...(besides === undefined ? {} : { besides }),
  }
}

function isGated(measurement: Measurement): measurement is Gated {
  const { gate, evidence } = measurement
  if (gate.kind !== 'at-most' && gate.kind !== 'within') return false
  if (evidence === undefined) throw new TypeError(`${measurement.id} is gated but brings no evidence`)
  return true
}

function rejected(all: readonly Gated[], alpha: number, pick: (evidence: Evidence) => number): Gated[] {
  const decisions = holm(
    all.map(({ evidence }) => pick(evidence)),
    alpha,
  )
  return all.filter((_, i) => decisions[i])
}
