/** Whole exchanges through a model pair: who asks when, what is seen on links A and B. privacy.md 2.4-2.6. */
import { arrivals } from '../stats/draws.ts'
import { times } from '../stats/numbers.ts'
import type { Rng } from '../stats/rng.ts'
import type { Sizes, Trial, Window } from '../types.ts'
import type { Padding, Whose } from './padding.ts'
import type { Model } from './profiles.ts'
import { intents, messageLength, type Lognormal, type Service } from './workload.ts'

export type Traffic = {
  /** requests a second, of all clients together */
  readonly rate: number
  /** exchanges in the window */
  readonly count: number
  readonly clients: number
  readonly service: Service
  readonly rng: Rng
}

/** Any time of day: ticks are on the wall clock. */
const morning = 1_763_971_200_000

type Asked = Omit<Trial, 'times' | 'upstream'> & { readonly t: number }

/** One window of exchanges. Each comes from a client drawn anew, with an intent drawn anew. */
export function exchanges(model: Model, { rate, count, clients, service, rng }: Traffic): Window {
  const start = morning + rng.uniform() * 3_600_000
  const people = rng.fork('people')
  const lengths = rng.fork('lengths')
  const connections = rng.fork('connections')
  const serving = rng.fork('service')
  const asked = arrivals(rng.fork('arrivals'), count, 1000 / rate, start).map((t): Asked => {
    const whose = { client: people.below(clients), intent: people.below(intents.length) }
    return { t, ...whose, ...messages(model, whose, lengths) }
  })
  const out = model.outward(
    asked.map(({ request, ...rest }) => ({ ...rest, octets: request.b })),
    rng.fork('outward'),
  )
  const answered = asked.map(({ client, response }, i) => ({
    t: (out[i] as number) + model.hold(Math.max(0, service(serving))),
    client,
    octets: response.b,
  }))
  const back = model.inward(answered, rng.fork('inward'))
  return asked.map(({ t, ...rest }, i) => ({
    ...rest,
    times: { in: t, out: out[i] as number, resp: answered[i]?.t as number, back: back[i] as number },
    upstream: model.upstream(rest.client, connections),
  }))
}

/** One run of traffic, cut into windows of `count`. */
export function run(model: Model, traffic: Traffic, many: number): Window[] {
  const all = exchanges(model, { ...traffic, count: traffic.count * many })
  return times(many, (i) => all.slice(i * traffic.count, (i + 1) * traffic.count))
}

/** Independent windows of the same traffic. */
export function windows(model: Model, traffic: Traffic, many: number): Window[] {
  return times(many, (i) => exchanges(model, { ...traffic, rng: traffic.rng.fork(`window ${i}`) }))
}

/** Lengths of one exchange. */
export function messages(model: Model, whose: Whose, rng: Rng): Pick<Trial, 'request' | 'response'> {
  const { request, response } = intents[whose.intent] as (typeof intents)[number]
  const sized = (law: Lognormal, pad: Padding): Sizes => {
    const raw = messageLength(rng, law, model.layers)
    const a = pad(raw, rng, whose)
    return { raw, a, b: model.reframe(a, rng, whose) }
  }
  return { request: sized(request, model.padRequest), response: sized(response, model.padResponse) }
}

/** All trials of some windows. */
export function flat(all: readonly Window[]): Trial[] {
  return all.flat()
}
