/** Results as text for a terminal. privacy.md 5. */
import type { Level0 } from './level0.ts'
import { aligned, short } from './tables/table.ts'
import type { MutantOutcome, TestResult } from './types.ts'

const limits = [
  'T3 rows are measured, not claimed. Traffic is synthetic, and only these attackers were tried.',
  'A model has no processes, sockets or operators: what those leak, level 1 has to show.',
]

/** The whole report of one profile. */
export function report({ profile, placement, seed, alpha, results, mutants, ideal }: Level0): string {
  const caught = mutants.filter((mutant) => mutant.caught).length
  const content = placement === 'front' ? ' (content is visible to the gateway operator)' : ''
  return [
    `leaktest level 0, profile ${profile}, placement ${placement}${content}, seed ${seed}, family alpha ${alpha}`,
    ...aligned([['TEST', 'TIER', 'VALUE [95% CI]', 'NULL', 'GATE', 'N', 'VERDICT', 'METRIC'], ...results.map(row)]),
    ...results.flatMap(({ id, doubt }) => (doubt === undefined ? [] : [`  ${id}: ${doubt}`])),
    '',
    `mutants caught: ${caught} of ${mutants.length}`,
    ...aligned(mutants.map(planted)),
    `ideal pair: ${ideal.filter(({ verdict }) => verdict === 'pass').length} of ${ideal.length} tests pass`,
    ...ideal.filter(({ verdict }) => verdict !== 'pass').map(({ test, verdict }) => `  ${test}: ${verdict}`),
    ...limits.map((limit) => `note: ${limit}`),
  ].join('\n')
}

/** 1 for a failure, on the ideal pair too, or a mutant that nobody saw; 2 for something inconclusive, else 0. */
export function exitCode({ results, mutants, ideal }: Pick<Level0, 'results' | 'mutants' | 'ideal'>): number {
  const failed = [...results, ...ideal].some(({ verdict }) => verdict === 'fail')
  if (failed || mutants.some(({ caught }) => !caught)) return 1
  return results.some(({ verdict }) => verdict === 'inconclusive') ? 2 : 0
}

function row({ id, tier, metric, n, estimate, ci, null: expected, threshold, verdict }: TestResult): string[] {
  const value = ci[0] === ci[1] ? short(estimate) : `${short(estimate)} [${short(ci[0])}, ${short(ci[1])}]`
  return [
    id,
    tier,
    value,
    short(expected),
    threshold === null ? '-' : short(threshold),
    `${n}`,
    verdict.toUpperCase(),
    metric,
  ]
}

function planted({ name, test, caught, estimate, threshold }: MutantOutcome): string[] {
  return [caught ? 'caught' : 'MISSED', test, `${short(estimate)} > ${short(threshold)}`, name]
}
