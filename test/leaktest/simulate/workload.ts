/**
 * What synthetic clients do: eight intents whose messages have lognormal lengths, exchanges that arrive as a Poisson
 * process, services as long as a language model's, and streamed answers on six topics. privacy.md 2.4, 2.5, 2.7. All of it
 * is synthetic: the numbers describe this workload, the orderings and closed forms are what to keep.
 */
import { exponential, lognormal, normal } from '../stats/draws.ts'
import { times } from '../stats/numbers.ts'
import type { Rng } from '../stats/rng.ts'
import type { Piece } from '../types.ts'

/** A lognormal law: octets (or milliseconds) and the standard deviation of their natural logarithm. */
export type Lognormal = { readonly median: number; readonly sigma: number }

/**
 * Sealed lengths before padding. privacy.md 2.4 gives the smallest and the largest median and what ten padding schemes
 * made of the rest; medians between and deviations are fitted to those figures (see `tables/sizes.ts`).
 */
export const intents: readonly { readonly name: string; readonly request: Lognormal; readonly response: Lognormal }[] =
  [
    { name: 'greeting', request: { median: 420, sigma: 0.34 }, response: { median: 790, sigma: 0.47 } },
    { name: 'one line to translate', request: { median: 790, sigma: 0.47 }, response: { median: 420, sigma: 0.34 } },
    { name: 'question', request: { median: 800, sigma: 0.48 }, response: { median: 2540, sigma: 0.39 } },
    { name: 'draft of a reply', request: { median: 1670, sigma: 0.67 }, response: { median: 800, sigma: 0.48 } },
    { name: 'chat to summarise', request: { median: 2540, sigma: 0.39 }, response: { median: 1670, sigma: 0.67 } },
    { name: 'letter to rewrite', request: { median: 9100, sigma: 0.39 }, response: { median: 9100, sigma: 0.39 } },
    {
      name: 'report to translate',
      request: { median: 30_100, sigma: 0.36 },
      response: { median: 30_100, sigma: 0.36 },
    },
    { name: 'file to check', request: { median: 58_000, sigma: 0.27 }, response: { median: 58_000, sigma: 0.27 } },
  ]

/** Longest message of the workload; longer ones are cut here, as a limit on input would. */
export const longestMessage = 65_536

/** A whole number of octets, `layers` of them for further seals. */
export function messageLength(rng: Rng, { median, sigma }: Lognormal, layers = 0): number {
  return Math.min(longestMessage, Math.ceil(lognormal(rng, median, sigma)) + layers)
}

/** Milliseconds that an answer takes to make. */
export type Service = (rng: Rng) => number

/** A language model that answers as a whole: median 1.5 s, and a mean near 1.8 s as privacy.md 2.5 had it. */
export const languageModel: Service = (rng) => lognormal(rng, 1500, 0.6)
/** An echo: short and nearly constant. */
export const echo: Service = (rng) => 5 + 0.5 * normal(rng)

/** What an answer is made of: how long its tokens are, how many there are and how fast they come. */
export type Topic = {
  readonly name: string
  /** octets of a token on average */
  readonly mean: number
  /** how many there are, median */
  readonly tokens: number
  /** how many come in a second, median */
  readonly pace: number
  /** how uneven the gaps between them are: 0 like a clock, 1 exponential */
  readonly unevenness: number
}

/** Fitted so that the encoders of privacy.md 2.7 come out as they did there: see `tables/streams.ts`. */
export const topics: readonly Topic[] = [
  { name: 'small talk', mean: 4.9, tokens: 108, pace: 26, unevenness: 0.5 },
  { name: 'recipe', mean: 5, tokens: 165, pace: 29, unevenness: 0.55 },
  { name: 'travel', mean: 5.1, tokens: 192, pace: 24, unevenness: 0.6 },
  { name: 'law', mean: 5.2, tokens: 325, pace: 30, unevenness: 0.5 },
  { name: 'health', mean: 5.3, tokens: 375, pace: 25, unevenness: 0.55 },
  { name: 'code', mean: 5.4, tokens: 545, pace: 28, unevenness: 0.6 },
]

const tokenDeviation = 2.2
const tokensSigma = 0.31
const paceSigma = 0.05

/** Answers end here at the latest, so that they fit under a horizon of 20 s. */
export const longestAnswer = 19_000

/** The tokens of one answer: octets of text, at milliseconds after the stream's start. */
export function answer(rng: Rng, { mean, tokens, pace, unevenness }: Topic): Piece[] {
  const count = Math.max(3, Math.round(lognormal(rng, tokens, tokensSigma)))
  const gap = 1000 / lognormal(rng, pace, paceSigma)
  let t = 0
  const all = times(count, () => {
    t += gap * (1 - unevenness) + exponential(rng, gap * unevenness)
    return { t, octets: Math.max(1, Math.round(mean + tokenDeviation * normal(rng))) }
  })
  return all.filter((piece) => piece.t <= longestAnswer)
}
