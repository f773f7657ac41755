/**
 * The negative control: a pair that does what its profile says by the shortest means and without the product's code. What
 * a test finds in this one is the test's own mistake. privacy.md 2.2.
 */
import { cellPeriod, constantSize, tickPeriod, type ProfileName } from '../claims.ts'
import { sum, times } from '../stats/numbers.ts'
import type { Encoder } from './encoders.ts'
import type { Mix } from './mixes.ts'
import { pool, profiles, type Model } from './profiles.ts'

/** Everything of one tick within a millisecond of it, wherever luck puts it. */
const tick: Mix = (arrivals, rng) =>
  arrivals.map(({ t }) => (Math.floor(t / tickPeriod) + 1) * tickPeriod + rng.uniform())

const cellSize = 512
const sealed = 558
/** `data: ` and two line ends, and Binary HTTP's length of the content. */
const framing = 10

/** One cell a tick, a power of two of them, enough for all tokens. */
const cells: Encoder = {
  name: 'ideal cells',
  encode: (tokens) => {
    const ticks = Math.ceil((tokens.at(-1)?.t ?? 0) / cellPeriod)
    const needed = Math.max(ticks, sum(tokens.map(({ octets }) => octets + framing)) / cellSize)
    return times(2 ** Math.ceil(Math.log2(Math.max(1, needed))), (i) => ({ t: (i + 1) * cellPeriod, octets: sealed }))
  },
  delay: () => cellPeriod / 2,
}

const grid = [1024, 4096, 16_384, constantSize]
const padded = (length: number): number => grid.find((size) => size >= length) ?? constantSize

/** The model of a profile with all that shapes traffic replaced. */
export function ideal(profile: ProfileName): Model {
  const usual = profiles[profile]
  const mixed = profile === 'direct' ? {} : { outward: tick, inward: tick }
  const sizes = profile === 'horizon' ? {} : { padRequest: padded, padResponse: padded }
  return {
    ...usual,
    ...mixed,
    ...sizes,
    upstream: (_, rng) => Math.floor(rng.uniform() * pool),
    stream: profile === 'paced' ? cells : usual.stream,
  }
}
