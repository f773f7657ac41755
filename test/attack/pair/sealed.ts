/** A deployment of placement `sealed`: CVMs with keys of their own, a publisher, gateway and relay, and clients that judge. trust.md 2-5. */
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gatewaySettings } from '../../../gateway/config.ts'
import { OwnKeys } from '../../../gateway/cvm/own-keys.ts'
import { sealedRequests } from '../../../gateway/cvm/requests.ts'
import { createFileKeyStore } from '../../../gateway/key-store.ts'
import { createLiveKeys } from '../../../gateway/live-keys.ts'
import { defaultGatewayLimits } from '../../../gateway/opened.ts'
import { publishAttested } from '../../../gateway/publish-attested.ts'
import { openGateway } from '../../../gateway/service.ts'
import { relaySettings } from '../../../relay/config.ts'
import { openRelay } from '../../../relay/service.ts'
import { createObliviousFetch, type ObliviousFetch } from '../../../shared/client/index.ts'
import { x25519 } from '../../../shared/hpke/suites.ts'
import { createLog, type Log, type Vocabulary } from '../../../shared/observability/log.ts'
import { sealed, sealedChunked } from '../../../shared/ohttp/labels.ts'
import { generateSigningKey, readSigner, type Signer } from '../../../shared/tlog/signer.ts'
import { newVendor, startMachine, type Machine, type Vendor } from '../../gateway/cvm/machine.ts'
import { fleet, type Fleet } from '../../shared/attestation/fleet.ts'
import type { Stage } from '../frame/stage.ts'
import { until } from '../frame/until.ts'
import { appOrigin, hello } from './app.ts'

const minute = 60_000
const hour = 60 * minute

export type SealedCvm = {
  readonly machine: Machine
  readonly keys: OwnKeys
  readonly clocks: { day: number; mono: number }
}

export type SealedPlace = {
  readonly cvms: readonly SealedCvm[]
  readonly ships: Fleet
  /** the publisher's bundle-signing key */
  readonly signer: Signer
  readonly gateway: { readonly url: string; readonly log: () => string; readonly folder: string }
  readonly bundle: () => string
  readonly client: (
    relay: string,
    options?: { readonly memory?: { load: () => string | undefined; save: (text: string) => void } },
  ) => ObliviousFetch
  /** A relay of ours in front of it. */
  readonly relay: () => Promise<string>
  /** Another replica of the gateway, with claims of its own if they are to be forgotten. */
  readonly again: (claims: string) => Promise<string>
}

export async function sealedPlace(stage: Stage, count = 2): Promise<SealedPlace> {
  const vendor = newVendor()
  const cvms: SealedCvm[] = []
  for (let at = 0; at < count; at++) cvms.push(await sealedCvm(stage, vendor))
  const folder = stage.folder()
  const { ships, signer, settings, publish } = await publisher(
    folder,
    cvms.map(({ machine }) => machine),
  )
  await publish()
  const start = (claims: string) => gatewayFrom(stage, folder, { ...settings, store: { kind: 'sqlite', file: claims } })
  const gateway = await start('claims.db')
  const { allowSimulated } = cvms[0]?.machine ?? {}
  return {
    cvms,
    ships,
    signer,
    gateway: { ...gateway, folder },
    bundle: () => readFileSync(join(folder, 'bundle.note'), 'utf8'),
    client: (relay, options = {}) => {
      const common = { relay, trust: ships.rootNote, placement: 'sealed', plaintextLoopback: true, ...options } as const
      const simulated = allowSimulated === undefined ? {} : { allowSimulated }
      const random = stage.dice.fork('client').uniform
      const fetch = createObliviousFetch({ ...common, ...simulated, random, wait: () => Promise.resolve() })
      stage.defer(() => fetch.close())
      return fetch
    },
    relay: () => relayTo(stage, gateway.url),
    again: async (claims) => (await start(claims)).url,
  }
}

async function sealedCvm(stage: Stage, vendor: Vendor): Promise<SealedCvm> {
  const clocks = { day: Date.now(), mono: 1_000 }
  const rotation = { lead: 0, life: 25 * minute, overlap: 30 * minute }
  const keys = new OwnKeys({
    kems: [x25519],
    labels: [sealed, sealedChunked],
    rotation,
    claims: 100,
    now: () => clocks.day,
    monotonic: () => clocks.mono,
  })
  const limits = { ...defaultGatewayLimits, atOnce: 8, firstByte: 5_000, dateWindow: 5 * minute }
  const settings = { ...limits, targets: [appOrigin], methods: ['GET', 'POST'] }
  const machine = await startMachine({
    ...{ vendor, life: 5 * hour, handler: hello },
    own: (app) => ({
      layer: 'inner',
      keys,
      sealed: sealedRequests({ keys, settings, app, now: () => clocks.day, ended: () => undefined }),
    }),
  })
  stage.defer(() => machine.stop())
  return { machine, keys, clocks }
}

async function publisher(folder: string, machines: readonly Machine[]) {
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text, { mode: 0o600 })
  const { skey } = await generateSigningKey('publisher')
  const signer = await readSigner(skey)
  const ships = await fleet({
    at: Math.floor(Date.now() / 1000) * 1000,
    placement: 'sealed',
    root: { bundleKeys: [signer.key] },
  })
  const notes = await ships.notes({})
  write('root.note', ships.rootNote)
  write('bundle.skey', skey)
  write('anchor.note', await ships.anchor())
  write('policy.note', notes.policy)
  write('policy.proof', notes.policyProof)
  write('statement.note', notes.statement)
  outerKeys(join(folder, 'keys.json'))
  const cvms = machines.map(({ port, role, clientTls, allowSimulated }, at) => {
    write(`cvm-${at}.key`, clientTls.key)
    write(`cvm-${at}.pem`, clientTls.cert)
    const identity = { key: `cvm-${at}.key`, cert: `cvm-${at}.pem` }
    return { host: '127.0.0.1', port, role, identity, allowSimulated, connections: 2 }
  })
  const settings = {
    ...{ placement: 'sealed', trust: 'root.note', cvms, drain: '1s' },
    keys: { file: 'keys.json' },
    listen: { port: 0, plaintextLoopback: true },
    store: { kind: 'sqlite', file: 'claims.db' },
    bundle: { file: 'bundle.note' },
  }
  const files = {
    policy: 'policy.note',
    policyProof: 'policy.proof',
    statement: 'statement.note',
    anchor: 'anchor.note',
  }
  const published = { ...settings, bundle: { ...settings.bundle, signer: 'bundle.skey' }, publish: files }
  const publish = () => publishAttested(gatewaySettings(JSON.stringify(published), 'publisher'), worldOf(folder).world)
  return { ships, signer, settings, publish }
}

function outerKeys(file: string): void {
  const rotation = { lead: 0, life: 12 * hour, overlap: 2 * hour }
  createLiveKeys({
    kems: [x25519],
    rotation,
    store: createFileKeyStore(file),
    random: randomBytes,
    now: Date.now,
  }).turn()
}

function worldOf(folder: string) {
  const { log, lines } = kept('gateway')
  const path = (name: string): string => resolve(folder, name)
  const file = (name: string): Buffer => readFileSync(path(name))
  return { world: { now: Date.now, random: randomBytes, path, file, log }, lines }
}

async function gatewayFrom({ defer }: Stage, folder: string, settings: object) {
  const { world, lines } = worldOf(folder)
  const service = await openGateway(gatewaySettings(JSON.stringify(settings), 'gateway'), world)
  defer(() => service.force())
  const ready = async (): Promise<boolean> =>
    (await fetch(`http://127.0.0.1:${service.adminPort}/readyz`)).status === 200
  await until(ready, 10_000)
  return { url: `http://127.0.0.1:${service.port}`, log: lines }
}

async function relayTo(stage: Stage, gateway: string): Promise<string> {
  const { log } = kept('relay')
  const page = {
    listen: { host: '127.0.0.1', port: 0, plaintextLoopback: true },
    routes: [{ gateway: `${gateway}/.well-known/ohttp-gateway`, plaintextLoopback: true }],
  }
  const settings = relaySettings(JSON.stringify(page), 'relay')
  const service = await openRelay(settings, {
    now: Date.now,
    salt: () => randomBytes(32),
    path: (name) => name,
    file: (name) => readFileSync(name),
    log,
  })
  stage.defer(() => service.force())
  const url = `http://127.0.0.1:${service.port}/`
  await until(async () => (await fetch(`${url}.well-known/asunder-bundle`)).status === 200)
  return url
}

function kept<Events extends Vocabulary>(service: string): { log: Log<Events>; lines: () => string } {
  const lines: string[] = []
  return { log: createLog<Events>({ service, write: (line) => void lines.push(line) }), lines: () => lines.join('') }
}
