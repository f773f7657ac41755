/** The page's reference tables come out again, or the output says why not. privacy.md 2.4, 2.5, 2.7. */
import { describe, expect, test } from 'vitest'
import { createRng } from './stats/rng.ts'
import { oneWayTable } from './tables/one-way.ts'
import { roundTripTable } from './tables/round-trip.ts'
import { sizeTable } from './tables/sizes.ts'
import { streamTable } from './tables/streams.ts'
import { aligned, render, short, withinTolerance, type Figure, type Table } from './tables/table.ts'

const rng = createRng(11)

// Fewer observations than a report makes: tolerances widen with them.
const tables: readonly Table[] = [
  sizeTable({ rng: rng.fork('sizes'), count: 4000, permutations: 5 }),
  oneWayTable({ rng: rng.fork('one way'), many: 12 }),
  roundTripTable({ rng: rng.fork('round trip'), many: 8 }),
  streamTable({ rng: rng.fork('streams'), many: 4, traces: 300 }),
]

const figures = tables.flatMap(({ id, columns, rows }) =>
  rows.flatMap((row) => row.figures.map((figure, i) => ({ name: `${id}: ${row.name}, ${columns[i] ?? '?'}`, figure }))),
)

test('every figure is as the page has it, or a note says why it differs', () => {
  const unexplained = figures.filter(({ figure }) => !withinTolerance(figure) && figure.note === undefined)
  expect(unexplained).toEqual([])
})

test('most figures need no note, and no tolerance is so wide that anything would do', () => {
  const compared = figures.filter(({ figure: { page } }) => page !== undefined)
  expect(compared.length).toBeGreaterThan(130)
  expect(compared.filter(({ figure }) => figure.note === undefined).length).toBeGreaterThan(0.9 * compared.length)
  const shares = compared.filter(({ figure: { ci, page = 0 } }) => ci !== undefined && page <= 1)
  expect(Math.max(...shares.map(({ figure }) => figure.tolerance ?? 1))).toBeLessThan(0.2)
})

test('with no mix and both timestamps of a request nearly everybody is found', () => {
  const none = tables[1]?.rows[0]?.figures.map(({ measured }) => measured) ?? []
  expect(Math.min(none[0] ?? 0, none[2] ?? 0, none[4] ?? 0)).toBeGreaterThan(0.95)
})

describe('a table as text', () => {
  const table: Table = {
    id: 'a',
    title: 'Title',
    n: 'ten of them',
    columns: ['one', 'two'],
    rows: [
      { name: 'row', figures: [{ measured: 0.5, ci: [0.4, 0.6], page: 0.52, tolerance: 0.05, note: 'unused' }] },
      { name: 'other', figures: [{ measured: 0.5, page: 0.9, tolerance: 0.05, note: 'because' }, { measured: 12 }] },
    ],
  }

  test('has the page in brackets, and a mark and a note only where they differ', () => {
    expect(render(table).split('\n')).toEqual([
      'Title',
      '  ten of them',
      '         one                           two',
      '  row    0.500 [0.400, 0.600] (0.520)',
      '  other  0.500 (0.900) *1              12',
      '  *1 because',
    ])
  })

  test.each<[number, string]>([
    [3, '3'],
    [0.1234, '0.123'],
    [-0.1234, '-0.123'],
    [-0.0001, '0.000'],
    [12.34, '12.3'],
    [1234.5, '1235'],
  ])('%f is written %s', (value, text) => {
    expect(short(value)).toBe(text)
  })

  test('columns line up', () => {
    expect(
      aligned([
        ['a', 'bb'],
        ['ccc', 'd'],
      ]),
    ).toEqual(['a    bb', 'ccc  d'])
  })

  test.each<[string, Figure, boolean]>([
    ['inside', { measured: 1, page: 1.1, tolerance: 0.2 }, true],
    ['outside', { measured: 1, page: 1.3, tolerance: 0.2 }, false],
    ['without a page', { measured: 1 }, true],
  ])('a figure %s its tolerance', (_, figure, within) => {
    expect(withinTolerance(figure)).toBe(within)
  })
})
