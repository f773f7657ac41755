/**
 * What a pair does with requests, answers and streams in each traffic shaping profile of wire.md, as a model; and the
 * closed form that each mix is held to.
 */
import { atHorizon, encoders, type Encoder } from './encoders.ts'
import { passing, timed, type Mix } from './mixes.ts'
import { buckets, sizes, type Padding } from './padding.ts'

export type ProfileName = 'direct' | 'mixed' | 'paced' | 'horizon'

export type Model = {
  readonly profile: ProfileName
  /** what clients make of a request's length, and gateways of an answer's */
  readonly padRequest: Padding
  readonly padResponse: Padding
  /** what the relay makes of a length on link A toward link B and back: the same, or it is a mutant */
  readonly reframe: Padding
  readonly outward: Mix
  readonly inward: Mix
  /** milliseconds of the answer after the request left, when its service took so long */
  readonly hold: (service: number) => number
  /** which of its connections to the gateway the relay takes for a client's request */
  readonly upstream: 'any' | 'own'
  readonly stream: Encoder
  /** milliseconds between cells; undefined where streams come as they are */
  readonly cells: number | undefined
  /** when counters move on the page of metrics */
  readonly counters: 'epochs' | 'live'
}

const direct: Model = {
  profile: 'direct',
  padRequest: buckets,
  padResponse: buckets,
  reframe: (length) => length,
  outward: passing,
  inward: passing,
  hold: (service) => service,
  upstream: 'any',
  stream: encoders.perToken,
  cells: undefined,
  counters: 'epochs',
}

/** milliseconds, wire.md `mixed` */
export const tickPeriod = 50
export const cellPeriod = 100
/** milliseconds after which a whole answer leaves under `horizon`; none of the workload's takes longer */
export const horizon = 20_000

const mixed: Model = { ...direct, profile: 'mixed', outward: timed(tickPeriod), inward: timed(tickPeriod) }

export const profiles: Readonly<Record<ProfileName, Model>> = {
  direct,
  mixed,
  paced: { ...mixed, profile: 'paced', stream: encoders.paced, cells: cellPeriod },
  horizon: {
    ...mixed,
    profile: 'horizon',
    padRequest: sizes(65_536),
    padResponse: sizes(65_536),
    hold: () => horizon,
    stream: atHorizon(horizon, 65_536),
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
