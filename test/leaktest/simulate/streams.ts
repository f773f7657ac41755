/** Streamed answers on their way: tokens at the CVM, pieces on link B, the same pieces a moment later on link A. */
import { exponential } from '../stats/draws.ts'
import { times } from '../stats/numbers.ts'
import type { Rng } from '../stats/rng.ts'
import type { StreamTrial } from '../types.ts'
import type { Encoder } from './encoders.ts'
import { answer, topics, type Topic } from './workload.ts'

/** Milliseconds of a piece from link B to link A: the relay, and queues on the way. */
const through = (rng: Rng): number => 1.5 + exponential(rng, 15)

export type StreamOptions = {
  readonly encoder: Encoder
  readonly count: number
  readonly rng: Rng
  /** starts are uniform over so many milliseconds; 0 for all at once */
  readonly spread?: number
  /** octets of a piece on link A, of those on link B */
  readonly forwarded?: (octets: number, place: number) => number
}

/** `count` streams, topic after topic. The same `rng` gives the same tokens whatever the encoder. */
export function streams({
  encoder,
  count,
  rng,
  spread = 0,
  forwarded = (octets) => octets,
}: StreamOptions): StreamTrial[] {
  return times(count, (i) => {
    const topic = i % topics.length
    const own = rng.fork(`stream ${i}`)
    const tokens = answer(own.fork('tokens'), topics[topic] as Topic)
    const start = spread === 0 ? 0 : own.fork('start').uniform() * spread
    const pieces = encoder.encode(tokens, own.fork('encoder'), topic).map(({ t, octets }) => ({ t: start + t, octets }))
    const path = own.fork('path')
    return {
      topic,
      start,
      tokens: tokens.map(({ t, octets }) => ({ t: start + t, octets })),
      b: pieces,
      a: pieces.map(({ t, octets }, place) => ({ t: t + through(path), octets: forwarded(octets, place) })),
    }
  })
}
