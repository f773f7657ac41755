/** Streamed answers: in `paced` cells of one size, a power of two of them, that tell no token. wire.md, privacy.md 2.7, 4.4. */
import { powerOfTwo } from '../../../../shared/shaping/buckets.ts'
import { cellPeriod } from '../../claims.ts'
import { oddPieces, tokensRecovered, unevenTicks } from '../../probes/stream.ts'
import type { Piece, StreamTrial } from '../../types.ts'
import type { Capture } from '../capture.ts'
import { follow } from '../trials.ts'
import { counted, told, type LiveTest } from './live-test.ts'

const paced = { profiles: ['paced'], tier: 'T1' } as const
const onLinks = ['F21 NC', 'F21 R', 'F21 NR'] as const
const behind = { inside: ['F21 G', 'F21 H'], sealed: ['F21 G', 'F21 H'] } as const

export const streams: readonly LiveTest[] = [
  {
    ...{
      ...paced,
      id: 'stream.odd-cells',
      metric: 'pieces of streams on links A and B of another size than the others',
    },
    ...{ cells: onLinks, more: behind, remedy: 'send a stream as cells of one size, the first and the last ones too' },
    ask: (capture) => {
      const all = streamsOf(capture)
      if (all.length === 0) return undefined
      const odd = oddPieces(all.map(later), 'a') + oddPieces(all.map(later), 'b') + oddPieces(all.map(firstOnly), 'a')
      return counted(odd, all.flatMap(({ a, b }) => [...a, ...b]).length, sizesIn(all))
    },
  },
  {
    ...{ ...paced, id: 'stream.bucket', metric: 'streams whose cells are no power of two, on link A or B' },
    ...{ cells: [], remedy: 'pad a stream with cells until there is a power of two of them' },
    ask: (capture) => {
      const all = streamsOf(capture)
      const lengths = all.flatMap(({ a, b }) => [cellsIn(a), cellsIn(b)])
      const odd = lengths.filter((length) => powerOfTwo(length) !== length)
      return all.length === 0 ? undefined : counted(odd.length, lengths.length, odd.map(String))
    },
  },
  {
    ...{ ...paced, id: 'stream.tokens', metric: 'tokens whose length the piece that carries them gives away' },
    ...{ cells: onLinks, more: behind, remedy: 'let no piece of a stream have the length of what it carries' },
    ask: (capture) => {
      const all = streamsOf(capture)
      if (all.length < 2) return undefined
      const { share, n } = tokensRecovered(all.map(later))
      return counted(Math.round(share * n), n, [])
    },
  },
  {
    ...{ id: 'stream.uneven-ticks', tier: 'T3', profiles: paced.profiles, cells: ['F22 NC', 'F22 R', 'F22 NR'] },
    metric: 'share of ticks of a stream on link A without exactly one cell: a busy machine is late now and then',
    remedy: '',
    ask: (capture) => {
      const all = streamsOf(capture)
      const cells = all.flatMap(({ a }) => a).length
      return cells === 0 ? undefined : told(unevenTicks(all, cellPeriod, 'a') / cells, cells)
    },
  },
  {
    ...{ id: 'cost.streams', tier: 'T3', cells: [], remedy: '' },
    metric: 'octets of a stream on link A for each octet of text',
    ask: (capture) => {
      const all = streamsOf(capture)
      if (all.length === 0) return undefined
      const octets = (pieces: readonly Piece[]): number => pieces.reduce((sum, piece) => sum + piece.octets, 0)
      const ratio = octets(all.flatMap(({ a }) => a)) / octets(all.flatMap(({ tokens }) => tokens))
      const last = ({ a, tokens }: StreamTrial): number => (a.at(-1)?.t ?? 0) - (tokens.at(-1)?.t ?? 0)
      const first = ({ a, tokens }: StreamTrial): number => (a[0]?.t ?? 0) - (tokens[0]?.t ?? 0)
      const average = (of: (one: StreamTrial) => number): number => all.map(of).reduce((x, y) => x + y, 0) / all.length
      return told(ratio, all.length, {
        'first piece after first token, ms': average(first),
        'end after last token, ms': average(last),
      })
    },
  },
]

/** Each stream on both links, beside the events as the application made them. */
function streamsOf(capture: Capture): StreamTrial[] {
  const spoken = new Map(
    capture.links.app.flatMap(({ exchanges }) =>
      exchanges.flatMap(({ request, response }) =>
        response !== undefined && response.pieces.length > 1 ? [[pathOf(request.start), response.pieces] as const] : [],
      ),
    ),
  )
  return follow(capture, 'streams').flatMap(({ call, a, b }): StreamTrial[] => {
    const tokens = spoken.get(call.path ?? '')
    if (tokens === undefined || a.response === undefined || b.response === undefined) return []
    return [{ topic: 0, start: b.response.first, tokens, a: a.response.pieces, b: b.response.pieces }]
  })
}

/** What a stream begins with may come in one piece: a nonce, and in `sealed` a cell of the outer layer alone. */
function cellsIn(pieces: readonly Piece[]): number {
  const cell = pieces.at(-1)?.octets ?? 1
  return pieces.reduce((sum, { octets }) => sum + Math.floor(octets / cell), 0)
}

function pathOf(start: string): string {
  return start.split(' ')[1] ?? ''
}

/** The first piece holds what a stream begins with, which is the same for all. */
function later(trial: StreamTrial): StreamTrial {
  return { ...trial, a: trial.a.slice(1), b: trial.b.slice(1) }
}

function firstOnly(trial: StreamTrial): StreamTrial {
  return { ...trial, a: trial.a.slice(0, 1), b: trial.b.slice(0, 1) }
}

function sizesIn(all: readonly StreamTrial[]): string[] {
  return [...new Set(all.flatMap(({ a, b }) => [a, b].map((pieces) => pieces.map(({ octets }) => octets).join(' '))))]
}
