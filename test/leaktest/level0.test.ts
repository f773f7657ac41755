/** Level 0 as a whole: what it says of each profile, and that it says it again. privacy.md 2.2, 2.14. */
import { describe, expect, test } from 'vitest'
import { checks } from './level0.checks.ts'
import { few, fewest } from './level0.few.ts'
import { level0, type Level0 } from './level0.ts'
import { exitCode, report } from './text.ts'
import type { TestResult } from './types.ts'

const paced: Level0 = await level0({ seed: 7, amounts: few, profile: 'paced' })

checks(paced)

test('the gate of each leg of a mix is its closed form', () => {
  const of = (id: string): TestResult | undefined => paced.results.find((result) => result.id === id)
  expect(of('timing.request@200')?.threshold).toBeCloseTo(1.25 * 0.1 + 1 / 64 + 0.02, 3)
  expect(of('timing.round-trip@200')?.verdict).toBe('report')
})

test('progress counts up to its total', async () => {
  const steps: { done: number; total: number }[] = []
  await level0({
    seed: 1,
    amounts: fewest,
    profile: 'direct',
    progress: (step) => steps.push(step),
  })
  expect(steps.map(({ done }) => done)).toEqual(steps.map((_, i) => i))
  expect(steps.at(-1)?.done).toBe(steps.at(-1)?.total)
}, 120_000)

describe('plots', () => {
  test('all parts of the page have theirs, with numbers only', () => {
    const ids = paced.plots.map(({ id }) => id)
    expect(ids).toEqual([
      'size.distribution',
      'size.confusion',
      'size.overhead',
      'timing.rate',
      'timing.sets',
      'timing.raster',
      'stream.before',
      'stream.after',
      'stream.roc',
      'link.connections',
      'metrics.readings',
      'intersection.sets',
    ])
    const numbers = paced.plots.flatMap((plot) =>
      plot.kind === 'grid' ? plot.values.flat() : plot.lines.flatMap(({ points }) => points.flat()),
    )
    expect(numbers.length).toBeGreaterThan(1000)
    expect(numbers.every(Number.isFinite)).toBe(true)
  })

  test('cells show as one size, tokens as many', () => {
    const sizes = (id: string): number => {
      const plot = paced.plots.find((each) => each.id === id)
      return new Set(plot?.kind === 'lines' ? plot.lines.flatMap(({ points }) => points.map(([, y]) => y)) : []).size
    }
    expect(sizes('stream.after')).toBe(1)
    expect(sizes('stream.before')).toBeGreaterThan(5)
  })
})

describe('the report', () => {
  test('has a line for every test and every leak, and says what it does not claim', () => {
    const text = report(paced)
    for (const { id } of paced.results) expect(text).toContain(`\n${id} `)
    expect(text).toContain(`mutants caught: ${paced.mutants.length} of ${paced.mutants.length}`)
    expect(text).toContain('measured, not claimed')
  })

  const result = paced.results[0] as TestResult
  const caught = { name: 'x', leak: 'x', test: 'x', caught: true, estimate: 1, threshold: 0 }

  test.each([
    ['everything passed', [{ ...result, verdict: 'pass' }], [caught], 0],
    ['one stayed inconclusive', [{ ...result, verdict: 'inconclusive' }], [caught], 2],
    [
      'one failed',
      [
        { ...result, verdict: 'fail' },
        { ...result, verdict: 'inconclusive' },
      ],
      [caught],
      1,
    ],
    ['a leak was missed', [{ ...result, verdict: 'pass' }], [{ ...caught, caught: false }], 1],
  ] as const)('ends with a code: %s', (_, results, planted, code) => {
    expect(exitCode({ results, mutants: planted, ideal: [] })).toBe(code)
  })

  test('ends with 1 where a test fails on the ideal pair', () => {
    const passed = [{ ...result, verdict: 'pass' as const }]
    const verdicts = { results: passed, mutants: [caught] }
    expect(exitCode({ ...verdicts, ideal: [{ test: 'x', verdict: 'fail' }] })).toBe(1)
    expect(exitCode({ ...verdicts, ideal: [{ test: 'x', verdict: 'pass' }] })).toBe(0)
  })
})
