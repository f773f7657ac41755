/** The door of the agent as a process: settings, log lines, signals, exit codes; and that it holds little. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { pinOf } from '../../../shared/upstream/certificate.ts'
import { bind } from '../../../gateway/binding.ts'
import { keyResources } from '../../../shared/attestation/key-evidence.ts'
import { decodeResponse } from '../../../shared/bhttp/decode.ts'
import { nodeHpke } from '../../../shared/hpke/node.ts'
import { mediaTypes } from '../../../shared/http/media-types.ts'
import { sealed } from '../../../shared/ohttp/labels.ts'
import { sealRequest } from '../../../shared/ohttp/request.ts'
import { binaryRequest } from '../town.ts'
import { openedKeys, requestSettings, said } from './own-machine.ts'
import { readyPool } from './pools.ts'
import { type Machine, startMachine, until } from './machine.ts'

const root = join(import.meta.dirname, '../../..')
const door = ['--disable-warning=ExperimentalWarning', join(root, 'gateway/cvm/main.ts')]
let machine: Machine
const children: ChildProcess[] = []

beforeAll(async () => {
  machine = await startMachine()
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})
afterAll(() => machine.stop())

function settingsFile(change: Record<string, unknown> = {}): string {
  const pins = join(machine.folder, 'pins')
  writeFileSync(pins, `${pinOf(machine.gateway.privateKey)}\n`)
  const settings = {
    placement: 'front',
    listen: { host: '127.0.0.1', port: 0 },
    role: machine.role,
    app: join(machine.folder, 'app.sock'),
    gatewayPins: pins,
    evidence: { kind: 'simulated', platform: machine.platformFile, life: 60_000 },
    limits: { connections: 16, reportsAtOnce: 4, attestWithin: 5000 },
    drain: 1000,
    ...change,
  }
  const file = join(machine.folder, 'settings.json')
  writeFileSync(file, JSON.stringify(settings))
  return file
}

type Line = Record<string, unknown>
async function started(
  change: Record<string, unknown> = {},
): Promise<{ child: ChildProcess; lines: Line[]; port: number }> {
  const child = spawn(process.execPath, [...door, '--config', settingsFile(change)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {},
  })
  children.push(child)
  const lines: Line[] = []
  let rest = ''
  child.stdout.on('data', (data: Buffer) => {
    const complete = (rest + data.toString()).split('\n')
    rest = complete.pop() ?? ''
    lines.push(...complete.map((line) => JSON.parse(line) as Line))
  })
  await until(() => lines.some(({ event }) => event === 'listening'), 'listening', 15_000)
  return { child, lines, port: Number(lines.find(({ event }) => event === 'listening')?.['port']) }
}

const run = (...args: string[]) => runWith({}, ...args)
const runWith = (env: Record<string, string>, ...args: string[]) =>
  promisify(execFile)(process.execPath, [...door, ...args], { env }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: unknown) => error as { code: number; stdout: string; stderr: string },
  )

test('serves attested connections, says that its evidence is simulated, and drains on SIGTERM', async () => {
  const { child, lines, port } = await started()
  const { judge, role, clientTls } = machine
  const { socket, verdict } = await bind({ origin: { host: '127.0.0.1', port }, judge, role, clientTls, limit: 5000 })
  expect(verdict.simulated).toBe(true)
  socket.destroy()
  child.kill('SIGTERM')
  const [code] = (await once(child, 'exit')) as [number]
  expect(code).toBe(0)
  const events = ['simulated-evidence', 'listening', 'evidence-given', 'draining', 'stopped']
  expect(lines.map(({ event }) => event)).toEqual(events)
  expect(lines.every(({ service }) => service === 'cvm')).toBe(true)
  expect(JSON.stringify(lines)).not.toContain('127.0.0.1')
})

const keys = { kems: ['X25519', 'X-Wing'], lead: 0, life: 1_500_000, overlap: 1_500_000, claims: 100 }

const requests = requestSettings

test('sealed: makes keys, attests them over a link, opens what is sealed to them, and drains', async () => {
  const { child, lines, port } = await started({ placement: 'sealed', profile: 'direct', keys, requests })
  const { pool } = await readyPool(machine, { origin: { host: '127.0.0.1', port } })
  const [config] = await openedKeys({ pool })
  if (config === undefined) throw new Error('a key')
  const suite = config.suites[0]
  if (suite === undefined) throw new Error('a suite')
  const there = await sealRequest(nodeHpke, config, suite, binaryRequest({ date: Date.now() }), sealed)
  const answer = await said(pool, 'POST', keyResources.sealed, there.message, mediaTypes.sealedRequest)
  expect(decodeResponse(await there.openResponse(answer.bytes)).status).toBe(200)
  expect(machine.reached).toEqual(['GET /'])
  await pool.close()
  child.kill('SIGTERM')
  await once(child, 'exit')
  const events = ['keys-turned', 'simulated-evidence', 'listening', 'evidence-given', 'key-evidence-given']
  expect(lines.map(({ event }) => event)).toEqual([...events, 'draining', 'stopped'])
})

test('inside: says both ports, and serves the relay on the second', async () => {
  const listener = { listen: { host: '127.0.0.1', port: 0 }, tls: null, publicHosts: null, connections: 9, bundle: 'b' }
  const { lines } = await started({ placement: 'inside', profile: 'direct', keys, requests, public: listener })
  const [said] = lines.filter(({ event }) => event === 'listening')
  const answer = await fetch(`http://127.0.0.1:${String(said?.['publicPort'])}/.well-known/ohttp-gateway`)
  expect(answer.status).toBe(503)
  expect(lines).toContainEqual(expect.objectContaining({ event: 'bundle-failed', code: 'incomplete' }))
})

test('a second signal ends it at once', async () => {
  const { child, port } = await started()
  const { judge, role, clientTls } = machine
  const { socket } = await bind({ origin: { host: '127.0.0.1', port }, judge, role, clientTls, limit: 5000 })
  socket.on('error', () => undefined).write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nx')
  child.kill('SIGTERM')
  await new Promise((resolve) => setTimeout(resolve, 100))
  child.kill('SIGTERM')
  expect(((await once(child, 'exit')) as [number])[0]).toBe(0)
})

test('--help goes to stdout and names every setting', async () => {
  const { code, stdout } = await run('--help')
  expect(code).toBe(0)
  expect(stdout).toContain('limits.attestWithin')
})

test.each([
  ['no settings', [], 'Usage'],
  ['an unknown option', ['--verbose'], 'Usage'],
  ['an unknown command', ['config', 'chekc', '--config', 'x'], 'Usage'],
  ['a file that is not there', ['--config', '/nonexistent/settings.json'], 'is not there'],
])('%s: exit code 2', async (_what, args, says) => {
  const { code, stderr } = await run(...args)
  expect(code).toBe(2)
  expect(stderr.toLowerCase()).toContain(says === 'Usage' ? '--config file' : says.toLowerCase())
})

test('config check says ok and the digest that is measured, and starts nothing', async () => {
  const file = settingsFile()
  const digest = createHash('sha256').update(readFileSync(file)).digest('hex')
  expect(await run('config', 'check', '--config', file)).toMatchObject({ code: 0, stdout: `ok sha256:${digest}\n` })
})

test('config check names every mistake, in the pins too, exit code 2', async () => {
  const { code, stderr } = await run('config', 'check', '--config', settingsFile({ drain: -1, role: '' }))
  expect([code, stderr]).toEqual([2, expect.stringMatching(/settings\.role must .*\nsettings\.drain must /)])
  const pins = await run('config', 'check', '--config', settingsFile({ gatewayPins: '/dev/null' }))
  expect(pins).toMatchObject({ code: 2, stderr: expect.stringContaining('gatewayPins: no pin') as string })
})

test('config check says which setting or flag names a file that is not there, and where a file belongs', async () => {
  const checked = async (...words: string[]) => {
    const { code, stderr } = await run('config', 'check', ...words)
    expect(code).toBe(2)
    return stderr
  }
  expect(await checked('--config', '/nowhere.json')).toBe(
    '--config: /nowhere.json is not there: create it, or name another\n',
  )
  const pins = await checked('--config', settingsFile({ gatewayPins: '/nowhere' }))
  expect(pins).toBe('gatewayPins: /nowhere is not there: create it, or name another\n')
  expect(await checked('a.json')).toBe('a.json is no command: did you mean --config a.json?\n')
})

test('a variable in the manner of a setting is refused, exit code 2', async () => {
  const env = { ASUNDER_CVM_ROLE: 'another' }
  const running = promisify(execFile)(process.execPath, [...door, '--config', settingsFile()], { env })
  const said = await running.catch((error: unknown) => error)
  expect(said).toMatchObject({ code: 2, stderr: expect.stringContaining('unset ASUNDER_CVM_ROLE') as string })
})

test('a wrong setting is named, exit code 2', async () => {
  const { code, stderr, stdout } = await run('--config', settingsFile({ drain: -1 }))
  expect(code).toBe(2)
  expect(stderr).toContain('settings.drain')
  expect(stdout).toContain('"event":"failed"')
})

test('options from the environment are refused, even for simulated evidence, exit code 2', async () => {
  const { code, stdout, stderr } = await runWith({ NODE_OPTIONS: '' }, '--config', settingsFile())
  expect(code).toBe(2)
  expect(stderr).toContain('NODE_OPTIONS adds options to the runtime: unset it')
  expect(stdout).toContain('"why":"unsafe-environment"')
})

test('simulated evidence beyond loopback is refused, exit code 2', async () => {
  const { code, stdout } = await run('--config', settingsFile({ listen: { host: '0.0.0.0', port: 0 } }))
  expect(code).toBe(2)
  expect(stdout).toContain('insecure-configuration')
})

test('the process loads at most three packages, and no YAML, zod or metrics', async () => {
  const hook = `
    import { registerHooks } from 'node:module'
    registerHooks({ resolve: (name, context, next) => {
      const found = next(name, context)
      const pkg = /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(found.url)
      if (pkg) process.stderr.write('PACKAGE ' + pkg[1] + '\\n')
      return found
    } })`
  const url = `data:text/javascript,${encodeURIComponent(hook)}`
  const { stderr } = await promisify(execFile)(process.execPath, ['--import', url, ...door, '--help'])
  const packages = new Set([...stderr.matchAll(/^PACKAGE (.+)$/gm)].map(([, name]) => name))
  expect([...packages].sort()).toEqual(['@hono/node-server', '@noble/hashes', 'hono'])
})
