/** What controls there are. That they are caught, and that the pair passes, is the run in leaktest.test.ts. */
import { expect, test } from 'vitest'
import { columns } from '../contract.ts'
import { crowds } from './mutants/crowds.ts'
import { doctors } from './mutants/doctors.ts'
import { liveMutants } from './mutants/mutants.ts'
import { heads } from './tests/heads.ts'
import { liveTests } from './tests/all.ts'

const reported = ['tls.resumption', 'size.overhead', 'connections.delay', 'streams.tokens']
const gated = [
  ...liveTests.map(({ id }) => id).filter((id) => !reported.includes(id)),
  ...['NC', 'R', 'MR', 'NR', 'G', 'MG', 'H', 'V', 'K'].map((party) => `canary.${party}`),
]

test('every gated test has a planted leak, alone and in the quick run, and every planted leak a test', () => {
  const planted = [...liveMutants, ...doctors]
  expect(gated.filter((id) => !planted.some(({ test }) => test === id))).toEqual([])
  expect(planted.filter(({ test }) => !gated.includes(test))).toEqual([])
  const quick = [...crowds.flatMap(({ mutants }) => mutants), ...doctors]
  expect(gated.filter((id) => !quick.some(({ test }) => test === id))).toEqual([])
  expect(new Set(planted.map(({ name }) => name)).size).toBe(planted.length)
  expect(planted.length).toBeGreaterThanOrEqual(40)
})

test('in one crowd every planted leak has a test of its own', () => {
  for (const { mutants } of crowds) expect(new Set(mutants.map(({ test }) => test)).size).toBe(mutants.length)
})

test('tests speak for cells that there are', () => {
  const cells = liveTests.flatMap((each) => each.cells)
  expect(cells.filter((cell) => !/^F(0[1-9]|[12]\d|3[0-4]) /.test(cell))).toEqual([])
  expect(cells.filter((cell) => !columns.some((party) => cell.endsWith(` ${party}`)))).toEqual([])
  expect(new Set(liveTests.map(({ id }) => id)).size).toBe(liveTests.length)
  expect(heads.length).toBeGreaterThan(3)
})
