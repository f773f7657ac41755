/** What an operator types at the doors of relay and gateway: the real processes, and what they print and exit with. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { gatewayDefinition } from '../../../gateway/config.ts'
import { relayDefinition } from '../../../relay/config.ts'
import { ask } from '../../../shared/config/door.ts'
import { flagOf, variableOf } from '../../../shared/config/names.ts'
import { listed } from '../../../shared/config/rows.ts'
import { root } from '../../house/walk.ts'

const route = { gateway: 'http://127.0.0.1:1/', plaintextLoopback: true }
const loopback = { port: 0, plaintextLoopback: true }
const now = Date.now
let folder = ''
let file = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'asunder-door-'))
  file = join(folder, 'relay.yaml')
  writeFileSync(file, `listen:\n  port: 0\n  plaintextLoopback: true\nroutes:\n  - ${JSON.stringify(route)}\n`)
})
afterAll(() => rmSync(folder, { recursive: true }))

function run(door: string, args: readonly string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [door, ...args], { cwd: root, encoding: 'utf8', env })
  return { status, stdout, stderr }
}

/** The same without a process. */
async function said(args: readonly string[], environment: Record<string, string> = {}): Promise<string> {
  let text = ''
  const print = (more: string): void => void (text += more)
  const doorway = { definition: relayDefinition, purpose: 'p' }
  await ask(doorway, { args, environment, read: (path) => readFileSync(path, 'utf8'), print, version: '1.2.3', now })
  return text
}

describe.each(['relay', 'gateway'])('%s', (service) => {
  const door = `${service}/main.ts`

  test('--help and --version', () => {
    const help = run(door, ['--help'])
    expect(help).toMatchObject({ status: 0, stderr: '' })
    expect(help.stdout).toContain('--config FILE')
    expect(help.stdout).toMatch(/config check .*\n.*config explain .*\n.*config schema/)
    expect(help.stdout).toMatch(/^ {2}run +serves/m)
    expect(help.stdout).toMatch(/SIGHUP reads certificates[^.]*config check says\s+what, before you send it\./)
    expect(help.stdout.includes('publish')).toBe(service === 'gateway')
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
    expect(run(door, ['--version'])).toEqual({ status: 0, stdout: `asunder-${service} ${version}\n`, stderr: '' })
  })

  test('exits with 2 for mistakes that starting again will not mend, and says each on a line', () => {
    const wrong = join(folder, 'wrong.yaml')
    writeFileSync(wrong, 'nonsense: true\nadmin: { host: 0.0.0.0 }\n')
    for (const command of [[], ['config', 'check']]) {
      const { status, stdout, stderr } = run(door, [...command, '--config', wrong, '--cors2', 'x'])
      expect([status, stdout]).toEqual([2, ''])
      const lines = stderr.trimEnd().split('\n')
      expect(lines).toContainEqual(expect.stringMatching(/wrong\.yaml:1:1: nonsense: no setting has this name/))
      expect(lines).toContainEqual(expect.stringMatching(/wrong\.yaml:2:16: admin\.host: .* stays on loopback/))
      expect(lines).toContainEqual(expect.stringMatching(/^--cors2: no setting has this name/))
      expect(lines).toContainEqual(expect.stringMatching(/: listen\.port: is missing/))
    }
    for (const args of [[], ['--config', join(folder, 'absent')], ['cofnig'], ['config'], ['config', 'check', 'x']]) {
      const { status, stdout, stderr } = run(door, args)
      expect([status, stdout, stderr.length > 10], args.join(' ')).toEqual([2, '', true])
    }
  })

  test('config schema is JSON Schema of every setting, and needs no settings', () => {
    const { status, stdout } = run(door, ['config', 'schema'])
    expect(status).toBe(0)
    const { rows } = service === 'relay' ? relayDefinition : gatewayDefinition
    for (const { path, row } of listed(rows)) {
      const steps = path.replaceAll('[]', '.items').split('.')
      let at = JSON.parse(stdout) as Record<string, unknown>
      for (const step of steps)
        at = (step === 'items' ? at['items'] : (at['properties'] as object)[step as never]) as never
      expect([path, at['description']]).toEqual([path, row.says])
    }
    expect(JSON.parse(stdout)).toMatchObject({ type: 'object', additionalProperties: false })
  })
})

test('a relay that runs says so; a port that is taken is no mistake of the settings: exit 1', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  onTestFinished(() => void taken.close())
  const { port } = taken.address() as AddressInfo
  expect(run('relay/main.ts', ['--config', file, '--listen.port', String(port)])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('EADDRINUSE') as string,
  })
})

describe('config', () => {
  test('check says ok and one digest, from whatever side the settings come', async () => {
    const { status, stdout } = run('relay/main.ts', ['config', 'check'], { ASUNDER_RELAY_CONFIG: file })
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^ok sha256:[0-9a-f]{64}\n$/)])
    const flags = ['--listen.port', '0', '--listen.plaintextLoopback', 'true', '--routes.0.gateway', route.gateway]
    expect(await said(['config', 'check', ...flags, '--routes.0.plaintextLoopback=true'])).toBe(stdout)
    expect(await said(['config', 'check', '--config', file, '--drain', '1s'])).not.toBe(stdout)
  })

  test('check refuses secrets that others may read, and says which', () => {
    const key = join(folder, 'relay.key')
    for (const path of [key, join(folder, 'relay.pem')]) writeFileSync(path, 'x')
    const secure = join(folder, 'secure.yaml')
    const listen = { port: 0, tls: { key: 'relay.key', cert: 'relay.pem' } }
    writeFileSync(secure, JSON.stringify({ listen, routes: [route] }))
    chmodSync(key, 0o644)
    const { status, stderr } = run('relay/main.ts', ['config', 'check', '--config', secure])
    expect([status, stderr]).toEqual([2, expect.stringContaining(`${key} holds a secret and is open to others`)])
    chmodSync(key, 0o600)
    const again = run('relay/main.ts', ['config', 'check', '--config', secure]).stderr
    expect(again).toMatch(/relay\.key is not a private key: .*\n.*relay\.pem is not a certificate: /)
  })

  test('explain tells of each setting its value, its source, its sentence and its names', async () => {
    const environment = { ASUNDER_RELAY_LIMITS_STALL: '90s', OTHER: 'x' }
    const text = await said(['config', 'explain', '--config', file, '--cors', 'true'], environment)
    const places = [
      `listen.port = 0   [${file}:2:9]`,
      'limits.stall = 90s   [ASUNDER_RELAY_LIMITS_STALL]',
      'cors = true   [--cors]',
      'limits.request = 1MiB   [default]',
      'publicHosts = (any, on loopback)   [default]',
      'listen.tls.key = (plaintext)   [default]',
    ]
    expect(places.filter((line) => !text.includes(`${line}\n`))).toEqual([])
    for (const { path, row } of listed(relayDefinition.rows)) {
      const given = path.replace('routes[]', 'routes.0')
      const names = `${variableOf('relay', given)}, ${flagOf(given)}`
      expect(text).toContain(`    ${row.says}\n    ${row.kind.name}; ${names}\n`)
    }
  })

  test('explain PATH tells of one setting or group; a secret is the name of its file', async () => {
    const group = await said(['config', 'explain', 'listen', '--config', file])
    expect(group.match(/^\S+ =/gm)).toEqual([
      ...['listen.host =', 'listen.port =', 'listen.tls.key =', 'listen.tls.cert =', 'listen.plaintextLoopback ='],
    ])
    const key = join(folder, 'own.key')
    writeFileSync(key, 'hunter2', { mode: 0o600 })
    const tls = ['--listen.tls.key', 'own.key', '--listen.tls.cert', 'own.key', '--listen.plaintextLoopback', 'false']
    const one = await said(['config', 'explain', 'listen.tls.key', '--config', file, ...tls])
    expect(one).toMatch(/^listen\.tls\.key = own\.key {3}\[--listen\.tls\.key\]\n/)
    expect(one).not.toContain('hunter2')
    await expect(said(['config', 'explain', 'listen.prot', '--config', file])).rejects.toThrow(
      'Did you mean listen.port?',
    )
  })

  test('a word that is no command is told, with the one that was meant', async () => {
    await expect(said(['confg', '--config', file])).rejects.toThrow('confg is no command. Did you mean config?')
    await expect(said(['config', 'chekc'])).rejects.toThrow('Did you mean check?')
    await expect(said(['config', 'check', 'r1.yaml'])).rejects.toThrow(
      'r1.yaml is no command. Did you mean --config r1.yaml?',
    )
    await expect(said(['publish', '--config', file])).rejects.toThrow('publish is no command')
  })
})

test('a door has commands and switches of its own, which help names and the door is told', async () => {
  const commands = { sweep: 'sweeps the floor' }
  const doorway = { definition: relayDefinition, purpose: 'p', commands, switches: { recorded: 'is recorded' } }
  const printed: string[] = []
  const print = (text: string): void => void printed.push(text)
  const outside = { environment: {}, read: (path: string) => readFileSync(path, 'utf8'), print, version: '1', now }
  await ask(doorway, { ...outside, args: ['-h'] })
  expect(printed.join()).toMatch(/ {2}sweep +sweeps the floor\n[^]* {2}--recorded +is recorded\n/)
  const asked = await ask(doorway, { ...outside, args: ['sweep', '--recorded', '--config', file] })
  expect(asked).toMatchObject({ command: 'sweep', switches: new Set(['recorded']) })
  expect(asked?.path('x.pem')).toBe(join(folder, 'x.pem'))
})

describe('the command', () => {
  test.each(['relay', 'gateway'])('asunder-%s is the door, with the flags that Node needs', (service) => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      bin: Record<string, string>
      scripts: Record<string, string>
    }
    const bin = manifest.bin[`asunder-${service}`] ?? ''
    expect(run(bin, ['--version']).stdout).toMatch(new RegExp(`^asunder-${service} \\d`))
    expect(manifest.scripts[service]).toContain('--max-semi-space-size=32')
    expect(readFileSync(join(root, bin), 'utf8')).toContain("flags: ['--max-semi-space-size=32']")
  })

  test('a signal reaches the service itself, once: one lets it end, and it exits 0', async () => {
    const config = join(folder, 'loop.json')
    writeFileSync(config, JSON.stringify({ listen: loopback, routes: [route] }))
    const child = spawn(process.execPath, ['relay/bin.mjs', '--config', config], { cwd: root })
    let out = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
      if (text.includes('"started"')) child.kill('SIGTERM')
    })
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(out.match(/"event":"(started|stopping|stopped)"/g)).toEqual([
      ...['"event":"started"', '"event":"stopping"', '"event":"stopped"'],
    ])
  })
})
