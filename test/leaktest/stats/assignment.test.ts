/** The best matching, against every matching there is: privacy.md section 6 (1). */
import { describe, expect, test } from 'vitest'
import { assign, costs, totalCost, type Costs } from './assignment.ts'
import { permuted } from './draws.ts'
import { times } from './numbers.ts'
import { createRng } from './rng.ts'

function* orders(items: readonly number[]): Generator<number[]> {
  if (items.length === 0) yield []
  for (const first of items) for (const rest of orders(items.filter((item) => item !== first))) yield [first, ...rest]
}

function least(table: Costs): number {
  let best = Number.POSITIVE_INFINITY
  for (const order of orders(times(table.n, (i) => i))) best = Math.min(best, totalCost(table, order))
  return best
}

describe('a matching', () => {
  test.each([1, 2, 3, 4, 5, 6, 7])('of %i is the cheapest of all, whatever the costs', (n) => {
    const rng = createRng(n)
    const tables = [
      ...times(30, () => costs(n, () => rng.uniform() * 10 - 5)),
      // Few values: many matchings cost the same.
      ...times(30, () => costs(n, () => rng.below(3))),
      costs(n, () => 1),
    ]
    for (const table of tables) {
      const columns = assign(table)
      expect([...columns].sort((a, b) => a - b)).toEqual(times(n, (i) => i))
      expect(totalCost(table, columns)).toBeCloseTo(least(table), 9)
    }
  })

  test('by hand', () => {
    const table = [
      [4, 1, 3],
      [2, 0, 5],
      [3, 2, 2],
    ]
    expect(assign(costs(3, (row, column) => table[row]?.[column] as number))).toEqual([1, 0, 2])
  })

  test('of 512 finds the planted order', () => {
    const rng = createRng(9)
    const planted = permuted(
      rng,
      times(512, (i) => i),
    )
    const table = costs(512, (row, column) => (planted[row] === column ? 0 : 0.5 + rng.uniform()))
    expect(assign(table)).toEqual(planted)
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('a cost of %d is wired wrong', (cost) => {
    expect(() => assign(costs(2, () => cost))).toThrow(TypeError)
  })
})
