/**
 * Mixes as pure models: arrivals in, departure times out. privacy.md 2.5, 4.2. The timed one runs the product's own
 * batches (shared/shaping/tick.ts) on a simulated clock; the others are there to be compared with.
 */
import type { Dice } from '../../../shared/shaping/shuffle.ts'
import { Batch, nextTick } from '../../../shared/shaping/tick.ts'
import { exponential } from '../stats/draws.ts'
import type { Rng } from '../stats/rng.ts'

/** Milliseconds on the wall clock, whose message it is, and how long. */
export type Arrival = { readonly t: number; readonly client: number; readonly octets: number }

/** The departure of each arrival, in the order given, which may be any. */
export type Mix = (arrivals: readonly Arrival[], rng: Rng) => number[]

/** Messages released together are written one after the other, this far apart: who watches sees their order. */
const writing = 0.01

/** Passed on at once, within 2 ms. The jitter is chosen so that 2 in 100 change places at 200/s, as they did on loopback. */
export const passing: Mix = delayed((rng) => 1.73 + 0.27 * rng.uniform())

/** Each message waits for a time of its own, uniform from 0 to `most`. */
export function uniformDelay(most: number): Mix {
  return delayed((rng) => most * rng.uniform())
}

/** Each message waits for an exponential time of its own. */
export function exponentialDelay(mean: number): Mix {
  return delayed((rng) => exponential(rng, mean))
}

/** How a batch is written: by the product's shuffle, or as a mutant has it. */
export type Order = 'shuffled' | 'as they came' | 'by length'

export type TimedOptions = {
  readonly order?: Order
  /** dice of the shuffle; default the simulation's */
  readonly dice?: Dice
}

/** Batches on the wall clock's ticks, by the product's code. */
export function timed(period: number, { order = 'shuffled', dice }: TimedOptions = {}): Mix {
  return (arrivals, rng) => {
    const batch = new Batch<number>({ period, most: arrivals.length, octets: 1, dice: dice ?? rng.uint32 })
    const out = new Array<number>(arrivals.length).fill(Number.NaN)
    const places = new Map(inOrder(arrivals).map((index, place) => [index, place]))
    const key = (index: number): number =>
      (order === 'by length' ? arrivals[index]?.octets : places.get(index)) ?? Number.NaN
    let due = Infinity
    const release = (): void => {
      const released = batch.release(due)
      if (order !== 'shuffled') released.sort((a, b) => key(a) - key(b))
      released.forEach((index, place) => (out[index] = due + place * writing))
    }
    for (const index of inOrder(arrivals)) {
      const t = arrivals[index]?.t as number
      if (t >= due) release()
      batch.add(index, 0, t)
      due = nextTick(t, period)
    }
    release()
    return out
  }
}

/** A mutant's: everything again later, by what `later` says of whose it is (milliseconds). */
export function afterwards(mix: Mix, later: (client: number) => number): Mix {
  return (arrivals, rng) => mix(arrivals, rng).map((t, i) => t + later(arrivals[i]?.client ?? 0))
}

/** A mutant's ticks: each client's own clock, so that nothing of anybody else leaves with his messages. */
export function timedForEach(period: number): Mix {
  return (arrivals, rng) => {
    const shift = rng.below(2 ** 20)
    return arrivals.map(({ t, client }) => {
      const phase = ((client + shift) * 0.6180339887 * period) % period
      return nextTick(t - phase, period) + phase
    })
  }
}

/** Leaves when `least` are together, or when the first has waited for `longest`. */
export function threshold(least: number, longest: number): Mix {
  return (arrivals, rng) => {
    const out = new Array<number>(arrivals.length).fill(Number.NaN)
    let waiting: number[] = []
    let opened = Infinity
    const release = (now: number): void => {
      const order = waiting.map((index) => ({ index, key: rng.uniform() })).sort((a, b) => a.key - b.key)
      order.forEach(({ index }, place) => (out[index] = now + place * writing))
      waiting = []
    }
    for (const index of inOrder(arrivals)) {
      const t = arrivals[index]?.t as number
      if (waiting.length > 0 && t > opened + longest) release(opened + longest)
      if (waiting.length === 0) opened = t
      waiting.push(index)
      if (waiting.length >= least) release(t)
    }
    release(opened + longest)
    return out
  }
}

function delayed(delay: (rng: Rng) => number): Mix {
  return (arrivals, rng) => arrivals.map(({ t }) => t + delay(rng))
}

/** Indexes in the order of arrival. */
function inOrder(arrivals: readonly Arrival[]): number[] {
  return [...arrivals.keys()].sort((a, b) => (arrivals[a]?.t as number) - (arrivals[b]?.t as number))
}
