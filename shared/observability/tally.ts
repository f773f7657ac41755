/**
 * What happens to single requests, told without a single request's time: counted, and said in whole minutes of the clock
 * as a word (conformance OPS-1). A line an event would be a list of who failed when.
 */

/** About how many. */
export type Several = 'none' | '<10' | '<100' | '<1000' | '>=1000'

export type TallyOptions<Word extends string> = {
  readonly say: (word: Word, count: Several) => void
  /** milliseconds; lines come when the clock is at a multiple of it */
  readonly every?: number
  readonly now?: () => number
}

/** Counts one of that word. What was counted since the last line is said at the next whole minute, or never if we end before. */
export function createTally<Word extends string>({ say, every = 60_000, now = Date.now }: TallyOptions<Word>) {
  const counts = new Map<Word, number>()
  const tell = (): void => {
    const told = [...counts]
    counts.clear()
    for (const [word, count] of told) say(word, several(count))
  }
  return (word: Word): void => {
    if (counts.size === 0) setTimeout(tell, every - (now() % every)).unref()
    counts.set(word, (counts.get(word) ?? 0) + 1)
  }
}

export function several(count: number): Several {
  if (count === 0) return 'none'
  if (count < 10) return '<10'
  if (count < 100) return '<100'
  return count < 1000 ? '<1000' : '>=1000'
}
