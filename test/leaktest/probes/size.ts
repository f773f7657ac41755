/** What lengths tell. privacy.md 2.4. Probes look at lengths on the links; `raw` is only there to check them against. */
import type { Sample } from '../stats/attacker.ts'
import { counts, indexOfLargest, mean, sum } from '../stats/numbers.ts'
import { codes } from '../stats/quantise.ts'
import type { Rng } from '../stats/rng.ts'
import type { Repeated, Sizes, Trial } from '../types.ts'

export type Direction = 'request' | 'response'

/** Lengths on the wire that are none of the profile's: a hard gate, both links and both directions. */
export function offGrid(trials: readonly Trial[], onGrid: (length: number) => boolean): number {
  const all = trials.flatMap(({ request, response }) => [request.a, request.b, response.a, response.b])
  return all.filter((length) => !onGrid(length)).length
}

/** How many lengths are on one link and not on the other. Unless 0, size alone matches and a mix cannot be judged. */
export function unequalLengths(trials: readonly Trial[]): number {
  return sum(
    (['request', 'response'] as const).map((direction) => {
      const balance = new Map<number, number>()
      for (const trial of trials) {
        const { a, b } = trial[direction]
        balance.set(a, (balance.get(a) ?? 0) + 1)
        balance.set(b, (balance.get(b) ?? 0) - 1)
      }
      return sum([...balance.values()].map(Math.abs)) / 2
    }),
  )
}

/** For the attack on the class: logarithms, since lengths spread by ratio. */
export function sizeSamples(trials: readonly Trial[], direction: Direction): Sample[] {
  return trials.map((trial) => ({ label: trial.intent, features: [Math.log2(trial[direction].a)] }))
}

export type Overhead = {
  readonly distinct: number
  /** sum of padded over sum of raw, minus one */
  readonly overhead: number
  /** messages in the rarest length: the smallest set that somebody hides in */
  readonly smallest: number
}

export function overhead(lengths: readonly Sizes[]): Overhead {
  const seen = codes(lengths.map(({ a }) => a))
  return {
    distinct: seen.size,
    overhead: sum(lengths.map(({ a }) => a)) / sum(lengths.map(({ raw }) => raw)) - 1,
    smallest: Math.min(...counts(seen.codes, seen.size)),
  }
}

/**
 * A message out of a known set, sent again and again: who averages random padding away names it. The attacker has a client
 * too, so he knows what each message looks like on average (`known`). Gives [right with one length, right with the mean of
 * all] for each repeated message, as 0 or 1; between equals he throws dice.
 */
export function named(known: readonly Repeated[], seen: readonly Repeated[], rng: Rng): [number, number][] {
  const expected = known.map(({ message, lengths }) => ({ message, length: mean(lengths) }))
  const guess = (length: number): number | undefined => {
    const distances = expected.map((each) => -Math.abs(each.length - length))
    const nearest = distances[indexOfLargest(distances)]
    const equal = [...distances.keys()].filter((i) => distances[i] === nearest)
    return expected[equal[rng.below(equal.length)] as number]?.message
  }
  return seen.map(({ message, lengths }) => [
    Number(guess(lengths[0] ?? 0) === message),
    Number(guess(mean(lengths)) === message),
  ])
}
