/**
 * What streamed answers tell: their topic, their tokens' lengths, and which stream on one link is which on another.
 * privacy.md 2.7. Attackers know when the stream began (it begins with the answer's head) and see pieces afterwards.
 */
import { assign, costs } from '../stats/assignment.ts'
import type { Sample } from '../stats/attacker.ts'
import { binned, centred, correlation, type Centred } from '../stats/correlation.ts'
import { permuted } from '../stats/draws.ts'
import { ascending, counts, mean, quantile, sum, times, variance } from '../stats/numbers.ts'
import { codes } from '../stats/quantise.ts'
import { auc } from '../stats/ranks.ts'
import type { Rng } from '../stats/rng.ts'
import type { Piece, StreamTrial } from '../types.ts'

/** The eleven features of a trace: how many, how much, how long, and the shapes of sizes and gaps. */
export function traceFeatures({ a, start }: StreamTrial): number[] {
  const sizes = a.map(({ octets }) => octets)
  const gaps = a.map(({ t }, i) => t - (a[i - 1]?.t ?? start))
  const last = a.at(-1)?.t ?? start
  return [
    a.length,
    sum(sizes),
    last - start,
    mean(sizes),
    deviation(sizes),
    Math.min(...sizes),
    quantile(ascending(sizes), 0.9),
    mean(gaps),
    deviation(gaps),
    quantile(ascending(gaps), 0.5),
    quantile(ascending(gaps), 0.9),
  ]
}

/** Samples for the topic attack. */
export function topicSamples(trials: readonly StreamTrial[]): Sample[] {
  return trials.map((trial) => ({ label: trial.topic, features: traceFeatures(trial) }))
}

/** What the attacker lays beside what he sees on link A. */
export type Side = 'tokens' | 'b'

const binWidth = 50

export type StreamMatching = {
  readonly right: number
  readonly auc: number
  /** correlations of true pairs, and of as many random ones */
  readonly scores: { readonly own: readonly number[]; readonly other: readonly number[] }
}

/**
 * Matches streams of one window: Pearson's correlation of octets in 50 ms bins, then the best assignment (statistics as in
 * RAPTOR, Sun et al. 2015). Gives how many were right, and the scores of true and of random pairs.
 */
export function matchStreams(window: readonly StreamTrial[], side: Side, rng: Rng): StreamMatching {
  const bins =
    Math.ceil(Math.max(...window.flatMap(({ a, tokens }) => [a.at(-1)?.t ?? 0, tokens.at(-1)?.t ?? 0])) / binWidth) + 1
  const flow = (pieces: readonly Piece[]): Centred => centred(binned(pieces, binWidth, bins))
  // In random order, so that equal scores cannot favour the truth.
  const order = permuted(
    rng,
    times(window.length, (i) => i),
  )
  const left = window.map((trial) => flow(trial[side]))
  const right = order.map((i) => flow(window[i]?.a ?? []))
  const score = (i: number, j: number): number => correlation(left[i] as Centred, right[j] as Centred)
  const table = costs(window.length, (i, j) => -score(i, j))
  const found = assign(table)
  const others = times(window.length, (i) =>
    score(i, (order.indexOf(i) + 1 + rng.below(window.length - 1)) % window.length),
  )
  const own = times(window.length, (i) => score(i, order.indexOf(i)))
  const matched = found.filter((column, row) => order[column] === row).length
  return { right: matched, auc: auc(own, others), scores: { own, other: others } }
}

/**
 * The share of tokens whose length the pieces give away. Half of the streams are the attacker's own; a length is given
 * away when every piece of that size among them carried one token, all of one length, and other sizes exist to differ from.
 */
export function tokensRecovered(trials: readonly StreamTrial[]): { share: number; n: number } {
  const half = Math.floor(trials.length / 2)
  const lengths = new Map<number, Set<string>>()
  for (const { octets, carried } of trials.slice(0, half).flatMap(carriedBy)) {
    lengths.set(octets, (lengths.get(octets) ?? new Set()).add(carried.join()))
  }
  const known = (octets: number): boolean => lengths.size > 1 && lengths.get(octets)?.size === 1
  const pieces = trials.slice(half).flatMap(carriedBy)
  const given = pieces.filter(
    ({ octets, carried }) => carried.length === 1 && known(octets) && lengths.get(octets)?.has(carried.join()) === true,
  )
  const n = sum(pieces.map(({ carried }) => carried.length))
  return { share: given.length / n, n }
}

/** Which tokens each piece on link B was the first to follow. */
function carriedBy({ b, tokens }: StreamTrial): { octets: number; carried: number[] }[] {
  let next = 0
  return b.map(({ t, octets }) => {
    const carried: number[] = []
    for (; (tokens[next]?.t ?? Infinity) <= t; next++) carried.push(tokens[next]?.octets ?? 0)
    return { octets, carried }
  })
}

/** Ticks between a stream's first and last piece that have none, or more than one: whoever counts learns when there was much to say. */
export function unevenTicks(trials: readonly StreamTrial[], period: number, side: 'a' | 'b' = 'b'): number {
  const uneven = (trial: StreamTrial): number => {
    const ticks = trial[side].map(({ t }) => Math.floor((t - trial.start) / period + 0.1))
    const different = new Set(ticks).size
    return ticks.length === 0 ? 0 : Math.max(...ticks) - Math.min(...ticks) + 1 - different + (ticks.length - different)
  }
  return sum(trials.map(uneven))
}

/** Pieces of another size than most: a cell that is not one. */
export function oddPieces(trials: readonly StreamTrial[], side: 'a' | 'b' = 'b'): number {
  const sizes = codes(trials.flatMap((trial) => trial[side].map(({ octets }) => octets)))
  return sizes.codes.length - Math.max(0, ...counts(sizes.codes, sizes.size))
}

/** For each tick of each stream: whether a token came before it, and whether a cell was sent. */
export function ticksAndTokens(trials: readonly StreamTrial[], period: number): { token: number[]; cell: number[] } {
  const rows = trials.flatMap(({ start, tokens, b }) => {
    const last = Math.round(((b.at(-1)?.t ?? start) - start) / period)
    const cells = new Set(b.map(({ t }) => Math.round((t - start) / period)))
    const spoken = new Set(tokens.map(({ t }) => Math.ceil((t - start) / period)))
    return times(last, (i) => ({ token: spoken.has(i + 1) ? 1 : 0, cell: cells.has(i + 1) ? 1 : 0 }))
  })
  return { token: rows.map(({ token }) => token), cell: rows.map(({ cell }) => cell) }
}

/** Octets on link A for each octet that pieces of one token would have taken: what the shaping costs. */
export function bandwidthFactor(trials: readonly StreamTrial[], plain: readonly StreamTrial[]): number {
  const octets = (all: readonly StreamTrial[]): number => sum(all.flatMap(({ a }) => a.map((piece) => piece.octets)))
  return octets(trials) / octets(plain)
}

/** Octets on link A for each octet of text, and how long a token waits for the piece that carries it (milliseconds). */
export function cost(trials: readonly StreamTrial[]): { factor: number; wait: number } {
  const octets = (all: readonly Piece[]): number => sum(all.map((piece) => piece.octets))
  const waits = trials.flatMap(({ tokens, b }) => {
    let next = 0
    return tokens.map(({ t }) => {
      while ((b[next]?.t ?? Infinity) < t) next += 1
      return (b[next]?.t ?? t) - t
    })
  })
  return {
    factor: sum(trials.map(({ a }) => octets(a))) / sum(trials.map(({ tokens }) => octets(tokens))),
    wait: mean(waits),
  }
}

function deviation(values: readonly number[]): number {
  return values.length > 1 ? Math.sqrt(variance(values)) : 0
}
