import { spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { readSettings, SettingsError } from '../../../shared/config/read.ts'
import { root } from '../../house/walk.ts'

const table = z.strictObject({ port: z.int(), host: z.string().default('127.0.0.1') })

test('settings are YAML or JSON, with defaults, and frozen', () => {
  const settings = readSettings(table, 'port: 1', 'x.yaml')
  expect(settings).toEqual({ port: 1, host: '127.0.0.1' })
  expect(readSettings(table, '{"port": 1}', 'x.json')).toEqual(settings)
  expect(Object.isFrozen(settings)).toBe(true)
})

test('every mistake is told at once, with the setting and the file', () => {
  const read = (): unknown => readSettings(table, 'port: many\nhots: x', 'relay.yaml')
  expect(read).toThrow(SettingsError)
  expect(read).toThrow(/relay\.yaml[\s\S]*hots[\s\S]*port|relay\.yaml[\s\S]*port[\s\S]*hots/)
})

test('a key twice, or no YAML at all, is refused', () => {
  expect(() => readSettings(table, 'port: 1\nport: 2', 'x')).toThrow(SettingsError)
  expect(() => readSettings(table, 'port: [', 'x')).toThrow(SettingsError)
})

test.each(['relay/main.ts', 'gateway/main.ts'])(
  '%s exits with 2 for mistakes that starting again will not mend',
  (door) => {
    const run = (...args: string[]) => spawnSync(process.execPath, [door, ...args], { cwd: root, encoding: 'utf8' })
    const folder = mkdtempSync(join(tmpdir(), 'asunder-config-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'settings.yaml')
    writeFileSync(file, 'nonsense: true')
    for (const args of [[], ['--nonsense'], ['--config', join(folder, 'absent')], ['--config', file]]) {
      const { status, stderr } = run(...args)
      expect([status, stderr.length > 10], args.join(' ')).toEqual([2, true])
    }
    expect(run('--help')).toMatchObject({ status: 0, stderr: '' })
  },
)

test('a port that is taken is no mistake of the settings: exit 1', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const folder = mkdtempSync(join(tmpdir(), 'asunder-config-'))
  onTestFinished(() => {
    taken.close()
    rmSync(folder, { recursive: true })
  })
  const { port } = taken.address() as AddressInfo
  const file = join(folder, 'relay.json')
  const routes = [{ gateway: 'http://127.0.0.1:1/', plaintextLoopback: true }]
  writeFileSync(file, JSON.stringify({ listen: { port, plaintextLoopback: true }, routes }))
  const { status, stderr } = spawnSync(process.execPath, ['relay/main.ts', '--config', file], {
    cwd: root,
    encoding: 'utf8',
  })
  expect([status, stderr]).toEqual([1, expect.stringContaining('EADDRINUSE')])
})
