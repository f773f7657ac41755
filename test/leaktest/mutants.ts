/**
 * Planted leaks: a test that does not see its own proves nothing by passing. privacy.md 2.2. A level plants them in its
 * pair, measures again with as much material, and asks here whether that would have failed the run.
 */
import { familyAlpha, judge } from './gate.ts'
import type { Measurement, MutantOutcome, PositiveControl } from './types.ts'

export type Mutant<Pair> = {
  readonly name: string
  /** what is done to the pair, in words */
  readonly leak: string
  /** the test that must fail */
  readonly test: string
  readonly plant: (pair: Pair) => Pair
}

type Planted = Pick<Mutant<unknown>, 'name' | 'leak' | 'test'>

/**
 * Whether a measurement on a mutant fails, at the strictest level that a run of `family` gated tests asks of anybody:
 * the first of Holm's, at one of three looks.
 */
export function outcome({ name, leak, test }: Planted, found: Measurement, family: number): MutantOutcome {
  const [verdict] = judge([found], familyAlpha / (3 * Math.max(1, family)))
  const threshold = found.gate.kind === 'report' ? Number.NaN : found.gate.threshold
  return { name, leak, test, caught: verdict === 'fail', estimate: found.estimate, threshold }
}

/** The proofs of life of one test. */
export function controls(outcomes: readonly MutantOutcome[], test: string): PositiveControl[] {
  return outcomes.filter((each) => each.test === test).map(({ name, caught }) => ({ mutant: name, caught }))
}
