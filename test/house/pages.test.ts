/** Pages that name tests: each file and title exists, no finding is left out, and the bound that SECURITY.md states is the code's. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { revocationBounds } from '../../shared/attestation/revocation.ts'
import { durationText } from '../../shared/client/commands/output.ts'
import { root } from './walk.ts'

const pageOf = (file: string): string => readFileSync(join(root, file), 'utf8')
const findings = pageOf('gateway/cvm/FINDINGS.md')
const security = pageOf('SECURITY.md')

/** [file, title] of each test that a text names, as `test/FILE.ts: TITLE`. */
function named(text: string): (readonly [file: string, title: string])[] {
  return [...text.matchAll(/`(test\/[\w./-]+\.ts): ([^`]+)`/g)].map(([, file = '', title = '']) => [file, title])
}

/** A title stands in its file as one string, whatever quotes it has. */
function stands(title: string, source: string): boolean {
  return [`'${title}'`, `"${title}"`, `\`${title}\``].some((quoted) => source.includes(quoted))
}

const all = [findings, security].flatMap(named)

test.each(all)('%s: %s', (file, title) => {
  expect(existsSync(join(root, file))).toBe(true)
  expect(stands(title, pageOf(file))).toBe(true)
})

test('the reader of pages finds what is not there', () => {
  const source = pageOf('test/house/pages.test.ts')
  expect(all.length).toBeGreaterThan(60)
  expect(stands(['a title that', 'nobody wrote'].join(' '), source)).toBe(false)
  expect(named('`test/a.test.ts: b c`, `test/d.ts: e`')).toEqual([
    ['test/a.test.ts', 'b c'],
    ['test/d.ts', 'e'],
  ])
})

function rowsOf(page: string, heading: string): string[][] {
  const [, section = ''] = page.split(`\n## ${heading}\n`)
  const [own = ''] = section.split('\n## ')
  const lines = own.split('\n').filter((line) => line.startsWith('| '))
  return lines.slice(1).map((line) => line.slice(2, -2).split(' | '))
}

describe('no line is without a test, or without the word that none shows it', () => {
  test.each([
    ['The findings', 28],
    ["Apple's five requirements of Private Cloud Compute", 5],
    ["Meta's six steps of Private Processing", 6],
  ])('%s: %i', (heading, count) => {
    const rows = rowsOf(findings, heading)
    expect(rows).toHaveLength(count)
    expect(rows.filter((row) => named(row.at(-1) ?? '').length === 0 && !row.join().includes('**open**'))).toEqual([])
  })

  test('the findings are numbered as they were published', () => {
    expect(rowsOf(findings, 'The findings').map(([number]) => Number(number))).toEqual(
      Array.from({ length: 28 }, (_, at) => at + 1),
    )
  })

  test('every key has a holder, a shipper, a life, a loss and a test', () => {
    const rows = rowsOf(security, 'Every key')
    expect(rows.length).toBeGreaterThanOrEqual(9)
    for (const row of rows) {
      expect(row).toHaveLength(6)
      expect(row.every((cell) => cell.trim() !== '')).toBe(true)
      expect(named(row[5] ?? '').length).toBeGreaterThan(0)
    }
  })
})

test('the page states the bound that the code keeps', () => {
  const { hidden, timestampStolen } = revocationBounds
  expect(durationText(hidden)).toBe('24 h 4 min')
  expect(security).toContain(`is obeyed by every client at the latest ${durationText(hidden)} after`)
  expect(durationText(timestampStolen)).toBe('7 days 4 min')
  expect(security).toContain('ends by itself: 7 days and 4 minutes')
})
