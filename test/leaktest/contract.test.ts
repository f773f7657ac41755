/** The contract is read strictly, and a matrix is green only where it was looked at. */
import { describe, expect, test } from 'vitest'
import { columns, ownContract, ownContractText, placements, readContract, type Cell } from './contract.ts'
import { matrixOf, type MatrixCell, type MatrixInput } from './matrix.ts'
import type { Observation } from './types.ts'

const own = JSON.parse(ownContractText()) as { fields: Record<string, unknown>[]; [name: string]: unknown }

describe('the published contract', () => {
  test.each(placements)('of placement %s has 34 fields and a rule for each of 12 parties', (placement) => {
    const { fields } = ownContract(placement)
    expect(fields.map(({ id }) => id)).toEqual(Array.from({ length: 34 }, (_, i) => `F${`${i + 1}`.padStart(2, '0')}`))
    expect(fields.flatMap(({ cells }) => Object.keys(cells))).toHaveLength(34 * 12)
  })

  const rule = (placement: (typeof placements)[number], id: string, party: (typeof columns)[number]): Cell['rule'] =>
    ownContract(placement).fields.find((field) => field.id === id)?.cells[party].rule ?? 'never'

  test.each([
    ['front', 'F18', 'G', 'may'],
    ['inside', 'F18', 'G', 'never'],
    ['sealed', 'F18', 'G', 'never'],
    ['front', 'F18', 'R', 'never'],
    ['front', 'F18', 'V', 'must'],
    ['front', 'F29', 'V', 'never'],
    ['inside', 'F29', 'V', 'must'],
    ['inside', 'F29', 'G', 'never'],
    ['front', 'F01', 'G', 'never'],
    ['sealed', 'F01', 'R', 'must'],
    ['front', 'F11', 'V', 'never'],
    ['inside', 'F11', 'V', 'must'],
  ] as const)('in %s, %s at %s is %s', (placement, id, party, expected) => {
    expect(rule(placement, id, party)).toBe(expected)
  })

  test('in no placement may the relay see what is inside the seal, or anybody behind it who asked', () => {
    for (const placement of placements) {
      for (const id of ['F15', 'F16', 'F17', 'F18', 'F19', 'F21']) expect(rule(placement, id, 'R')).toBe('never')
      for (const id of ['F01', 'F02', 'F03', 'F04', 'F06', 'F07', 'F09', 'F10', 'F28', 'F31'])
        for (const party of ['NR', 'G', 'H', 'V', 'MG'] as const) expect(rule(placement, id, party)).toBe('never')
    }
  })
})

describe('a contract is refused', () => {
  const field = (change: object) => ({ ...own, fields: [{ ...own.fields[0], ...change }, ...own.fields.slice(1)] })
  test.each([
    ['with an unknown member', { ...own, extra: 1 }],
    ['of another version', { ...own, version: 2 }],
    ['that allows what it does not list', { ...own, default: 'may' }],
    ['with other parties', { ...own, parties: [...columns].reverse() }],
    ['without one of its fields', { ...own, fields: own.fields.slice(1) }],
    ['with its last field left out', { ...own, fields: own.fields.slice(0, 33) }],
    ['with a field twice', { ...own, fields: [...own.fields, own.fields[33]] }],
    ['with two fields of one name', field({ name: 'client-port' })],
    ['with a party that nobody is', field({ cells: { Z: 'may' } })],
    ['with a rule that nobody knows', field({ cells: { R: 'perhaps' } })],
    ['with two rules in one cell', field({ cells: { R: { must: 'in passing', may: 'in passing' } } })],
    ['with a bound that says nothing', field({ cells: { MR: { coarse: '' } } })],
    ['with a placement that nobody offers', field({ placements: { behind: { R: 'may' } } })],
    ['with a way of looking that nobody has', field({ how: ['guess'] })],
    ['without a rule for joins', { ...own, joins: [] }],
  ])('%s', (_, contract) => {
    expect(() => readContract(JSON.stringify(contract), 'front')).toThrow(/^contract: /)
  })
})

describe('the matrix', () => {
  const everything = new Set(columns)
  const input: MatrixInput = {
    contract: ownContract('front'),
    observations: [],
    present: everything,
    has: new Set(['tokens']),
    looked: new Set(),
    bounds: new Map(),
  }
  const at = (cells: readonly MatrixCell[], field: string, party: string): MatrixCell['verdict'] | undefined =>
    cells.find((cell) => cell.field === field && cell.party === party)?.verdict
  const seen = (fieldId: string, party: 'R' | 'G' | 'V' | 'MG', source: Observation['source']): Observation => ({
    ...{ party, source, t: 0, fieldId, bytesRef: 'wire 1 at 2' },
  })

  test('of a run that saw nothing is blind wherever something must be seen, and clear nowhere', () => {
    const cells = matrixOf(input)
    const musts = input.contract.fields.flatMap(({ cells }) => columns.filter((party) => cells[party].rule === 'must'))
    expect(cells.filter(({ verdict }) => verdict === 'blind')).toHaveLength(musts.length)
    expect(musts.length).toBeGreaterThan(30)
    expect(cells.filter(({ verdict }) => verdict === 'clear')).toEqual([])
  })

  test.each([
    ['seen where it must be', seen('F18', 'V', 'wire'), 'seen'],
    ['seen where it may be', seen('F18', 'G', 'wire'), 'seen'],
    ['kept where it may only pass', seen('F18', 'G', 'log'), 'violation'],
    ['kept in the heap where it must only pass', seen('F01', 'R', 'heap'), 'violation'],
    ['seen where it must never be', seen('F01', 'G', 'wire'), 'violation'],
    ['seen by readers of metrics', seen('F18', 'MG', 'metric'), 'violation'],
  ] as const)('has a verdict for what was %s', (_, observation, verdict) => {
    const { fieldId = '', party } = observation
    expect(at(matrixOf({ ...input, observations: [observation] }), fieldId, party)).toBe(verdict)
  })

  test('is clear where somebody looked', () => {
    expect(at(matrixOf({ ...input, looked: new Set(['F01 G']) }), 'F01', 'G')).toBe('clear')
    expect(at(matrixOf(input), 'F01', 'G')).toBe('not-observable')
  })

  test.each([
    ['held', 'held'],
    ['broken', 'violation'],
    ['measured', 'measured'],
  ] as const)('takes a bound that is %s from the test that speaks of it', (bound, verdict) => {
    expect(at(matrixOf({ ...input, bounds: new Map([['F08 MG', bound]]) }), 'F08', 'MG')).toBe(verdict)
    expect(at(matrixOf(input), 'F08', 'MG')).toBe('not-observable')
  })

  test('says which parties and things this pair has not', () => {
    const cells = matrixOf({ ...input, present: new Set(columns.filter((each) => each !== 'I')), has: new Set() })
    expect(at(cells, 'F01', 'I')).toBe('absent')
    expect(at(cells, 'F23', 'G')).toBe('absent')
    expect(at(cells, 'F24', 'R')).toBe('absent')
  })
})
