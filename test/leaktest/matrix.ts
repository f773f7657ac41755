/**
 * The observation matrix of one run: each cell of the contract beside what was seen. privacy.md 1.4. `must` that was not
 * seen is BLIND: the tap or the workload is broken, and the run proves nothing. A `never` is clear only where somebody
 * looked, with a search that is known to find.
 */
import { columns, isKept, type Cell, type Column, type Contract, type Field, type Need } from './contract.ts'
import type { Observation, Source } from './types.ts'

export type CellVerdict =
  | 'seen' // must or may, and seen
  | 'unseen' // may, and not seen
  | 'clear' // never, looked for and not seen
  | 'violation'
  | 'blind' // must, and not seen
  | 'measured' // a test gives a number here, and nothing is claimed
  | 'held' // coarse, and a test holds the bound
  | 'not-observable' // nothing in this run could have seen it
  | 'absent' // no such party, or no such thing, in this pair

export type MatrixCell = {
  readonly field: string
  readonly party: Column
  readonly expected: Cell
  /** how often it was seen */
  readonly observed: number
  readonly sources: readonly Source[]
  /** where, at most ten */
  readonly where: readonly string[]
  readonly verdict: CellVerdict
}

export type MatrixInput = {
  readonly contract: Contract
  readonly observations: readonly Observation[]
  /** Parties that this pair has. */
  readonly present: ReadonlySet<Column>
  /** Those of whom one side alone could be watched: what they must see may have been on another. */
  readonly partly?: ReadonlySet<Column> | undefined
  readonly has: ReadonlySet<Need>
  /** Field and party, as `F01 G`, where something looked with proof that it can find. */
  readonly looked: ReadonlySet<string>
  /** What tests say of bounds, as `F08 MG`: undefined where none speaks. */
  readonly bounds: ReadonlyMap<string, 'held' | 'broken' | 'measured'>
}

export function matrixOf(input: MatrixInput): MatrixCell[] {
  return input.contract.fields.flatMap((field) => columns.map((party) => cellOf(input, field, party)))
}

function cellOf(input: MatrixInput, field: Field, party: Column): MatrixCell {
  const expected = field.cells[party]
  const all = input.observations.filter((each) => each.party === party && each.fieldId === field.id)
  // What may pass by and was found kept is a violation: only the kept ones are then worth showing.
  const kept = expected.inPassing ? all.filter(({ source }) => isKept(source)) : []
  const shown = kept.length > 0 ? kept : all
  return {
    field: field.id,
    party,
    expected,
    observed: shown.length,
    sources: [...new Set(shown.map(({ source }) => source))],
    where: [...new Set(shown.map(({ bytesRef }) => bytesRef))].slice(0, 10),
    verdict: verdictOf(input, field, party, { seen: all.length, kept: kept.length }),
  }
}

function verdictOf(
  { present, partly, has, looked, bounds }: MatrixInput,
  { id, needs, cells }: Field,
  party: Column,
  { seen, kept }: { readonly seen: number; readonly kept: number },
): CellVerdict {
  const { rule } = cells[party]
  const key = `${id} ${party}`
  if (kept > 0 || (rule === 'never' && seen > 0) || bounds.get(key) === 'broken') return 'violation'
  if (!present.has(party) || (needs !== undefined && !has.has(needs))) return 'absent'
  if (rule === 'must') return seen > 0 ? 'seen' : partly?.has(party) === true ? 'not-observable' : 'blind'
  if (bounds.get(key) === 'measured') return 'measured'
  if (rule === 'coarse') return bounds.get(key) === 'held' ? 'held' : 'not-observable'
  if (rule === 'may' && seen > 0) return 'seen'
  if (!looked.has(key)) return 'not-observable'
  return rule === 'may' ? 'unseen' : 'clear'
}
