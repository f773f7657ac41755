/** Measurements in the forms that tests need. A test is a probe (gate.ts) over material that some level made. */
import { normalEvidence, overWindows, type Probe } from '../gate.ts'
import { ratio } from '../stats/bootstrap.ts'
import type { HeldOut } from '../stats/held-out.ts'
import { advantageEvidence } from '../stats/held-out.ts'
import type { Information } from '../stats/information.ts'
import type { Rng } from '../stats/rng.ts'
import type { Gate, Interval, Measurement, Tier } from '../types.ts'

export type About = {
  readonly id: string
  readonly tier: Tier
  readonly metric: string
  readonly besides?: Measurement['besides']
  readonly doubt?: string | undefined
}

/** A probe whose measurements all have its id. */
export function measured(id: string, measure: (factor: number) => Measurement): Probe {
  return { id, measure }
}

/** A count that must be nought. */
export function none(about: About, n: number, count: number): Measurement {
  return { ...plain(about), n, estimate: count, ci: [count, count], null: 0, gate: { kind: 'exactly', threshold: 0 } }
}

/** A figure that nobody claims anything about. */
export function reported(about: About, n: number, estimate: number, null_: number, ci?: Interval): Measurement {
  return { ...plain(about), n, estimate, ci: ci ?? [estimate, estimate], null: null_, gate: { kind: 'report' } }
}

/** Bits of information, at most `threshold` of them; reported where there is none. */
export function bits(about: About, found: Information, threshold?: number): Measurement {
  const gate: Gate = threshold === undefined ? { kind: 'report' } : { kind: 'at-most', threshold }
  const doubt =
    about.doubt ?? (found.agrees ? undefined : `two resolutions disagree: ${found.bits} and ${found.coarse}`)
  const besides = { 'plug-in': found.plugIn, 'null mean': found.null.mean, p: found.p, ...about.besides }
  const { n, ci } = found
  const base = { ...plain({ ...about, doubt, besides }), n, estimate: found.bits, ci, null: 0, gate }
  return threshold === undefined ? base : { ...base, evidence: normalEvidence(found.bits, found.draws, threshold) }
}

/** An attack on a class, as an advantage over guessing; gated at `threshold`, or reported. */
export function attack(about: About, found: HeldOut, threshold?: number): Measurement {
  const scaled = (accuracy: number): number => (accuracy - found.base) / (1 - found.base)
  const besides = {
    accuracy: found.accuracy,
    base: found.base,
    'min-entropy leakage': found.minEntropyLeakage,
    ...about.besides,
  }
  const ci: Interval = [scaled(found.ci[0]), scaled(found.ci[1])]
  const base = { ...plain({ ...about, besides }), n: found.n, estimate: found.advantage, ci, null: 0 }
  if (threshold === undefined) return { ...base, gate: { kind: 'report' } }
  return { ...base, gate: { kind: 'at-most', threshold }, evidence: advantageEvidence(found, threshold) }
}

/** A share over windows, [part, whole] of each: the bootstrap goes over windows. */
export function share(
  about: About,
  windows: readonly (readonly [number, number])[],
  null_: number,
  gate: Gate,
  rng: Rng,
): Measurement {
  const n = windows.reduce((all, [, whole]) => all + whole, 0)
  if (n === 0) return blind(about, null_, gate)
  const { estimate, ci, evidence } = overWindows(windows, ratio, gate, rng)
  const base = { ...plain(about), n, estimate, ci, null: null_, gate }
  return gate.kind === 'report' ? base : { ...base, evidence }
}

/** Nothing to look at is no reason to pass. */
function blind(about: About, null_: number, gate: Gate): Measurement {
  const base = { ...plain({ ...about, doubt: 'nothing was seen' }), n: 0, estimate: Number.NaN, null: null_, gate }
  return { ...base, ci: [Number.NaN, Number.NaN], evidence: { over: 1, under: 1 } }
}

function plain({ id, tier, metric, besides, doubt }: About): Pick<Measurement, 'id' | 'tier' | 'metric'> {
  return {
    id,
    tier,
    metric,
    ...(besides === undefined ? {} : { besides }),
    ...(doubt === undefined ? {} : { doubt }),
  }
}
