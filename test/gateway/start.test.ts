/** How a gateway may be started; and that its door looks, as the relay's does. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { checkStart, type Started } from '../../gateway/start.ts'
import { codeOf } from '../shared/tlog/code-of.ts'
import { fleet, role } from '../shared/attestation/fleet.ts'

const launch = (execArgv: string[] = [], env = {}) => ({ execArgv, env, proc: () => undefined })
const local: Started = { listen: { host: '127.0.0.1' }, cvm: { allowSimulated: {} } }
const open: Started = { listen: { host: '0.0.0.0' }, cvm: { allowSimulated: {} } }
const real: Started = { listen: { host: '::1' }, cvm: {} }
const keyLog = ['--tls-keylog=/tmp/x']
const authorities = { SSL_CERT_FILE: '/tmp/ca' }

describe('a recording of TLS', () => {
  const cases: [string, Started, string[], boolean, string][] = [
    ['by its own switch, on one machine', local, keyLog, true, 'accepted'],
    ['without the switch', local, keyLog, false, 'unsafe-environment'],
    ['on a listener that others reach', open, keyLog, true, 'insecure-configuration'],
    ['of real evidence', real, keyLog, true, 'insecure-configuration'],
    ['with a debugger', local, [...keyLog, '--inspect'], true, 'unsafe-environment'],
    ['that nobody wants', local, [], false, 'accepted'],
  ]
  test.each(cases)('%s', async (_what, settings, argv, recorded, code) => {
    expect(await codeOf(() => checkStart(settings, launch(argv), recorded))).toBe(code)
  })
})

test('what adds authorities is refused as soon as others reach the listener', async () => {
  expect(await codeOf(() => checkStart(local, launch([], authorities), false))).toBe('accepted')
  expect(await codeOf(() => checkStart(open, launch([], authorities), false))).toBe('unsafe-environment')
})

const root = join(import.meta.dirname, '../..')

/** Settings that are read, and would be refused only later. */
const settings = {
  gateway: {
    placement: 'front',
    listen: { host: '127.0.0.1', port: 0, plaintextLoopback: true },
    trust: 'root.note',
    policy: 'policy.note',
    cvm: { host: '127.0.0.1', port: 1, role },
    targets: ['https://app.example'],
    bundle: { file: 'bundle.note' },
  },
  relay: {
    listen: { host: '127.0.0.1', port: 0, plaintextLoopback: true },
    routes: [{ gateway: 'https://127.0.0.1:1/.well-known/ohttp-gateway' }],
  },
} as const

type Ended = { code: number; stderr: string }

async function run(
  door: keyof typeof settings,
  flags: string[],
  env: Record<string, string> = {},
  ...more: string[]
): Promise<Ended> {
  const folder = mkdtempSync(join(tmpdir(), 'asunder-start-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const config = join(folder, 'settings.json')
  writeFileSync(config, JSON.stringify(settings[door]))
  const ships = await fleet({ at: Math.floor(Date.now() / 1000) * 1000, root: { placements: ['front'] } })
  writeFileSync(join(folder, 'root.note'), ships.rootNote)
  writeFileSync(join(folder, 'policy.note'), (await ships.notes()).policy)
  const words = [
    '--disable-warning=ExperimentalWarning',
    ...flags,
    join(root, door, 'main.ts'),
    '--config',
    config,
    ...more,
  ]
  return promisify(execFile)(process.execPath, words, { env, timeout: 20_000 }).then(
    ({ stderr }) => ({ code: 0, stderr }),
    (error: unknown) => error as Ended,
  )
}

describe.each(['gateway', 'relay'] as const)('the door of the %s', (door) => {
  test('does not start with options from the environment, exit code 2', async () => {
    const { code, stderr } = await run(door, [], { NODE_OPTIONS: '' })
    expect(code).toBe(2)
    expect(stderr).toContain('NODE_OPTIONS adds options to the runtime: unset it')
  })

  test('does not write out the secrets of TLS, exit code 2', async () => {
    const { code, stderr } = await run(door, ['--tls-keylog=/dev/null'])
    expect(code).toBe(2)
    expect(stderr).toContain('--tls-keylog writes the secrets of TLS to a file: leave it out')
  })
})

test('the door of the gateway takes --recorded for simulated evidence only, exit code 2', async () => {
  const { code, stderr } = await run('gateway', ['--tls-keylog=/dev/null'], {}, '--recorded')
  expect(code).toBe(2)
  expect(stderr).toContain('--recorded is for development')
})
