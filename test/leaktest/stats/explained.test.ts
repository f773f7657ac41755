/** Omega squared where it is known. */
import { expect, test } from 'vitest'
import { normal } from './draws.ts'
import { explained } from './explained.ts'
import { mean, times } from './numbers.ts'
import { createRng } from './rng.ts'

test.each<[string, (group: number, noise: number) => number, number]>([
  ['nothing where all are alike', (_, noise) => noise, 0],
  ['half where groups vary as much as their members', (group, noise) => 3 * (group - 0.5) * (2 / 3) + noise, 0.5],
  ['all where members do not vary', (group) => group, 1],
])('%s', (_, value, share) => {
  const rng = createRng(1)
  const runs = times(50, () => explained(times(400, (i) => [i % 2, value(i % 2, normal(rng))] as const)))
  expect(Math.abs(mean(runs) - share)).toBeLessThan(0.01)
})

test('values that are all equal explain nothing', () => {
  expect(explained(times(10, (i) => [i % 2, 5] as const))).toBe(0)
})
