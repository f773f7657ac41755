/** The systemd units: taken by systemd's own checker, closed as far as it can tell, and naming what really is there. */
import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { root } from '../house/walk.ts'

const analyze = '/usr/bin/systemd-analyze'
if (!existsSync(analyze)) process.stderr.write(`skipped: units (no ${analyze})\n`)

const run = promisify(execFile)
const exposure = 2

describe.each([
  ['relay', 'asunder-relay.service'],
  ['gateway', 'asunder-gateway.service'],
  ['gateway', 'asunder-gateway@.service'],
])('%s: %s', (service, name) => {
  let folder = ''
  const source = join(root, `deploy/${service}/${name}`)
  const text = readFileSync(source, 'utf8')
  const credentials = [...text.matchAll(/^LoadCredential=([^:]+):/gm)].map(([, credential]) => credential)

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'asunder-units-'))
    // Where the unit is installed is not where it lies here; the checker wants a program that exists.
    copyFileSync(source, join(folder, name))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test.skipIf(!existsSync(analyze))('systemd finds nothing to object to', async () => {
    const { stdout, stderr } = await run(analyze, ['verify', join(folder, name)])
    expect(stdout + stderr).toBe('')
  })

  test.skipIf(!existsSync(analyze))(`systemd counts at most ${exposure}.0 of 10 points of exposure`, async () => {
    const { stdout } = await run(analyze, ['security', '--offline=true', '--no-pager', join(folder, name)])
    expect(Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1])).toBeLessThanOrEqual(exposure)
  })

  test('it hands over every credential that the basic settings name, and no other', () => {
    const settings = readFileSync(join(root, `deploy/${service}/basic.yaml`), 'utf8')
    const named = [...settings.matchAll(/credential:([\w.-]+)/g)].map(([, credential]) => credential)
    expect(named.length).toBeGreaterThan(1)
    expect(credentials.sort()).toEqual([...new Set(named)].sort())
  })

  test('it is the service’s user, and what outlives it is the service’s alone', () => {
    const value = (setting: string): string | undefined => new RegExp(`^${setting}=(.*)$`, 'm').exec(text)?.[1]
    expect([value('User'), value('StateDirectory')]).toEqual([`asunder-${service}`, `asunder-${service}`])
    expect([value('DynamicUser'), value('StateDirectoryMode')]).toEqual(['yes', '0700'])
  })

  // Whoever runs one command and ends is neither told to read again nor waited for.
  if (name.includes('@')) return

  test('a reload is the signal on which files are read again', () => {
    expect(text).toMatch(/^ExecReload=\/usr\/bin\/env kill -HUP \$MAINPID$/m)
  })

  test('it waits longer for the end than the settings let requests in flight have', () => {
    const full = parse(readFileSync(join(root, `deploy/${service}/full.yaml`), 'utf8')) as { drain: string }
    const seconds = (words: string | undefined): number => Number(/^(\d+)s?$/.exec(words ?? '')?.[1])
    expect(seconds(/^TimeoutStopSec=(.*)$/m.exec(text)?.[1])).toBeGreaterThan(seconds(full.drain))
  })
})

test.skipIf(!existsSync(analyze))('the timer of the gateway’s commands is one that systemd takes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'asunder-timer-'))
  for (const kind of ['service', 'timer']) {
    copyFileSync(join(root, `deploy/gateway/asunder-gateway@.${kind}`), join(folder, `asunder-gateway@.${kind}`))
  }
  const { stdout, stderr } = await run(analyze, ['verify', join(folder, 'asunder-gateway@.timer')])
  rmSync(folder, { recursive: true })
  expect(stdout + stderr).toBe('')
})
