/**
 * How a streamed answer can be sent: privacy.md 2.7, from one sealed piece a token to cells under a fixed horizon. Cells
 * come out of the product's own state machine (shared/shaping/cells.ts), fed with Binary HTTP and events as a gateway would.
 */
import { encodeContent, encodeEnd, encodeResponseHead } from '../../../shared/bhttp/encode.ts'
import { utf8 } from '../../../shared/bytes.ts'
import { powerOfTwo } from '../../../shared/shaping/buckets.ts'
import { CellStream, fixedEnd } from '../../../shared/shaping/cells.ts'
import type { Rng } from '../stats/rng.ts'
import { sum, times } from '../stats/numbers.ts'
import type { Piece } from '../types.ts'

/** From tokens (milliseconds after the start) to pieces on the wire, in octets with all framing. */
export type Encoder = {
  readonly name: string
  readonly encode: (tokens: readonly Piece[], rng: Rng, topic: number) => Piece[]
  /** mean milliseconds that a token waits */
  readonly delay: (tokens: readonly Piece[]) => number
}

/** `data: ` and two line ends. */
const event = 8
/** TLS 1.3 record 22, HTTP/1.1 chunk 6, OHTTP chunk length 2 and tag 16; Binary HTTP's length of the content 2. */
const sealing = 22 + 6 + 2 + 16
const perPiece = sealing + 2

export const perToken: Encoder = pieceByPiece('per token', (octets) => octets)
export const randomlyPadded: Encoder = pieceByPiece('+ random 0-32', (octets, rng) => octets + rng.below(33))
/** By the TLS record's own padding, so that all but the record's header fills blocks. */
export const paddedTo64: Encoder = pieceByPiece('padded to 64 B', (octets) => {
  const inside = octets + perPiece - 5
  return Math.ceil(inside / 64) * 64 + 5 - perPiece
})

export const batchesOfFive: Encoder = {
  name: '5-token batches',
  encode: (tokens) =>
    groups(tokens, 5).map((group) => ({
      t: group.at(-1)?.t ?? 0,
      octets: sum(group.map(({ octets }) => octets)) + event + perPiece,
    })),
  delay: (tokens) => {
    const waits = groups(tokens, 5).flatMap((group) => group.map(({ t }) => (group.at(-1)?.t ?? t) - t))
    return sum(waits) / tokens.length
  },
}

/** Cells only in ticks that have something to say. Not the product's: what its cells would be without idle ones. */
export function gappedCells(period: number, size: number): Encoder {
  return {
    name: `${period} ms x ${size} B, gaps show`,
    encode: (tokens) => {
      const ticks = new Map<number, number>()
      for (const { t, octets } of tokens) {
        const tick = Math.ceil(t / period)
        ticks.set(tick, (ticks.get(tick) ?? 0) + octets + event + 2)
      }
      return [...ticks].flatMap(([tick, octets]) =>
        times(Math.ceil(octets / size), () => ({ t: tick * period, octets: size + sealing })),
      )
    },
    delay: ticked(period),
  }
}

export type CellShape = {
  readonly name: string
  readonly period: number
  readonly size: number
  /** octets of the last cell's plaintext; default one more than the others have */
  readonly finalSize?: number
  readonly end: (count: number) => number
}

/** Cells at a constant rate, by the product's own code. */
export function constantCells({ name, period, size, finalSize, end }: CellShape): Encoder {
  const head = encodeResponseHead({ status: 200, headers: [['content-type', 'text/event-stream']] })
  return {
    name,
    encode: (tokens) => {
      const cells = new CellStream(head, {
        kind: 'events',
        frame: encodeContent,
        size,
        end,
        finalSize: finalSize ?? size + 1,
      })
      const pieces: Piece[] = []
      let next = 0
      for (let tick = 1; !cells.done; tick++) {
        for (; (tokens[next]?.t ?? Infinity) <= tick * period; next++) cells.push(eventOf(tokens[next]?.octets ?? 0))
        if (next === tokens.length) {
          next = Infinity
          cells.finish(encodeEnd())
        }
        const cell = cells.tick()
        // A final chunk has one octet less of framing: zero stands for its length (draft -08 §3).
        if (cell !== undefined)
          pieces.push({ t: tick * period, octets: cell.octets.length + sealing - (cell.final ? 1 : 0) })
      }
      return pieces
    },
    delay: ticked(period),
  }
}

/** The whole answer at a fixed time, in one size. */
export function atHorizon(horizon: number, octets: number): Encoder {
  return {
    name: `whole after ${horizon / 1000} s`,
    encode: (tokens) => {
      const length = sum(tokens.map((token) => token.octets + event))
      if (length > octets || (tokens.at(-1)?.t ?? 0) > horizon)
        throw new TypeError('an answer does not fit under the horizon')
      return [{ t: horizon, octets }]
    },
    delay: (tokens) => horizon - sum(tokens.map(({ t }) => t)) / tokens.length,
  }
}

export const exactEnd = (count: number): number => count

/** The rows of privacy.md 2.7, in its order; `paced` is the seventh. */
export const encoders = {
  perToken,
  randomlyPadded,
  paddedTo64,
  batchesOfFive,
  gapped: gappedCells(100, 512),
  exact: constantCells({ name: 'same, constant rate, exact end', period: 100, size: 512, end: exactEnd }),
  paced: constantCells({ name: 'same, end bucketed x2', period: 100, size: 512, end: powerOfTwo }),
  slow: constantCells({ name: '250 ms x 1 KiB, end x2', period: 250, size: 1024, end: powerOfTwo }),
  horizon: constantCells({ name: '20 s fixed horizon', period: 100, size: 512, end: fixedEnd(200) }),
} as const

function pieceByPiece(name: string, size: (octets: number, rng: Rng) => number): Encoder {
  return {
    name,
    encode: (tokens, rng) => tokens.map(({ t, octets }) => ({ t, octets: size(octets + event, rng) + perPiece })),
    delay: () => 0,
  }
}

const events: Uint8Array[] = []

function eventOf(octets: number): Uint8Array {
  return (events[octets] ??= utf8(`data: ${'x'.repeat(octets)}\n\n`))
}

/** A token leaves with the first cell after it; in this workload the cells never fall behind. */
function ticked(period: number): Encoder['delay'] {
  return (tokens) => sum(tokens.map(({ t }) => Math.ceil(t / period) * period - t)) / tokens.length
}

function groups<T>(items: readonly T[], size: number): T[][] {
  return times(Math.ceil(items.length / size), (i) => items.slice(i * size, (i + 1) * size))
}
