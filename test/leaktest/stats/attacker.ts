/** What learns from labelled observations and guesses the labels of others. */

/** One observation: what was measured of it, and which class (from 0) it was. */
export type Sample = { readonly features: readonly number[]; readonly label: number }
export type Guess = (features: readonly number[]) => number
export type Attacker = { readonly name: string; readonly learn: (train: readonly Sample[]) => Guess }

/** One more than the largest label. */
export function classesOf(samples: readonly Sample[]): number {
  return samples.reduce((most, { label }) => Math.max(most, label), -1) + 1
}
