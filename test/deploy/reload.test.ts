/**
 * What a reload of the relay's unit takes up: the basic settings, laid out as the unit lays them out, where the private keys
 * are those of the start, whatever lies in /etc since.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { certificatePem, privateKeyPem, selfSigned, type Identity } from '../../shared/upstream/certificate.ts'
import { root } from '../house/walk.ts'
import { pinLine } from '../shared/upstream/pin-line.ts'

const unit = readFileSync(join(root, 'deploy/relay/asunder-relay.service'), 'utf8')
const credentials = [...unit.matchAll(/^LoadCredential=([\w.-]+):\/etc\/asunder\/(.+)$/gm)]
const signal = /^ExecReload=.*kill -(\w+) \$MAINPID$/m.exec(unit)?.[1]

let home = ''
let relay: ChildProcess | undefined
let said: { event: string; result?: string; port?: number }[] = []
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'reload-'))
  for (const folder of ['secret', 'state']) mkdirSync(join(home, 'etc', folder), { recursive: true })
  copyFileSync(join(root, 'deploy/relay/basic.yaml'), join(home, 'etc/relay.yaml'))
})
afterEach(async () => {
  await stop()
  rmSync(home, { recursive: true })
})

const identity = (): Identity => selfSigned({ commonName: 'relay.example', use: 'server', names: ['relay.example'] })
const etc = (name: string, text: string): void => writeFileSync(join(home, 'etc', name), text, { mode: 0o400 })
/** The key, and the certificate that is to be shown. */
function install(key: Identity, shown = key): void {
  for (const name of ['secret/relay.key', 'relay.pem']) rmSync(join(home, 'etc', name), { force: true })
  etc('secret/relay.key', privateKeyPem(key))
  etc('relay.pem', certificatePem(shown))
}

/** As systemd does: what the unit names is copied once, and the service is shown the copies. */
async function start(): Promise<void> {
  const shown = join(home, 'credentials')
  rmSync(shown, { recursive: true, force: true })
  mkdirSync(shown)
  for (const [, name = '', from = ''] of credentials) copyFileSync(join(home, 'etc', from), join(shown, name))
  said = []
  const settings = { LISTEN_HOST: '127.0.0.1', LISTEN_PORT: '0', ADMIN_PORT: '0' }
  const env = Object.fromEntries(Object.entries(settings).map(([name, value]) => [`ASUNDER_RELAY_${name}`, value]))
  const args = ['--disable-warning=ExperimentalWarning', join(root, 'relay/main.ts'), '--config']
  relay = spawn(process.execPath, [...args, join(home, 'etc/relay.yaml')], {
    env: { ...env, CREDENTIALS_DIRECTORY: shown },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  relay.stdout?.on('data', (part: Buffer) => {
    for (const line of part.toString().trim().split('\n')) said.push(JSON.parse(line) as (typeof said)[number])
  })
  await vi.waitFor(() => expect(said.map(({ event }) => event)).toContain('started'), 15_000)
}

async function stop(): Promise<void> {
  if (relay === undefined || relay.exitCode !== null) return
  relay.kill('SIGKILL')
  await once(relay, 'exit')
}

/** What the listener says of a reload. */
async function reload(): Promise<string | undefined> {
  const results = (): (string | undefined)[] =>
    said.filter(({ event }) => event === 'listener-reread').map(({ result }) => result)
  const before = results().length
  relay?.kill(`SIG${signal ?? ''}` as NodeJS.Signals)
  await vi.waitFor(() => expect(results()).toHaveLength(before + 1), 5_000)
  return results().at(-1)
}

async function shows(): Promise<string> {
  const port = said.find(({ event }) => event === 'started')?.port ?? 0
  const socket = connect({ host: '127.0.0.1', port, servername: 'relay.example', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { raw } = socket.getPeerX509Certificate() ?? expect.fail('no certificate')
  socket.destroy()
  return createHash('sha256').update(raw).digest('hex')
}
const digest = (one: Identity): string =>
  createHash('sha256')
    .update(new X509Certificate(certificatePem(one)).raw)
    .digest('hex')

test('a certificate of the same key is taken up by a reload; a new key waits for a restart, and nothing breaks', async () => {
  const [first, other] = [identity(), identity()]
  const toGateway = identity()
  etc('secret/to-gateway.key', privateKeyPem(toGateway))
  etc('to-gateway.pem', certificatePem(toGateway))
  const gateway = identity()
  etc('gateway-ca.pem', certificatePem(gateway))
  etc('gateway.pins', pinLine(gateway.privateKey))
  install(first)
  await start()
  expect(await shows()).toBe(digest(first))

  const renewed = selfSigned({ commonName: 'relay.example', use: 'server', names: ['relay.example'], key: first })
  install(first, renewed)
  expect(await reload()).toBe('changed')
  expect(await shows()).toBe(digest(renewed))

  install(other)
  expect(await reload()).toBe('insecure-configuration')
  expect(await shows()).toBe(digest(renewed))

  await stop()
  await start()
  expect(await shows()).toBe(digest(other))
}, 60_000)
