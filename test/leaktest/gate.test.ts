/** Three values, one family of tests: privacy.md 2.2. */
import { describe, expect, test } from 'vitest'
import * as gates from './gate.ts'
import { normal } from './stats/draws.ts'
import { mean, times } from './stats/numbers.ts'
import { createRng } from './stats/rng.ts'
import { normalAbove } from './stats/special.ts'
import type { Evidence, Gate, Measurement } from './types.ts'

const atMost: Gate = { kind: 'at-most', threshold: 0.5 }

function measured(evidence: Evidence | undefined, changes: Partial<Measurement> = {}): Measurement {
  return {
    id: 'a.test',
    tier: 'T1',
    metric: 'something',
    n: 100,
    estimate: 0.4,
    ci: [0.3, 0.5],
    null: 0,
    gate: atMost,
    ...(evidence === undefined ? {} : { evidence }),
    ...changes,
  }
}

const under: Evidence = { over: 1, under: 1e-6 }
const over: Evidence = { over: 1e-6, under: 1 }
const between: Evidence = { over: 0.4, under: 0.6 }

describe('a verdict', () => {
  test.each([
    ['the upper bound under the threshold', measured(under), 'pass'],
    ['the lower bound over it', measured(over), 'fail'],
    ['the threshold between them', measured(between), 'inconclusive'],
    ['a count as it must be', measured(undefined, { ...gates.exactly(0) }), 'pass'],
    ['a count that is not', measured(undefined, { ...gates.exactly(1) }), 'fail'],
    ['nothing claimed', measured(undefined, { gate: { kind: 'report' } }), 'report'],
    ['a doubt about the method', measured(under, { doubt: 'two resolutions disagree' }), 'inconclusive'],
    ['a doubt about a count', measured(undefined, { ...gates.exactly(0), doubt: 'the tap was blind' }), 'inconclusive'],
    ['no number at all', measured(under, { estimate: Number.NaN }), 'inconclusive'],
  ])('with %s', (_, measurement, verdict) => {
    expect(gates.judge([measurement])).toEqual([verdict])
  })

  test('a gate without evidence is wired wrong, not passed', () => {
    expect(() => gates.judge([measured(undefined)])).toThrow(TypeError)
  })

  test('what passes alone may not pass in a family of ten', () => {
    const weak = { over: 1, under: 0.005 }
    expect(gates.judge([measured(weak)])).toEqual(['pass'])
    const family = [measured(weak), ...times(9, () => measured(between))]
    expect(gates.judge(family)[0]).toBe('inconclusive')
  })

  test('the family has one false alarm in a hundred runs, and one false pass', () => {
    const rng = createRng(1)
    const runs = times(2000, () => {
      // Values exactly on their thresholds: each decision is an error.
      const family = times(12, () => {
        const p = rng.uniform()
        return measured({ over: p, under: 1 - p })
      })
      const verdicts = gates.judge(family, 0.05)
      return { alarm: verdicts.includes('fail') ? 1 : 0, pass: verdicts.includes('pass') ? 1 : 0 }
    })
    // 0.05 within four standard errors of 2,000 runs.
    expect(Math.abs(mean(runs.map(({ alarm }) => alarm)) - 0.05)).toBeLessThan(0.0195)
    expect(Math.abs(mean(runs.map(({ pass }) => pass)) - 0.05)).toBeLessThan(0.0195)
  })
})

describe('evidence', () => {
  test.each([
    [[0.1, 0.2, 0.3, 0.6], atMost, { over: 4 / 5, under: 2 / 5 }],
    [[0.1, 0.2, 0.3], atMost, { over: 1, under: 1 / 4 }],
    [[-0.7, -0.6, -0.6], { kind: 'within', threshold: 0.5 }, { over: 1 / 2, under: 1 }],
    [[-0.1, 0, 0.1], { kind: 'within', threshold: 0.5 }, { over: 1, under: 1 / 4 }],
    [[-0.6, 0, 0.1], { kind: 'within', threshold: 0.5 }, { over: 1, under: 2 / 4 }],
    [[0.1], { kind: 'report' }, { over: 1, under: 1 }],
  ] as const)('of the draws %j at %j', (draws, gate, expected) => {
    expect(
      gates.drawnEvidence(
        [...draws].sort((a, b) => a - b),
        gate,
      ),
    ).toEqual(expected)
  })

  test('of a proportion is exact', () => {
    const { estimate, evidence } = gates.proportion(0, 10, 0.5)
    expect(estimate).toBe(0)
    expect(evidence.under).toBeCloseTo(0.5 ** 10, 12)
    expect(evidence.over).toBe(1)
  })

  test('over windows comes from whole windows', () => {
    const rng = createRng(2)
    const windows = times(40, () => 0.3 + normal(rng) / 20)
    const found = gates.overWindows(windows, mean, atMost, rng)
    expect(found.evidence.under).toBeLessThan(0.001)
    expect(found.ci[0]).toBeLessThan(found.estimate)
    expect(found.ci[1]).toBeGreaterThan(found.estimate)
  })
})

describe('settling', () => {
  /** A probe whose evidence gets better with the number of observations. */
  function probe(id: string, evidence: (factor: number) => Evidence, asked: string[]): gates.Probe {
    return {
      id,
      measure: (factor) => {
        asked.push(`${id} x${factor}`)
        return measured(evidence(factor), { id, n: 100 * factor })
      },
    }
  }

  test('measures only what is undecided again, with twice and four times as much', () => {
    const asked: string[] = []
    const found = gates.settle([
      probe('clear', () => under, asked),
      probe('slow', (factor) => (factor < 4 ? between : over), asked),
      probe('never', () => between, asked),
    ])
    expect(asked).toEqual(['clear x1', 'slow x1', 'never x1', 'slow x2', 'never x2', 'slow x4', 'never x4'])
    expect(found.map(({ verdict, measurement }) => [measurement.id, verdict, measurement.n])).toEqual([
      ['clear', 'pass', 100],
      ['slow', 'fail', 400],
      ['never', 'inconclusive', 400],
    ])
  })

  test('three looks together make no more errors than one', () => {
    const runs = times(6000, (run) => {
      const rng = createRng(run)
      let total = 0
      let n = 0
      // A running mean exactly on its threshold, looked at again as it grows.
      const measure = (factor: number): Measurement => {
        while (n < 25 * factor) {
          total += normal(rng)
          n += 1
        }
        const p = normalAbove(total / Math.sqrt(n))
        return measured({ over: p, under: 1 - p })
      }
      return gates.settle([{ id: 'x', measure }], 0.06)[0]?.verdict === 'fail' ? 1 : 0
    })
    // Looks at the same growing sample err together, so it is about 0.045 (standard error 0.003). One at 0.06 alone is not.
    expect(mean(runs)).toBeLessThan(0.06)
    expect(mean(runs)).toBeGreaterThan(0.03)
  })
})

describe('a result', () => {
  test.each([
    ['pass', [{ mutant: 'leak', caught: true }], 'pass'],
    [
      'pass',
      [
        { mutant: 'leak', caught: true },
        { mutant: 'other', caught: false },
      ],
      'inconclusive',
    ],
    ['pass', [], 'inconclusive'],
    ['fail', [{ mutant: 'leak', caught: false }], 'fail'],
    ['report', [], 'report'],
  ] as const)('%s with the controls %j is %s', (verdict, controls, expected) => {
    const found = gates.result(measured(under), verdict, controls)
    expect(found.verdict).toBe(expected)
    expect(found.positiveControl).toEqual(controls)
  })

  test('carries the threshold, or null where nothing is claimed', () => {
    expect(gates.result(measured(under), 'pass', []).threshold).toBe(0.5)
    expect(gates.result(measured(undefined, { gate: { kind: 'report' } }), 'report', []).threshold).toBeNull()
  })
})

describe('evidence of an estimate that is about normal', () => {
  const draws = [-1, 1, -1, 1].map((step) => 10 + step)

  test.each([
    ['on the threshold', 10, 0.5],
    ['two spreads above it', 10 - 2 * Math.sqrt(4 / 3), normalAbove(2)],
    ['two below it', 10 + 2 * Math.sqrt(4 / 3), 1 - normalAbove(2)],
  ])('%s', (_, threshold, over) => {
    const found = gates.normalEvidence(10, draws, threshold)
    expect(found.over).toBeCloseTo(over, 9)
    expect(found.under).toBeCloseTo(1 - over, 9)
  })

  test('without any spread it is what it is', () => {
    expect(gates.normalEvidence(0, [0, 0], 0.02)).toEqual({ over: 1, under: 0 })
    expect(gates.normalEvidence(0.03, [0, 0], 0.02)).toEqual({ over: 0, under: 1 })
  })
})
