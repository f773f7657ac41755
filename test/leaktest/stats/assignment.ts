/**
 * Minimum-cost assignment: the best one-to-one matching that an observer of both sides can make. Hungarian method with
 * shortest augmenting paths, O(n³): Kuhn 1955, Munkres 1957, Jonker and Volgenant 1987.
 */

/** Costs of an `n` by `n` matching, row after row. Finite numbers: an impossible pair is a large one. */
export type Costs = { readonly n: number; readonly values: Float64Array }

/** Costs from a function of row and column. */
export function costs(n: number, cost: (row: number, column: number) => number): Costs {
  const values = new Float64Array(n * n)
  for (let row = 0; row < n; row++)
    for (let column = 0; column < n; column++) values[row * n + column] = cost(row, column)
  return { n, values }
}

/** The column of each row in a matching whose total cost is the least there is. Throws TypeError for costs that are not finite. */
export function assign({ n, values }: Costs): number[] {
  if (values.length !== n * n || !values.every(Number.isFinite)) throw new TypeError('costs are n by n finite numbers')
  // Index 0 stands for "none", so rows and columns are counted from 1.
  const rowPrice = new Float64Array(n + 1)
  const columnPrice = new Float64Array(n + 1)
  const rowOf = new Int32Array(n + 1)
  const before = new Int32Array(n + 1)
  const least = new Float64Array(n + 1)
  const seen = new Uint8Array(n + 1)
  for (let row = 1; row <= n; row++) {
    rowOf[0] = row
    least.fill(Number.POSITIVE_INFINITY)
    seen.fill(0)
    let column = 0
    while (rowOf[column] !== 0) column = extend(column)
    augment(column)
  }
  return columnsOf(rowOf)

  /** Settles `column` and gives the nearest one that is not settled. */
  function extend(column: number): number {
    seen[column] = 1
    const row = rowOf[column] as number
    const base = (row - 1) * n - 1
    const paid = rowPrice[row] as number
    let step = Number.POSITIVE_INFINITY
    let nearest = 0
    for (let to = 1; to <= n; to++) {
      if (seen[to] === 1) continue
      const reduced = (values[base + to] as number) - paid - (columnPrice[to] as number)
      if (reduced < (least[to] as number)) {
        least[to] = reduced
        before[to] = column
      }
      if ((least[to] as number) < step) {
        step = least[to] as number
        nearest = to
      }
    }
    reprice(step)
    return nearest
  }

  function reprice(step: number): void {
    for (let to = 0; to <= n; to++) {
      if (seen[to] === 1) {
        const row = rowOf[to] as number
        rowPrice[row] = (rowPrice[row] as number) + step
        columnPrice[to] = (columnPrice[to] as number) - step
      } else least[to] = (least[to] as number) - step
    }
  }

  function augment(free: number): void {
    for (let column = free; column !== 0;) {
      const from = before[column] as number
      rowOf[column] = rowOf[from] as number
      column = from
    }
  }
}

/** The sum of a matching's costs. */
export function totalCost({ n, values }: Costs, columns: readonly number[]): number {
  return columns.reduce((total, column, row) => total + (values[row * n + column] as number), 0)
}

function columnsOf(rowOf: Int32Array): number[] {
  const columns = new Array<number>(rowOf.length - 1).fill(-1)
  for (let column = 1; column < rowOf.length; column++) columns[(rowOf[column] as number) - 1] = column - 1
  return columns
}
