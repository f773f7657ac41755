/** What somebody who watches a model pair gets to see: the material of level 0. privacy.md 2.1 (L0), 2.4 to 2.10. */
import { togetherSize } from '../claims.ts'
import { times } from '../stats/numbers.ts'
import type { Rng } from '../stats/rng.ts'
import type { Material, Repeated, Trial } from '../types.ts'
import { minutes } from './counters.ts'
import { exchanges, messages, run } from './exchanges.ts'
import type { Model } from './profiles.ts'
import { streams } from './streams.ts'
import { intents, languageModel } from './workload.ts'

/** How much of everything is one usual amount. */
export type Amounts = {
  readonly messages: number
  readonly windows: number
  readonly streams: number
  readonly together: number
  readonly minutes: number
  readonly repeats: number
}

export const full: Amounts = { messages: 4000, windows: 48, streams: 3600, together: 24, minutes: 2000, repeats: 1000 }
export const quick: Amounts = { messages: 4000, windows: 24, streams: 1800, together: 12, minutes: 1200, repeats: 600 }

/** Requests a second, of all clients together. privacy.md 2.5: the rate is the defence. */
export const rates = [2, 20, 200] as const

const clients = 64
const windowSize = 64
const probes = 128
const spreadOver = 2000
const seldomLonger = 6500
/** A quiet minute: the fewer others come, the more a counter tells. */
const quiet = 0.1
/** Neighbouring lengths, 12 octets apart, each sent twenty times. privacy.md 2.4. */
const repeated = { messages: 32, apart: 12, shortest: 1100, averaged: 20, learnt: 200 } as const

/** The same `rng` gives the same traffic to every model, so that a mutant differs in its leak alone. */
export function observe(model: Model, rng: Rng, amounts: Amounts): Material {
  const traffic = (rate: number) => ({
    rate,
    count: windowSize,
    clients,
    service: languageModel,
    rng: rng.fork(`${rate}/s`),
  })
  return {
    rates,
    messages: remembered((factor) => trials(model, amounts.messages * factor, rng.fork('messages'))),
    repeats: remembered((factor) => repeats(model, amounts.repeats * factor, rng.fork('repeats'))),
    windows: rememberedByRate((rate, factor) => ({
      windows: run(model, traffic(rate), amounts.windows * factor + leadIn(model, rate)),
      probes: exchanges(model, { ...traffic(rate), count: probes, rng: rng.fork(`probes ${rate}`) }),
    })),
    streams: remembered((factor) =>
      streams({ ...path(model), count: Math.round(amounts.streams * factor), rng: rng.fork('streams') }),
    ),
    together: (starts, factor) =>
      times(amounts.together * factor, (i) => {
        const spread = starts === 'spread' ? spreadOver : 0
        return streams({ ...path(model), count: togetherSize, spread, rng: rng.fork(`together ${i}`) })
      }),
    minutes: (of, factor) =>
      minutes(
        of === 'metrics' ? model.counters : model.log,
        quiet,
        amounts.minutes * factor,
        rng.fork(`minutes ${of}`),
      ),
  }
}

function path({ stream, forwarded }: Model): { encoder: Model['stream']; forwarded: Model['forwarded'] } {
  return { encoder: stream, forwarded }
}

/** Exchanges for what their lengths tell: intent after intent, so that guessing is one in eight. */
function trials(model: Model, count: number, rng: Rng): Trial[] {
  const people = rng.fork('people')
  const lengths = rng.fork('lengths')
  return times(count, (i) => {
    const whose = { client: people.below(clients), intent: i % intents.length }
    return { ...whose, ...messages(model, whose, lengths), times: { in: 0, out: 0, resp: 0, back: 0 }, upstream: 0 }
  })
}

function repeats({ padRequest }: Model, count: number, rng: Rng): { known: Repeated[]; seen: Repeated[] } {
  const sent = (message: number, often: number): Repeated => {
    const length = repeated.shortest + message * repeated.apart
    return { message, lengths: times(often, () => padRequest(length, rng, { client: 0, intent: 0 })) }
  }
  return {
    known: times(repeated.messages, (message) => sent(message, repeated.learnt)),
    seen: times(count, () => sent(rng.below(repeated.messages), repeated.averaged)),
  }
}

/** Windows until answers come as fast as requests do: services of the workload are seldom longer than six seconds. */
function leadIn({ hold }: Model, rate: number): number {
  return Math.ceil((hold(seldomLonger) * rate) / 1000 / windowSize)
}

/** Several tests look at the same material. */
function remembered<T>(make: (factor: number) => T): (factor: number) => T {
  const made = new Map<number, T>()
  return (factor) => {
    const one = made.get(factor) ?? make(factor)
    made.set(factor, one)
    return one
  }
}

function rememberedByRate<T>(make: (rate: number, factor: number) => T): (rate: number, factor: number) => T {
  const made = new Map<number, (factor: number) => T>()
  return (rate, factor) => {
    const one = made.get(rate) ?? remembered((each) => make(rate, each))
    made.set(rate, one)
    return one(factor)
  }
}
