/** What an attacker learns of a delay from probes of his own: a histogram with Laplace's rule. privacy.md 2.5. */

export type Density = {
  /** -log of the density at a delay; finite everywhere, so that it can be a cost */
  readonly cost: (delay: number) => number
}

/** A delay that no probe came near is this much rarer than one in an empty bin. */
const outside = 1e-3
const impossible = 1e4

/**
 * A histogram of `bins` equal bins over the probes' range, one bin wider on each side since the extremes of a sample lie
 * inside those of its law. A negative delay is impossible.
 */
export function learnDensity(probes: readonly number[], bins = 40): Density {
  if (probes.length === 0) throw new TypeError('a density is learnt from at least one probe')
  const low = Math.min(...probes)
  const width = Math.max((Math.max(...probes) - low) / bins, 1e-9)
  const counts = new Array<number>(bins + 2).fill(1)
  const binOf = (delay: number): number => Math.floor((delay - low) / width) + 1
  for (const probe of probes) {
    const bin = Math.min(bins, binOf(probe))
    counts[bin] = (counts[bin] as number) + 1
  }
  const total = (probes.length + bins + 2) * width
  const logs = counts.map((count) => -Math.log(count / total))
  const elsewhere = -Math.log(outside / total)
  return { cost: (delay) => (delay < 0 ? impossible : (logs[binOf(delay)] ?? elsewhere)) }
}
