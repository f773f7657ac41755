/** Arithmetic on lists of numbers that everything here shares. Empty lists have no mean: they give NaN, never 0. */

export function sum(values: readonly number[]): number {
  let total = 0
  for (const value of values) total += value
  return total
}

export function mean(values: readonly number[]): number {
  return sum(values) / values.length
}

/** With n - 1 in the denominator: unbiased for a sample. */
export function variance(values: readonly number[]): number {
  const middle = mean(values)
  return sum(values.map((value) => (value - middle) ** 2)) / (values.length - 1)
}

export function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b)
}

/** The `share` quantile of values in ascending order, linear between them (Hyndman and Fan's type 7). */
export function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1)
  const below = Math.floor(place)
  const low = sorted[below] ?? Number.NaN
  const high = sorted[Math.min(below + 1, sorted.length - 1)] ?? Number.NaN
  return low + (high - low) * (place - below)
}

export function median(values: readonly number[]): number {
  return quantile(ascending(values), 0.5)
}

/** The index of the first largest value; -1 of an empty list. */
export function indexOfLargest(values: ArrayLike<number>): number {
  let best = -1
  let largest = Number.NEGATIVE_INFINITY
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number
    if (value > largest) {
      largest = value
      best = i
    }
  }
  return best
}

/** `count` results of `make`, which is told the index. */
export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}

/** How often each whole number below `size` occurs. */
export function counts(codes: readonly number[], size: number): number[] {
  const found = new Array<number>(size).fill(0)
  for (const code of codes) found[code] = (found[code] ?? 0) + 1
  return found
}

/** How many neighbours in ascending order are the same: runs of equal values, longest possible, as [from, to). */
export function ties(sorted: readonly number[]): [number, number][] {
  const runs: [number, number][] = []
  for (let from = 0; from < sorted.length;) {
    let to = from + 1
    while (to < sorted.length && sorted[to] === sorted[from]) to += 1
    runs.push([from, to])
    from = to
  }
  return runs
}
