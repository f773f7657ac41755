/**
 * The verdict of a run and its claims by tier of adversary. privacy.md 1.3. A claim is supported only if every gated test
 * of its tier passed, with a planted leak that it caught, and no cell of the matrix is violated or blind.
 */
import type { Report, ReportCell, ReportTest } from './schema.ts'

type Judged = Pick<Report, 'tests' | 'matrix' | 'mutants'>

export function verdictOf({ tests, matrix, mutants }: Judged): Report['verdict'] {
  if (tests.some(({ verdict }) => verdict === 'fail') || has(matrix, 'violation')) return 'fail'
  const open = tests.some(({ verdict }) => verdict === 'inconclusive') || has(matrix, 'blind')
  return open || tests.length === 0 || mutants.some(({ caught }) => !caught) ? 'inconclusive' : 'pass'
}

function has(matrix: readonly ReportCell[], verdict: ReportCell['verdict']): boolean {
  return matrix.some((cell) => cell.verdict === verdict)
}

export function claimsOf(
  judged: Judged,
  placement: Report['run']['placement'],
  attacks: Report['attacks'],
): Report['claims'] {
  const { tests, matrix } = judged
  const broken = matrix
    .filter(({ verdict }) => verdict === 'violation')
    .map(({ field, party }) => `${field} at ${party}`)
  const blind = matrix.filter(({ verdict }) => verdict === 'blind').map(({ field, party }) => `${field} at ${party}`)
  const first = stateOf(tests.filter(({ tier }) => tier === 'T1'))
  const second = stateOf(tests.filter(({ tier }) => tier === 'T2'))
  const attacked = attacks === undefined ? 'attacks: not in this report' : `attacks: ${attacks.verdict}`
  return [
    {
      ...{ tier: 'T1', adversary: 'any single party, or one link, that only looks' },
      claim: 'who asks and what is asked stay apart; lengths are those of the grid',
      ...(broken.length > 0
        ? { state: 'refuted', because: `seen where it must never be: ${broken.join(', ')}` }
        : blind.length > 0
          ? { state: 'open', because: `not seen where it must be, so that nothing is proven: ${blind.join(', ')}` }
          : first.state === 'supported' && matrix.length === 0
            ? { state: 'open', because: 'only a model was tested: no process, socket or log' }
            : first),
    },
    {
      ...{ tier: 'T2', adversary: 'any single party, or one link, that drops, delays, repeats or marks' },
      claim: 'what is done ends in a refusal that looks like every other; no mark gets through the relay',
      ...second,
      because: `${second.because}; ${attacked}`,
    },
    {
      ...{ tier: 'T3', adversary: 'somebody who watches both sides of the relay' },
      claim: 'none: how well requests can be matched is measured at the stated rate',
      ...{ state: 'measured', because: `${String(tests.filter(({ tier }) => tier === 'T3').length)} measurements` },
    },
    {
      ...{ tier: 'T4', adversary: 'relay and gateway together' },
      claim: placement === 'front' ? 'none' : 'none on who asks; content stays in the CVM',
      ...{ state: 'not claimed', because: 'the separation rests on two operators' },
    },
    {
      ...{ tier: 'T5', adversary: 'somebody who watches for long' },
      claim: 'none: a trait that stays the same is tied to an address in the end',
      ...{ state: 'not claimed', because: 'do not put stable identifiers into requests' },
    },
  ]
}

function stateOf(tests: readonly ReportTest[]): { state: Report['claims'][number]['state']; because: string } {
  const names = (verdict: ReportTest['verdict']): string[] =>
    tests.filter((each) => each.verdict === verdict).map(({ id }) => id)
  if (names('fail').length > 0) return { state: 'refuted', because: `failed: ${names('fail').join(', ')}` }
  if (names('inconclusive').length > 0)
    return { state: 'open', because: `inconclusive: ${names('inconclusive').join(', ')}` }
  const passed = names('pass').length
  return passed === 0
    ? { state: 'open', because: 'nothing was tested' }
    : { state: 'supported', because: `${String(passed)} tests passed, each with a planted leak that it caught` }
}
