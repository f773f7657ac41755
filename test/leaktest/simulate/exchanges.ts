/** Whole exchanges through a model pair: who asks when, what is seen on links A and B. privacy.md 2.4-2.6. */
import { arrivals } from '../stats/draws.ts'
import { times } from '../stats/numbers.ts'
import type { Rng } from '../stats/rng.ts'
import type { Sizes, Trial, Window } from '../types.ts'
import type { Padding } from './padding.ts'
import type { Model } from './profiles.ts'
import { intents, messageLength, type Service } from './workload.ts'

export type Traffic = {
  /** requests a second, of all clients together */
  readonly rate: number
  /** exchanges in the window */
  readonly count: number
  readonly clients: number
  readonly service: Service
  readonly rng: Rng
}

/** Connections of a relay to its gateway: a fixed number, made beforehand. */
const pool = 4
/** Any time of day: ticks are on the wall clock. */
const morning = 1_763_971_200_000

/** One window of exchanges. Each comes from a client drawn anew, with an intent drawn anew. */
export function exchanges(model: Model, { rate, count, clients, service, rng }: Traffic): Window {
  const start = morning + rng.uniform() * 3_600_000
  const begun = arrivals(rng.fork('arrivals'), count, 1000 / rate, start)
  const people = rng.fork('people')
  const who = begun.map((t) => ({ t, client: people.below(clients), intent: people.below(intents.length) }))
  const out = model.outward(who, rng.fork('outward'))
  const serving = rng.fork('service')
  const answered = out.map((t, i) => ({
    t: t + model.hold(Math.max(0, service(serving))),
    client: who[i]?.client ?? 0,
  }))
  const back = model.inward(answered, rng.fork('inward'))
  const lengths = rng.fork('lengths')
  const connections = rng.fork('connections')
  return who.map(({ t, client, intent }, i) => ({
    client,
    intent,
    request: sized(
      messageLength(lengths, (intents[intent] as Intent).request),
      model.padRequest,
      model.reframe,
      lengths,
    ),
    response: sized(
      messageLength(lengths, (intents[intent] as Intent).response),
      model.padResponse,
      model.reframe,
      lengths,
    ),
    times: { in: t, out: out[i] as number, resp: answered[i]?.t as number, back: back[i] as number },
    upstream: model.upstream === 'own' ? client : connections.below(pool),
  }))
}

type Intent = (typeof intents)[number]

/** Independent windows of the same traffic. */
export function windows(model: Model, traffic: Traffic, many: number): Window[] {
  return times(many, (i) => exchanges(model, { ...traffic, rng: traffic.rng.fork(`window ${i}`) }))
}

function sized(raw: number, pad: Padding, reframe: Padding, rng: Rng): Sizes {
  const a = pad(raw, rng)
  return { raw, a, b: reframe(a, rng) }
}

/** All trials of some windows. */
export function flat(all: readonly Window[]): Trial[] {
  return all.flat()
}
