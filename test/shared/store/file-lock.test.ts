/** One at a time at a file, between processes too; what a dead one left behind does not stop the others. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { withFileLock } from '../../../shared/store/file-lock.ts'

let folder = ''
let file = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'))
  file = join(folder, 'count')
})
afterEach(() => rmSync(folder, { recursive: true }))

test('gives what the work gives, and is free afterwards, whatever became of it', () => {
  expect(withFileLock(file, () => existsSync(`${file}.lock`))).toBe(true)
  expect(() =>
    withFileLock(file, () => {
      throw new Error('disk')
    }),
  ).toThrow('disk')
  expect(existsSync(`${file}.lock`)).toBe(false)
})

test('held by another, it is waited for and then refused, and nothing is done', () => {
  writeFileSync(`${file}.lock`, '')
  let done = 0
  const work = (): number => ++done
  expect(() => withFileLock(file, work, 50)).toThrow(expect.objectContaining({ code: 'incomplete' }))
  expect([done, existsSync(`${file}.lock`)]).toEqual([0, true])
})

test('left behind by a process that died, it is taken over', () => {
  writeFileSync(`${file}.lock`, '')
  const before = (Date.now() - 60_000) / 1000
  utimesSync(`${file}.lock`, before, before)
  expect(withFileLock(file, () => 'mine', 0)).toBe('mine')
})

test('two processes that count in one file lose nothing', () => {
  writeFileSync(file, '0')
  const lock = JSON.stringify(resolve('shared/store/file-lock.ts'))
  const at = JSON.stringify(file)
  const script = `
    import { readFileSync, writeFileSync } from 'node:fs'
    import { spawn } from 'node:child_process'
    const { withFileLock } = await import(${lock})
    const other = process.argv[1] === 'second' ? undefined : spawn(process.execPath, [...process.execArgv, 'second'], { stdio: 'inherit' })
    const add = () => writeFileSync(${at}, String(Number(readFileSync(${at}, 'utf8')) + 1))
    for (let n = 0; n < 100; n++) withFileLock(${at}, add, 30_000)
    other?.on('exit', (code) => (process.exitCode = code))`
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script]
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
  expect([status, stderr]).toEqual([0, ''])
  expect(readFileSync(file, 'utf8')).toBe('200')
})
