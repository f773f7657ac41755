/** `leaktest explain`: what a field or a test is, and what to do about it. */
import { columnNames, columns, ownContract, placements } from './contract.ts'
import { liveTests } from './live/tests/all.ts'
import { netTests } from './net/tests.ts'

/** Undefined for a name that is neither. */
export function explained(what: string): string | undefined {
  const test = [...liveTests, ...netTests].find(({ id }) => id === what)
  if (test !== undefined) {
    const more = Object.entries(test.more ?? {}).map(
      ([placement, cells]) => `\nin ${placement} for ${cells.join(', ')} too`,
    )
    const where = test.placements === undefined ? '' : `\nasked in ${test.placements.join(' and ')}`
    const cells = `${test.cells.length === 0 ? '' : `\nspeaks for ${test.cells.join(', ')}`}${more.join('')}${where}`
    const remedy = test.remedy === '' ? '\nmeasured, and claimed by nobody' : `\nwhen it fails: ${test.remedy}`
    return `${test.id} (${test.tier}): ${test.metric}${cells}${remedy}\n`
  }
  const field = ownContract('front').fields.find(({ id }) => id === what)
  if (field === undefined) return undefined
  const rules = placements.map((placement) => {
    const cells = ownContract(placement).fields.find(({ id }) => id === what)?.cells
    const listed = columns.flatMap((party) => {
      const cell = cells?.[party]
      if (cell === undefined || cell.rule === 'never') return []
      const more = cell.bound === undefined ? (cell.inPassing ? ', in passing' : '') : ` to ${cell.bound}`
      return [`  ${party} ${cell.rule}${more} (${columnNames[party]})`]
    })
    return [`in ${placement}:`, ...(listed.length === 0 ? ['  nobody'] : listed)].join('\n')
  })
  return `${field.id} ${field.title}\n${rules.join('\n')}\nWhoever is not listed must never see it.\n`
}
