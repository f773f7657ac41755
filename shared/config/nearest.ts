/** "Did you mean": the known word that a misspelt one is closest to. */

/** Undefined where nothing is close: a wild guess at 3 am is worse than none. Case, `-` and `_` do not count. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const most = Math.max(1, Math.floor(word.length / 3))
  const near = known.map((one) => ({ one, far: distance(plain(word), plain(one)) })).filter(({ far }) => far <= most)
  return near.sort((a, b) => a.far - b.far)[0]?.one
}

function plain(word: string): string {
  return word.toLowerCase().replace(/[-_]/g, '')
}

/** How many letters have to be put in, left out, replaced or swapped with their neighbour (optimal string alignment). */
function distance(from: string, to: string): number {
  let before: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const next = [row]
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1]
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      const ways = [at(last, column) + 1, at(next, column - 1) + 1, at(last, column - 1) + (same ? 0 : 1)]
      next.push(Math.min(...ways, ...(swapped ? [at(before, column - 2) + 1] : [])))
    }
    ;[before, last] = [last, next]
  }
  return at(last, to.length)
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity
}
