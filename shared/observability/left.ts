/**
 * How long everything that ends is still good for, by a closed list of words: nothing that ends may come as a surprise.
 * What is told is public on the wire, or the operator's own; nobody's request moves it.
 */

/** Moments, milliseconds since 1970; of several the first counts. None, or Infinity: it does not end. */
export type Ends<Word extends string> = Partial<Readonly<Record<Word, readonly number[]>>>

/** Seconds, in whole minutes and never below 0; Infinity for what has no end. */
export function leftOf<Word extends string>(
  words: readonly Word[],
  ends: Ends<Word>,
  now: number,
): Readonly<Record<Word, number>> {
  const left = words.map((word) => {
    const minutes = Math.floor((Math.min(...(ends[word] ?? [])) - now) / 60_000)
    return [word, Math.max(0, minutes) * 60] as const
  })
  return Object.fromEntries(left) as Record<Word, number>
}
