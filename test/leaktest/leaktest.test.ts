/** `npm run leaktest` as its user meets it: a quick run against the real pair in each placement, its report, and every way to call it wrongly. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readCanaries } from './canary/canaries.ts'
import { placements } from './contract.ts'
import { htmlOf } from './report/html.ts'
import { readReport, type Report } from './report/schema.ts'

const folder = mkdtempSync(join(tmpdir(), 'leaktest-'))
const out = join(folder, 'out')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Ended = { readonly code: number | null; readonly out: string; readonly err: string }

function leaktest(...args: string[]): Promise<Ended> {
  const env = { PATH: process.env['PATH'], TMPDIR: folder, NO_COLOR: '1' }
  const flags = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'main.ts'), ...args]
  const child = spawn(process.execPath, flags, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const heard = { out: '', err: '' }
  child.stdout.on('data', (part: Buffer) => (heard.out += part.toString()))
  child.stderr.on('data', (part: Buffer) => (heard.err += part.toString()))
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, ...heard })))
}

describe('a quick run against the pair', () => {
  let ended: Ended
  let report: Report
  beforeAll(async () => {
    ended = await leaktest('--quick', '--level', '1', '--placement', 'all', '--seed', '11', '--out', out)
    if (existsSync(join(out, 'report.json'))) report = readReport(readFileSync(join(out, 'report.json'), 'utf8'))
  }, 300_000)

  test('passes: nothing leaked, and every planted leak was caught', () => {
    expect(ended.code, ended.err + ended.out).toBe(0)
    expect(report.verdict).toBe('pass')
    expect(report.mutants.filter(({ caught }) => !caught)).toEqual([])
    expect(report.mutants.length).toBeGreaterThanOrEqual(125)
    const odd = report.tests.filter(({ verdict }) => verdict !== 'pass' && verdict !== 'report')
    expect(odd.map(({ id }) => id)).toEqual([])
    expect(report.tests.length).toBeGreaterThan(125)
  })

  const clear = { front: 110, inside: 100, sealed: 110 } as const
  const seen = { front: 60, inside: 52, sealed: 55 } as const
  test.each(placements)('has looked at every cell of the contract of %s, and saw what must be seen', (placement) => {
    const others = report.alsoIn?.find((one) => one.placement === placement)
    const { matrix } = placement === 'front' ? report : (others ?? { matrix: [] })
    const of = (verdict: string): string[] =>
      matrix.filter((cell) => cell.verdict === verdict).map(({ field, party }) => `${field} ${party}`)
    expect(matrix).toHaveLength(34 * 12)
    expect([...of('violation'), ...of('blind')]).toEqual([])
    expect(of('clear').length).toBeGreaterThan(clear[placement])
    expect(of('seen').length).toBeGreaterThan(seen[placement])
  })

  test('claims in each placement what that one promises, and names what was not planted', () => {
    const all = [{ placement: 'front', claims: report.claims }, ...(report.alsoIn ?? [])]
    expect(all.map(({ placement }) => placement)).toEqual(placements)
    for (const { claims } of all)
      expect(claims.map(({ tier, state }) => `${tier} ${state}`).slice(0, 3)).toEqual([
        'T1 supported',
        'T2 supported',
        'T3 measured',
      ])
    expect(report.leftOut?.map(({ placement, mutant }) => `${placement} ${mutant}`)).toContain('inside counted-paths')
    expect(report.tests.filter(({ placement }) => placement === undefined)).toEqual([])
  })

  test('says at the terminal what it does, and then what it found', () => {
    expect(ended.err).toContain('seed 11')
    expect(ended.err).toContain('planted leaks, run 1 of')
    expect(ended.out).toContain('verdict: PASS')
    expect(ended.out).toMatch(/^F01 client IP address +\* +\*/m)
  })

  test('leaves a report, and no process, folder or secret behind', () => {
    expect(readdirSync(out).sort()).toEqual(['canaries.json', 'junit.xml', 'report.html', 'report.json'])
    expect(readFileSync(join(out, 'report.html'), 'utf8')).toBe(htmlOf(report))
    expect(readdirSync(folder).filter((name) => name !== 'out')).toEqual([])
    expect(readFileSync(join(out, 'canaries.json'), 'utf8')).not.toMatch(/"F29"|PRIVATE KEY/)
    const pids = [...ended.err.matchAll(/process (\d+)/g)].map(([, pid]) => Number(pid))
    expect(pids).toHaveLength(12)
    expect(pids.filter(alive)).toEqual([])
  })

  test('has canaries that an operator finds in logs of its own, and only where they are', async () => {
    const { canaries } = readCanaries(readFileSync(join(out, 'canaries.json'), 'utf8'))
    const value = canaries.find(({ field }) => field === 'F18')?.value ?? ''
    const logs = join(folder, 'logs')
    mkdirSync(join(logs, 'old'), { recursive: true })
    writeFileSync(join(logs, 'a.log'), 'nothing to see\n')
    const clean = await leaktest('scan', '--canaries', join(out, 'canaries.json'), logs)
    expect([clean.code, clean.out]).toEqual([0, expect.stringMatching(/^0 found in 1 files/)])
    writeFileSync(join(logs, 'old', 'b.log.gz'), gzipSync(`x ${Buffer.from(value).toString('base64')}`))
    const dirty = await leaktest('scan', '--canaries', join(out, 'canaries.json'), logs)
    expect(dirty.code).toBe(1)
    expect(dirty.out).toMatch(/b\.log\.gz:0: F18 \S+, base64, compressed\n1 found in 2 files/)
  })

  test('can be rendered again', async () => {
    const again = join(folder, 'again')
    expect((await leaktest('render', join(out, 'report.json'), '--out', again)).code).toBe(0)
    expect(readFileSync(join(again, 'report.html'))).toEqual(readFileSync(join(out, 'report.html')))
    rmSync(again, { recursive: true })
  })
})

test.each([
  [['--nothing'], 3, "Unknown option '--nothing'; see --help"],
  [['render', '/nowhere'], 3, 'no such file'],
  [['explain', 'F99'], 3, 'no field and no live test'],
  [['--help'], 0, 'Usage: leaktest'],
  [['explain', 'F18'], 0, 'in front:'],
])('%j exits with %i and says what it has to', async (args, code, says) => {
  const ended = await leaktest(...args)
  expect([ended.code, ended.out + ended.err]).toEqual([code, expect.stringContaining(says)])
})

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
