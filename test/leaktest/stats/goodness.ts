/** Does a sample follow its law? Pearson's chi-square (1900) for counts, Kolmogorov-Smirnov for values in [0, 1]. */
import { ascending } from './numbers.ts'
import { chiSquareAbove, kolmogorovAbove } from './special.ts'

export type GoodnessOfFit = { readonly statistic: number; readonly p: number }

/**
 * Counts against expected ones of the same total. `freedom` is one less than the number of cells unless parameters were
 * estimated. Cells with an expectation below 5 make the p value too small: join them first.
 */
export function chiSquare(
  observed: readonly number[],
  expected: readonly number[],
  freedom = observed.length - 1,
): GoodnessOfFit & { readonly freedom: number } {
  if (observed.length !== expected.length || freedom < 1) throw new TypeError('chi-square needs cells, and two of them')
  const statistic = observed.reduce(
    (total, count, i) => total + (count - (expected[i] as number)) ** 2 / (expected[i] as number),
    0,
  )
  return { statistic, freedom, p: chiSquareAbove(statistic, freedom) }
}

/** Independence of rows and columns of a table of counts. */
export function independence(table: readonly (readonly number[])[]): GoodnessOfFit & { readonly freedom: number } {
  const rows = table.map((row) => row.reduce((total, count) => total + count, 0))
  const columns = (table[0] ?? []).map((_, column) => table.reduce((total, row) => total + (row[column] as number), 0))
  const all = rows.reduce((total, count) => total + count, 0)
  const expected = rows.flatMap((row) => columns.map((column) => (row * column) / all))
  return chiSquare(table.flat(), expected, (rows.length - 1) * (columns.length - 1))
}

/** Values that should be uniform on [0, 1]. The p value uses Stephens' correction (1970), good from n = 5. */
export function ksUniform(values: readonly number[]): GoodnessOfFit {
  const n = values.length
  const sorted = ascending(values)
  const statistic = sorted.reduce((largest, value, i) => Math.max(largest, (i + 1) / n - value, value - i / n), 0)
  const root = Math.sqrt(n)
  return { statistic, p: kolmogorovAbove((root + 0.12 + 0.11 / root) * statistic) }
}
