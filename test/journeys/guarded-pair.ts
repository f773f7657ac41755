/**
 * A relay and a gateway from their settings, both asking for tokens of an issuer of their own, with a wire tap between them
 * and a CVM stand-in behind; as many replicas of each as a test wants, sharing their side's store.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { generateKeys, type SigningKey } from '../../deploy/local/issuer/keys.ts'
import { gatewaySettings } from '../../gateway/config.ts'
import { openGateway } from '../../gateway/service.ts'
import { relaySettings } from '../../relay/config.ts'
import { openRelay } from '../../relay/service.ts'
import type { RelayEvents } from '../../relay/vocabulary.ts'
import { base64url } from '../../shared/bytes.ts'
import { createObliviousFetch, type NodeOptions, type ObliviousFetch } from '../../shared/client/index.ts'
import { createLog } from '../../shared/observability/log.ts'
import { place, worldOf } from '../gateway/settled.ts'
import { testIssuer, type TestIssuer } from '../shared/client/issuer.ts'

export const target = 'https://app.asunder.example/v1/notes'

export type Replica = { readonly port: number; readonly adminPort: number }

export type GuardedPair = {
  readonly relays: readonly Replica[]
  readonly gateways: readonly Replica[]
  readonly issuers: { readonly relay: TestIssuer; readonly gateway: TestIssuer }
  /** the trust root of the gateway's bundle */
  readonly trust: string
  /** what the app was sent: path and fields */
  readonly app: string[]
  /** what went over the wires between relays and gateways */
  readonly between: () => string
  /** log lines, metrics and store files of one side */
  readonly kept: (side: 'relay' | 'gateway') => Promise<string>
  readonly client: (relay: Replica | undefined, options?: Partial<NodeOptions>) => ObliviousFetch
}

// One set for the whole file that imports this: RSA keys take their time.
const made = { relay: generateKeys(), gateway: generateKeys() }
const until = new Date(Date.now() + 3_600_000).toISOString()

async function issuerOf(side: keyof typeof made, type: number, origins: readonly string[]): Promise<TestIssuer> {
  const keys = (await made[side]).filter((key) => key.type.id === type)
  return testIssuer(`${side}.issuer.example`, origins, keys)
}

export async function guardedPair({ replicas = 1, type = 2 } = {}): Promise<GuardedPair> {
  const app: string[] = []
  const issuers = {
    relay: await issuerOf('relay', 2, ['relay.example']),
    gateway: await issuerOf('gateway', type, ['app.asunder.example']),
  }
  const inner = await gatewaySide(issuers.gateway, replicas, recording(app))
  const taps = await Promise.all(inner.replicas.map(({ port }) => tapped(port)))
  const outer = await relaySide(issuers.relay, taps)
  const client: GuardedPair['client'] = (relay, options = {}) => {
    const fetch = createObliviousFetch({
      ...{ relay: `http://127.0.0.1:${String(relay?.port)}/`, plaintextLoopback: true },
      ...{ trust: inner.rootNote, placement: 'front', wait: () => Promise.resolve() },
      ...options,
    })
    onTestFinished(() => fetch.close())
    return fetch
  }
  const kept: GuardedPair['kept'] = async (side) => (side === 'relay' ? outer : inner).kept()
  const between = (): string => taps.map(({ heard }) => Buffer.concat(heard).toString('latin1')).join('\n')
  return {
    relays: outer.replicas,
    gateways: inner.replicas,
    trust: inner.rootNote,
    issuers,
    app,
    between,
    kept,
    client,
  }
}

const recording =
  (app: string[]): RequestListener =>
  (request, response) => {
    app.push(JSON.stringify([request.url, request.rawHeaders]))
    request.resume().once('end', () => response.writeHead(200, { 'content-type': 'text/plain' }).end('hello'))
  }

async function gatewaySide(issuer: TestIssuer, count: number, handler: RequestListener) {
  const [key] = issuer.keys
  const rows = [{ file: 'issuer.key', until }]
  const { folder, settings, rootNote } = await place(handler, {
    store: { kind: 'sqlite', file: 'claims.db' },
    keys: { file: 'keys.json' },
    tokens: {
      ...{ issuer: issuer.issuer.name, origins: issuer.issuer.origins },
      ...(key?.secretKey === undefined ? { keys: rows } : { secretKeys: rows }),
    },
  })
  writeKey(folder, key)
  const world = worldOf(folder)
  const replicas: Replica[] = []
  for (let i = 0; i < count; i++) {
    const service = await openGateway(gatewaySettings(JSON.stringify(settings), 'test'), world)
    onTestFinished(() => service.force())
    await expect.poll(() => page(service, '/readyz'), { timeout: 5_000 }).toBe('ready\n')
    replicas.push(service)
  }
  const kept = async () =>
    [JSON.stringify(world.lines), ...(await pages(replicas)), ...files(folder, 'claims.db')].join('\n')
  return { replicas, rootNote, kept }
}

async function relaySide(issuer: TestIssuer, gateways: readonly { readonly port: number }[]) {
  const folder = mkdtempSync(join(tmpdir(), 'relay-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeKey(folder, issuer.keys[0])
  const lines: string[] = []
  const log = createLog<RelayEvents>({ service: 'relay', write: (line) => lines.push(line) })
  const path = (name: string): string => join(folder, name)
  const world = {
    now: Date.now,
    salt: () => new Uint8Array(32),
    file: (name: string) => readFileSync(path(name)),
    path,
    log,
  }
  const tokens = {
    ...{ issuer: issuer.issuer.name, origins: issuer.issuer.origins },
    ...{ keys: [{ file: 'issuer.key', until }], store: { file: 'tokens.db' } },
  }
  const replicas: Replica[] = []
  for (const { port } of gateways) {
    const routes = [{ gateway: `http://127.0.0.1:${String(port)}`, plaintextLoopback: true }]
    const settings = { listen: { host: '127.0.0.1', port: 0, plaintextLoopback: true }, routes, tokens }
    const service = await openRelay(relaySettings(JSON.stringify(settings), 'test'), world)
    onTestFinished(() => service.force())
    await expect.poll(() => page(service, '/readyz'), { timeout: 5_000 }).toBe('ready\n')
    replicas.push(service)
  }
  const kept = async () => [...lines, ...(await pages(replicas)), ...files(folder, 'tokens.db')].join('\n')
  return { replicas, kept }
}

function writeKey(folder: string, key: SigningKey | undefined): void {
  if (key === undefined) throw new TypeError('an issuer without a key')
  writeFileSync(join(folder, 'issuer.key'), base64url(key.secretKey ?? key.tokenKey), { mode: 0o600 })
}

async function page({ adminPort }: Replica, path: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${String(adminPort)}${path}`)).text()
}

function pages(replicas: readonly Replica[]): Promise<string[]> {
  return Promise.all(replicas.map((one) => page(one, '/metrics')))
}

function files(folder: string, name: string): string[] {
  return [name, `${name}-wal`].map((file) => readFileSync(join(folder, file)).toString('latin1'))
}

/** A port that leads to another, and keeps what goes through in both directions. */
async function tapped(port: number): Promise<{ readonly port: number; readonly heard: Buffer[] }> {
  const heard: Buffer[] = []
  const tap = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    for (const end of [near, far]) {
      end.on('data', (bytes: Buffer) => heard.push(bytes))
      end.on('error', () => undefined)
    }
    near.pipe(far).pipe(near)
    near.once('close', () => far.destroy())
    far.once('close', () => near.destroy())
  })
  await new Promise<void>((resolve) => tap.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void tap.close())
  return { port: (tap.address() as AddressInfo).port, heard }
}
