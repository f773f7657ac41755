/** What every run of level 0 must be like, whatever the profile. */
import { describe, expect, test } from 'vitest'
import type { Level0 } from './level0.ts'

export function checks({ profile, results, mutants: planted, ideal }: Level0): void {
  describe(`the profile ${profile}`, () => {
    test('fails nothing', () => {
      expect(results.filter(({ verdict }) => verdict === 'fail')).toEqual([])
    })

    test('every planted leak is caught, at the same sample size', () => {
      expect(planted.filter(({ caught }) => !caught)).toEqual([])
      expect(planted.length).toBeGreaterThan(30)
    })

    test('no test fails on an ideal pair', () => {
      expect(ideal.filter(({ verdict }) => verdict === 'fail')).toEqual([])
      expect(ideal.filter(({ verdict }) => verdict === 'pass').length).toBeGreaterThan(0.8 * ideal.length)
      expect(ideal.length).toBeGreaterThan(9)
    })

    test('no test passes without a leak that it has caught', () => {
      const passed = results.filter(({ verdict }) => verdict === 'pass')
      expect(passed.length).toBeGreaterThan(20)
      expect(passed.filter(({ positiveControl }) => positiveControl.length === 0)).toEqual([])
    })

    test('every gated test has a leak of its own planted', () => {
      const gated = results.filter(({ threshold }) => threshold !== null).map(({ id }) => id)
      expect(gated.filter((id) => !planted.some(({ test: of }) => of === id))).toEqual([])
    })

    test('each result has an interval around its estimate and a number behind it', () => {
      for (const { estimate, ci, n } of results) {
        expect(n).toBeGreaterThan(0)
        expect(ci[0]).toBeLessThanOrEqual(estimate + 1e-9)
        expect(ci[1]).toBeGreaterThanOrEqual(estimate - 1e-9)
      }
    })
  })
}
