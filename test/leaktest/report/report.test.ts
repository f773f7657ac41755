/** A report is stable, whole, escaped, and says what its numbers say. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { attacksFrom } from './assemble.ts'
import { htmlOf } from './html.ts'
import { junitOf } from './junit.ts'
import { cellRow, plotRows, reportOf, testRow } from './sample.ts'
import { readReport, schemaText, writeReport, type Report } from './schema.ts'
import { terminalOf } from './terminal.ts'
import { claimsOf, verdictOf } from './verdict.ts'

const plain = (_: string, text: string): string => text
const hostile = '<script>alert(1)</script>"\'&\u0000'

test('report.schema.json beside the code is the one that reports follow', () => {
  const path = join(import.meta.dirname, 'report.schema.json')
  // Written again with WRITE_SCHEMA=1 when the report grows.
  if (process.env['WRITE_SCHEMA'] === '1') writeFileSync(path, schemaText())
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(JSON.parse(schemaText()))
})

test('a report comes back as it went, and everything made from it is the same octets', () => {
  const report = reportOf({ tests: [testRow({ verdict: 'fail' })], matrix: [cellRow({})], plots: plotRows })
  const again = readReport(writeReport(report))
  expect(again).toEqual(report)
  expect([htmlOf(again), junitOf(again), writeReport(again)]).toEqual([
    htmlOf(report),
    junitOf(report),
    writeReport(report),
  ])
})

test.each([
  ['with an unknown member', { ...reportOf({}), more: 1 }],
  ['of another version', { ...reportOf({}), version: 2 }],
  ['of another tool', { ...reportOf({}), run: { ...reportOf({}).run, tool: 'attack' } }],
])('a report %s is refused', (_, report) => {
  expect(() => readReport(JSON.stringify(report))).toThrow(/^not a report of this lab/)
})

describe('the verdict', () => {
  const judged = (change: Partial<Report>) => ({ tests: [testRow({})], matrix: [cellRow({})], mutants: [], ...change })
  test.each([
    ['pass', judged({})],
    ['fail', judged({ tests: [testRow({ verdict: 'fail' })] })],
    ['fail', judged({ matrix: [cellRow({ verdict: 'violation' })] })],
    ['inconclusive', judged({ tests: [testRow({ verdict: 'inconclusive' })] })],
    ['inconclusive', judged({ matrix: [cellRow({ verdict: 'blind' })] })],
    ['inconclusive', judged({ tests: [] })],
    ['inconclusive', judged({ mutants: [{ name: 'm', level: 1, leak: 'l', test: 't', caught: false }] })],
    ['fail', judged({ tests: [testRow({ verdict: 'fail' }), testRow({ verdict: 'inconclusive' })] })],
  ] as const)('is %s where it has to be', (verdict, all) => expect(verdictOf(all)).toBe(verdict))

  test.each([
    ['supported', judged({})],
    ['refuted', judged({ tests: [testRow({ verdict: 'fail' })] })],
    ['refuted', judged({ matrix: [cellRow({ verdict: 'violation' })] })],
    ['open', judged({ matrix: [cellRow({ verdict: 'blind' })] })],
    ['open', judged({ tests: [testRow({ verdict: 'inconclusive' })] })],
    ['open', judged({ tests: [testRow({ tier: 'T2' })] })],
    ['open', judged({ matrix: [] })],
  ] as const)('leaves the claim against single parties %s', (state, all) => {
    expect(claimsOf(all, 'front', undefined).find(({ tier }) => tier === 'T1')?.state).toBe(state)
  })
})

describe('what is made of it', () => {
  const report = reportOf({
    tests: [
      testRow({ id: 'a.b', verdict: 'fail', found: [hostile], replay: 'npm run x' }),
      testRow({ id: 'c', doubt: hostile, verdict: 'inconclusive' }),
    ],
    matrix: [cellRow({ verdict: 'violation', where: [hostile] }), cellRow({ party: 'MR', verdict: 'blind' })],
    mutants: [{ name: hostile, level: 1, leak: hostile, test: 'c', caught: false }],
    plots: plotRows,
  })

  test('is HTML without a script, an address to load from, or anything unescaped', () => {
    const html = htmlOf(report)
    expect(html).not.toMatch(/<script|javascript:|\son\w+=|https?:\/\/|@import|url\(/)
    expect(html).toContain('&#60;script&#62;')
    expect(html).toContain('npm run x')
    expect(html).toContain('n = 7')
    expect(html.match(/<svg /g)).toHaveLength(plotRows.length)
  })

  test('is JUnit in which failures fail, what is open is an error, and nothing breaks the XML', () => {
    const xml = junitOf(report)
    expect(xml).toContain('tests="5" failures="2" errors="3"')
    expect(xml.replace(/<\/?(testsuite|testcase|failure|error|skipped|\?xml)\b[^<>]*>/g, '')).not.toMatch(/[<>\0]/)
  })

  test('is text that names what failed and how to see it again', () => {
    const text = terminalOf(report, plain)
    expect(text).toContain('again: npm run x')
    expect(text).toContain('verdict: FAIL')
    expect(text).toMatch(/^F01 .* X\s+!/m)
  })
})

describe('a report of attacks', () => {
  const row = { id: 'R01', title: 't', verdict: 'pass', outcome: 'BLOCKED', says: 's', replay: 'npm run attack' }
  const given = {
    version: 1,
    run: { tool: 'attack', seed: 3, subject: 'ours' },
    summary: { verdict: 'PASS' },
    attacks: [{ ...row, severity: 8 }],
  }

  test('is shown with its rows', () => {
    const attacks = attacksFrom(JSON.stringify(given))
    expect(attacks).toEqual({ seed: 3, subject: 'ours', verdict: 'PASS', rows: [row] })
    expect(htmlOf(reportOf({ attacks }))).toContain('R01')
  })

  test.each([
    ['another tool', { ...given, run: { ...given.run, tool: 'leaktest' } }],
    ['no rows', { ...given, attacks: undefined }],
  ])('is refused with %s', (_, other) =>
    expect(() => attacksFrom(JSON.stringify(other))).toThrow('not a report of attacks'),
  )
})
