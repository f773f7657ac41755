/** The two guides: all they name is there, and two operators who follow them get a pair that answers a client. */
import { createHash, randomBytes } from 'node:crypto'
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writePlatform } from '../../gateway/cvm/simulated.ts'
import { signPolicy } from '../../shared/attestation/signed-policy.ts'
import { createSimulatedRoot } from '../../shared/attestation/simulated.ts'
import { hex } from '../../shared/bytes.ts'
import { main } from '../../shared/client/commands/main.ts'
import { createObliviousFetch } from '../../shared/client/index.ts'
import { readSigner } from '../../shared/tlog/signer.ts'
import { root } from '../house/walk.ts'
import { newTerminal } from '../shared/client/terminal.ts'
import { blocksOf, Operator, pathOf, type Block } from './guides.ts'

describe.each(['relay', 'gateway'] as const)('the guide of the %s', (side) => {
  const text = readFileSync(pathOf(side), 'utf8')
  const shell = blocksOf(side).map((block) => block.text)

  test('fits a few screens, and every block of it was read', () => {
    expect(text.split('\n').length).toBeLessThanOrEqual(175)
    expect(blocksOf(side)).toHaveLength(text.match(/^```sh/gm)?.length ?? 0)
    expect(shell.length).toBeGreaterThan(12)
  })

  test('links and files of this project that it names are there', () => {
    const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, to = '']) => join(dirname(pathOf(side)), to))
    const named = [
      ...shell.join('').matchAll(/(?:\/opt\/asunder\/|(?<![\w/]))((?:deploy|relay|shared|gateway)\/[\w./-]+)/g),
    ]
    const files = [...links, ...named.map(([, path = '']) => join(root, path))]
    expect(files.filter((path) => !existsSync(path))).toEqual([])
    expect(files.length).toBeGreaterThan(6)
  })

  test('commands that it names have help that says the same', async () => {
    const commands = [...text.matchAll(/asunder ((?:trust|policy|log) [a-z]+|doctor|monitor)/g)]
    for (const [, words = ''] of commands) {
      const terminal = newTerminal()
      expect([words, await main([...words.split(' '), '--help'], terminal)]).toEqual([words, 0])
      expect(terminal.shown.out).toContain(`asunder ${words}`)
    }
    expect(commands.length).toBeGreaterThan(1)
  })

  test('options of its commands are among those that the help names', async () => {
    const calls = [
      ...shell
        .join('')
        .replaceAll('\\\n', ' ')
        .matchAll(/^asunder ((?:trust|policy) [a-z]+|doctor) (.*)$/gm),
    ]
    for (const [, words = '', rest = ''] of calls) {
      const terminal = newTerminal()
      await main([...words.split(' '), '--help'], terminal)
      for (const [option] of rest.matchAll(/--[a-z-]+/g)) expect(terminal.shown.out).toContain(option)
    }
    expect(calls.length).toBeGreaterThan(0)
  })
})

if (process.getuid?.() !== 0) process.stderr.write('skipped: guides as separate users (not root)\n')

describe('two operators who follow them', () => {
  const [relay, gateway] = [new Operator('relay', 65_501), new Operator('gateway', 65_502)]
  const cvm = new Operator('gateway', 65_503)
  const app = createServer((_, answer) => void answer.end('from the app'))
  let relayUrl = ''
  let gatewayUrl = ''
  let doctor = ''

  beforeAll(async () => {
    const [ours, theirs] = [blocksOf('relay'), blocksOf('gateway')]
    const exchange = (blocks: readonly Block[], step: number, before: boolean): Block[] =>
      blocks.filter((block) => block.mode === 'any' && block.step < step === before)
    relay.hosts = { 'DNS:relay.example': 'IP:127.0.0.1' }
    gateway.hosts = { 'DNS:gateway.example': 'IP:127.0.1.1' }
    await relay.follow(exchange(ours, 4, true))
    await gateway.follow(exchange(theirs, 3, true))
    copyFileSync(join(gateway.folder, 'server.pem'), join(relay.folder, 'gateway-ca.pem'))
    copyFileSync(join(relay.folder, 'to-gateway.pem'), join(gateway.folder, 'first-relay.pem'))
    for (const operator of [relay, gateway]) operator.settle()

    const address = { LISTEN_HOST: '127.0.1.1', LISTEN_PORT: '0', PUBLIC_HOSTS: '127.0.1.1', ADMIN_PORT: '0' }
    Object.assign(gateway.settings, named('GATEWAY', address))
    const later = exchange(theirs, 3, false)
    await gateway.follow(later.filter(({ step }) => step < 7))
    await signPolicyOfGuide()
    await gateway.follow(later.filter(({ step }) => step >= 7))
    Object.assign(gateway.settings, named('GATEWAY', await startCvm()))
    const inner = await gateway.serve(only(theirs, 'serve'))
    await ready(inner.adminPort)

    const door = { LISTEN_HOST: '127.0.0.1', LISTEN_PORT: '0', PUBLIC_HOSTS: '127.0.0.1', ADMIN_PORT: '0' }
    Object.assign(
      relay.settings,
      named('RELAY', { ...door, ROUTES_0_GATEWAY: `https://127.0.1.1:${String(inner.port)}` }),
    )
    await relay.follow(exchange(ours, 4, false))
    const outer = await relay.serve(only(ours, 'serve'))
    await ready(outer.adminPort)

    relayUrl = `https://127.0.0.1:${String(outer.port)}/`
    gatewayUrl = `https://127.0.1.1:${String(inner.port)}/`
    gateway.hosts = { 'https://relay.example/': relayUrl, 'gateway.example': `127.0.1.1:${String(inner.port)}` }
    // A relay that certified itself, and a port of this machine where no plaintext is looked for.
    const relayPem = join(gateway.folder, 'relay.pem')
    copyFileSync(join(relay.folder, 'relay.pem'), relayPem)
    gateway.settle()
    const more = ` --ca ${relayPem} --http-port 1\n`
    const block = only(theirs, 'check').trimEnd()
    expect(block).toBe(only(ours, 'check').trimEnd())
    doctor = await gateway.shell(`cd /etc/asunder\n${block}${more}`)
  }, 240_000)

  afterAll(async () => {
    await relay.leave()
    await gateway.leave()
    await cvm.leave()
    app.closeAllConnections()
    app.close()
  }, 60_000)

  /** Its releasers are nobody's guide either: here they are who made the root of the trial, and let in what is simulated. */
  async function signPolicyOfGuide(): Promise<void> {
    const at = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString().replace(/\.\d+Z$/, 'Z')
    const signer = await readSigner(readFileSync(join(gateway.folder, 'trial-policy.skey'), 'utf8').trim())
    const policy = { version: 1, serial: 1, notBefore: at(-1), notAfter: at(5), role: 'summariser' }
    writeFileSync(join(gateway.folder, 'policy.note'), await signPolicy(policy, [signer]))
    gateway.settle()
  }

  /** The CVM is nobody's guide: here it is simulated, and knows the gateway by the line that the guide made. */
  async function startCvm(): Promise<Record<string, string>> {
    const [simulated, platformSeed] = [await createSimulatedRoot(randomBytes(32)), randomBytes(32)]
    const measurement = Uint8Array.from(createHash('sha384').update('an image').digest())
    const notAfter = Math.floor(Date.now() / 1000) * 1000 + 86_400_000
    const endorsement = await simulated.endorse({ platformSeed, notAfter })
    const file = (name: string): string => join(dirname(cvm.folder), name)
    const platform = writePlatform({ platformSeed, endorsement, measurement, role: 'summariser' })
    writeFileSync(file('platform.json'), platform, { mode: 0o600 })
    copyFileSync(join(gateway.folder, 'gateway-pins.txt'), file('gateway-pins.txt'))
    await new Promise<void>((resolve) => app.listen(file('app.sock'), resolve))
    const example = readFileSync(join(root, 'deploy/gateway/cvm/simulated.json'), 'utf8')
    const settings = example.replaceAll('/run/asunder', dirname(cvm.folder)).replace('9443', '0')
    writeFileSync(file('cvm.json'), settings)
    cvm.settle()
    const { port } = await cvm.serve(`exec node /opt/asunder/gateway/cvm/main.ts --config ${file('cvm.json')}`)
    return {
      CVM_HOST: '127.0.0.1',
      CVM_PORT: String(port),
      CVM_ALLOW_SIMULATED_ROOT_SHA256: simulated.rootSha256,
      CVM_ALLOW_SIMULATED_MEASUREMENT: hex(measurement),
    }
  }

  test('get a pair that answers a client', async () => {
    const fetch = createObliviousFetch({
      relay: relayUrl,
      trust: readFileSync(join(gateway.folder, 'root.note'), 'utf8'),
      placement: 'front',
      ca: readFileSync(join(relay.folder, 'relay.pem'), 'utf8'),
    })
    const answer = await fetch('https://app.example/')
    expect([answer.status, await answer.text()]).toEqual([200, 'from the app'])
    await fetch.close()
  })

  test('have nothing to mend, by the check that ends both guides', () => {
    expect(doctor).toContain('nothing to mend; 1 not observable')
    expect(doctor).toMatch(/ok {4}separation.certificate.*\n.*nothing is the same/)
  })

  test('let nobody in but each other: the gateway refuses whoever shows no certificate', async () => {
    const secret = (name: string): string => readFileSync(join(relay.folder, name), 'utf8')
    const own = { key: secret('secret/to-gateway.key'), cert: secret('to-gateway.pem') }
    const nobody = new Agent({ connect: { rejectUnauthorized: false } })
    const known = new Agent({ connect: { rejectUnauthorized: false, ...own } })
    await expect(request(gatewayUrl, { dispatcher: nobody })).rejects.toThrow(/closed|required|ECONNRESET/)
    const { statusCode, body } = await request(gatewayUrl, { dispatcher: known })
    expect(statusCode).toBe(405)
    await body.dump()
    await Promise.all([nobody.close(), known.close()])
  })

  test.skipIf(process.getuid?.() !== 0)('read no private key of each other, each as the user that it is', async () => {
    const other = join(gateway.folder, 'secret/server.key')
    await expect(gateway.shell(`cat ${other}`)).resolves.toMatch(/PRIVATE/)
    await expect(relay.shell(`cat ${other}`)).rejects.toThrow(/Permission denied/)
  })

  test('hold no private key of each other', () => {
    const secrets = (operator: Operator, names: readonly string[]): string[] =>
      names.map((name) => readFileSync(join(operator.folder, 'secret', name), 'utf8'))
    const ours = secrets(relay, ['relay.key', 'to-gateway.key'])
    const theirs = secrets(gateway, ['server.key', 'to-cvm.key', 'bundle.skey'])
    expect(new Set([...ours, ...theirs]).size).toBe(5)
    for (const key of [...ours, ...theirs]) expect(key).toMatch(/PRIVATE/)
  })
})

function only(blocks: readonly Block[], mode: Block['mode']): string {
  const [block, ...others] = blocks.filter((one) => one.mode === mode)
  if (block === undefined || others.length > 0) throw new TypeError(`not one block ${mode}`)
  return block.text
}

function named(service: string, settings: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [`ASUNDER_${service}_${name}`, value]))
}

async function ready(adminPort: number): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const answer = await fetch(`http://127.0.0.1:${String(adminPort)}/readyz`)
    if (answer.ok) return
    await sleep(100)
  }
  throw new Error('not ready in time')
}
