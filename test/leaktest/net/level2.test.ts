/**
 * `leaktest --level 2` as its user meets it: a short run where this machine lets us make namespaces, and what is said where
 * it does not. What it was meant to catch and what it must let be is the run's own table of planted leaks.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readReport, type Report } from '../report/schema.ts'
import { netDoctors, netMutants } from './controls.ts'
import { level2 } from './level2.ts'
import { leaveToWatch } from './privileges.ts'
import { netTests } from './tests.ts'

const folder = mkdtempSync(join(tmpdir(), 'leaktest-net-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Ended = { readonly code: number | null; readonly out: string; readonly err: string }

function leaktest(path: string | undefined, ...args: string[]): Promise<Ended> {
  const flags = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, '../main.ts'), ...args]
  const env = { PATH: path, TMPDIR: folder, NO_COLOR: '1' }
  const child = spawn(process.execPath, flags, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const heard = { out: '', err: '' }
  child.stdout.on('data', (part: Buffer) => (heard.out += part.toString()))
  child.stderr.on('data', (part: Buffer) => (heard.err += part.toString()))
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, ...heard })))
}

const leave = leaveToWatch()
const lets = 'command' in leave
if (!lets) process.stderr.write(`skipped: level 2 of the privacy lab: ${leave.why}; ${leave.remedy}\n`)

describe.skipIf(!lets)('a quick run in namespaces', () => {
  const out = join(folder, 'out')
  let ended: Ended
  let report: Report
  beforeAll(async () => {
    ended = await leaktest(process.env['PATH'], '--quick', '--level', '2', '--seed', '7', '--out', out)
    report = readReport(readFileSync(join(out, 'report.json'), 'utf8'))
  }, 120_000)

  test('passes: nothing leaked, and every planted leak was caught', () => {
    expect(ended.code, ended.err + ended.out).toBe(0)
    expect(report.mutants.filter(({ caught }) => !caught)).toEqual([])
    expect(report.tests.filter(({ verdict }) => verdict !== 'pass').map(({ id }) => id)).toEqual([])
    const names = report.mutants.map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining([...netMutants, ...netDoctors].map(({ name }) => name)))
    expect(names).toContain('told-nothing')
  })

  test('has seen on the wire what each network must see, and what a resolver sees of a relay', () => {
    const verdict = (field: string, party: string): string | undefined =>
      report.matrix.find((cell) => cell.field === field && cell.party === party)?.verdict
    expect(report.matrix.filter((cell) => cell.verdict === 'violation' || cell.verdict === 'blind')).toEqual([])
    expect(report.matrix.filter(({ party }) => party === 'DNS')).toHaveLength(34)
    expect(report.matrix.filter((cell) => cell.party === 'DNS' && cell.verdict === 'not-observable')).toEqual([])
    expect([verdict('F01', 'NC'), verdict('F27', 'NR'), verdict('F27', 'DNS')]).toEqual(['seen', 'seen', 'seen'])
    expect([verdict('F01', 'NR'), verdict('F16', 'DNS'), verdict('F01', 'A')]).toEqual(['clear', 'clear', 'clear'])
  })

  test('leaves nothing behind but its report', () => {
    expect(readdirSync(folder)).toEqual(['out'])
  })
})

test('every test of packets has a planted leak', () => {
  const caught = new Set([...netMutants, ...netDoctors].map(({ test: id }) => id))
  expect(netTests.map(({ id }) => id).filter((id) => !caught.has(id))).toEqual([])
})

test('where there are no programs for it, it proves nothing, and says which one is missing', async () => {
  const ended = await leaktest('/nowhere', '--level', '2', '--out', join(folder, 'none'))
  rmSync(join(folder, 'none'), { recursive: true })
  expect([ended.code, ended.out]).toEqual([2, expect.stringMatching(/unshare is not installed; install it: apt-get/)])
  expect(ended.out).toContain('verdict: INCONCLUSIVE')
})

test.each([
  ['the system does not let us', 'front', /no namespaces here; ask root/],
  ['the placement is another', 'sealed', /placement front only/],
] as const)('where %s, no row passes', async (_, placement, says) => {
  const options = { seed: 1, quick: true, tests: [], replay: () => 'again', progress: () => undefined }
  const refused = { why: 'no namespaces here', remedy: 'ask root' }
  const { tests, matrix } = await level2({ ...options, placement, leave: refused })
  expect(tests.map(({ verdict, doubt }) => [verdict, doubt])).toEqual([['inconclusive', expect.stringMatching(says)]])
  expect(matrix).toEqual([])
})
