/** What a pair does with requests, answers and streams in each traffic shaping profile of wire.md, as a model. */
import { constantSize, tickPeriod, type ProfileName } from '../claims.ts'
import type { Rng } from '../stats/rng.ts'
import { atHorizon, encoders, type Encoder } from './encoders.ts'
import { passing, timed, type Mix } from './mixes.ts'
import { buckets, sizes, type Padding } from './padding.ts'

export type Model = {
  readonly profile: ProfileName
  /** octets that the placement's own seals add to every message */
  readonly layers: number
  /** what clients make of a request's length, and gateways of an answer's */
  readonly padRequest: Padding
  readonly padResponse: Padding
  /** what the relay makes of a length on link A toward link B and back: the same, or it is a mutant */
  readonly reframe: Padding
  readonly outward: Mix
  readonly inward: Mix
  /** milliseconds of the answer after the request left, when its service took so long */
  readonly hold: (service: number) => number
  /** which of its connections to the gateway the relay takes */
  readonly upstream: (client: number, rng: Rng) => number
  readonly stream: Encoder
  /** octets of a stream's piece on link A */
  readonly forwarded: (octets: number, place: number) => number
  /** how often the page of metrics changes, in seconds, and the multiples in which its counters grow */
  readonly counters: { readonly every: number; readonly unit: number }
  /** the same of lines in a log */
  readonly log: { readonly every: number; readonly unit: number }
}

/** Connections of a relay to its gateway: a fixed number, made beforehand. */
export const pool = 4

const direct: Model = {
  profile: 'direct',
  layers: 0,
  padRequest: buckets,
  padResponse: buckets,
  reframe: (length) => length,
  outward: passing,
  inward: passing,
  hold: (service) => service,
  upstream: (_, rng) => rng.below(pool),
  stream: encoders.perToken,
  forwarded: (octets) => octets,
  counters: { every: 60, unit: 10 },
  log: { every: 60, unit: 10 },
}

/** milliseconds after which a whole answer leaves under `horizon`; none of the workload's takes longer */
export const horizon = 20_000

const mixed: Model = { ...direct, profile: 'mixed', outward: timed(tickPeriod), inward: timed(tickPeriod) }

export const profiles: Readonly<Record<ProfileName, Model>> = {
  direct,
  mixed,
  paced: { ...mixed, profile: 'paced', stream: encoders.paced },
  horizon: {
    ...mixed,
    profile: 'horizon',
    padRequest: sizes(constantSize),
    padResponse: sizes(constantSize),
    hold: () => horizon,
    stream: atHorizon(horizon, constantSize),
  },
}
