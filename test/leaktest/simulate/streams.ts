/** Streamed answers on their way: tokens at the CVM, pieces on link B, the same pieces a moment later on link A. */
import { exponential } from '../stats/draws.ts'
import { times } from '../stats/numbers.ts'
import type { Rng } from '../stats/rng.ts'
import type { Piece, StreamTrial } from '../types.ts'
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
}

/** `count` streams, topic after topic. The same `rng` gives the same tokens whatever the encoder. */
export function streams({ encoder, count, rng, spread = 0 }: StreamOptions): StreamTrial[] {
  return times(count, (i) => {
    const topic = i % topics.length
    const own = rng.fork(`stream ${i}`)
    const tokens = answer(own.fork('tokens'), topics[topic] as Topic)
    const start = spread === 0 ? 0 : own.fork('start').uniform() * spread
    return trial(topic, start, tokens, encoder.encode(tokens, own.fork('encoder')), own.fork('path'))
  })
}

function trial(
  topic: number,
  start: number,
  tokens: readonly Piece[],
  pieces: readonly Piece[],
  rng: Rng,
): StreamTrial {
  const at = ({ t, octets }: Piece, later = 0): Piece => ({ t: start + t + later, octets })
  return {
    topic,
    start,
    tokens: tokens.map((piece) => at(piece)),
    b: pieces.map((piece) => at(piece)),
    a: pieces.map((piece) => at(piece, through(rng))),
  }
}
