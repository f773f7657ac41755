/** The settings files of one run: what an operator would write, with ports that the system chose. */
import { join } from 'node:path'
import type { Profile } from '../../../shared/shaping/profile.ts'
import { write, type Materials } from './materials.ts'

/** The name by which clients ask for the app inside the seal; nobody looks it up. */
export const appOrigin = 'https://app.asunder.example'

const drain = 2_000

export type At = { readonly host: string; readonly port: number }

const minute = 60_000

/** Milliseconds: inner keys live for less than an hour, and evidence says so. trust.md 1. */
const rotations = {
  inside: { lead: 0, life: 10 * 60 * minute, overlap: 10 * 60 * minute },
  sealed: { lead: 0, life: 25 * minute, overlap: 30 * minute },
} as const

const requests = {
  targets: [appOrigin],
  methods: ['GET', 'HEAD', 'POST'],
  dateWindow: 5 * minute,
  atOnce: 256,
  firstByte: minute,
  request: 1024 * 1024,
  answer: 16 * 1024 * 1024,
  stream: 1024 * 1024 * 1024,
  chunks: 1024 * 1024,
  stall: 30_000,
  drain: 8 * 1024 * 1024,
}

/** What a gateway of the same profile has unless it is told otherwise. */
const cells = { period: 100, held: 256 * 1024 }

export function cvmSettings(materials: Materials, app: string, profile: Profile = 'direct'): string {
  const { folders, role, placement } = materials
  const settings = {
    placement,
    listen: { host: '127.0.0.1', port: 0 },
    role,
    app,
    gatewayPins: join(folders.cvm, 'gateway-pins.txt'),
    evidence: { kind: 'simulated', platform: join(folders.cvm, 'platform.json'), life: 600_000 },
    limits: { connections: 1024, reportsAtOnce: 16, attestWithin: 10_000 },
    drain,
    ...openingSettings(materials, profile),
  }
  return write(folders.cvm, 'settings.json', json(settings))
}

/** What a CVM with keys of its own is told besides; reports for them must outlive them. */
function openingSettings({ folders, placement, published }: Materials, profile: Profile) {
  if (placement === 'front') return {}
  const keys = { kems: ['X25519', 'X-Wing'], ...rotations[placement], claims: 100_000 }
  const evidence = { kind: 'simulated', platform: join(folders.cvm, 'platform.json'), life: 24 * 60 * minute }
  const shaped = { profile, ...(profile === 'paced' ? { cells } : {}) }
  if (placement === 'sealed') return { ...shaped, keys, requests, evidence }
  const listen = { host: '127.0.0.1', port: 0 }
  const listener = { listen, tls: null, publicHosts: null, connections: 1024, bundle: published }
  return { ...shaped, keys, requests, evidence, public: listener }
}

export function relaySettings({ folders, placement }: Materials, gateway: At, profile: Profile = 'direct'): string {
  const resource = `${gateway.host}:${gateway.port}/.well-known/ohttp-gateway`
  const mutual = { ca: 'authority.pem', clientCertificate: { key: 'client.key', cert: 'client.pem' } }
  // The CVM ends no TLS that anybody here could record, so on this machine the way into it is plain: it carries sealed bytes.
  const plain = { gateway: `http://${resource}`, plaintextLoopback: true }
  const settings = {
    listen: { host: '127.0.0.1', port: 0, plaintextLoopback: true },
    routes: [placement === 'inside' ? plain : { gateway: `https://${resource}`, ...mutual }],
    profile,
    // So that a web page on this machine can be the client.
    cors: true,
    audit: 'audit.record',
    drain,
  }
  return write(folders.relay, 'settings.json', json(settings))
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

/** Nothing of a run is to survive it: keys and claims live in the gateway's memory, or in a folder that goes with the run. */
type GatewayOptions = { readonly connections?: number | undefined; readonly profile?: Profile | undefined }

export function gatewaySettings(materials: Materials, cvm: At, options: GatewayOptions = {}): string {
  const { folders, placement } = materials
  const { connections = 16, profile = 'direct' } = options
  const file = (name: string): string => join(folders.gateway, name)
  const listen = {
    host: '127.0.0.1',
    port: 0,
    tls: { key: file('server.key'), cert: file('server.pem'), clientCa: file('authority.pem') },
  }
  const link = { ...linkTo(materials, cvm), connections }
  const opening =
    placement === 'front'
      ? { cvm: link, targets: [appOrigin], bundle: { file: file('bundle.note'), signer: file('bundle.skey') } }
      : { cvms: [link], ...outerKeys(materials), bundle: { file: materials.published } }
  const rest = { audit: file('audit.record'), drain }
  const settings = { placement, listen, trust: file('root.note'), ...opening, profile, ...rest }
  return write(folders.gateway, 'settings.json', json(settings))
}

/** Of the one who asks the CVM for evidence of its keys and signs the bundle; the gateway that serves it holds no such key. */
export function publisherSettings(materials: Materials, cvm: At): string {
  const { folders, placement, published } = materials
  const file = (name: string): string => join(folders.publisher, name)
  const settings = {
    placement,
    listen: { host: '127.0.0.1', port: 0, plaintextLoopback: true },
    trust: file('root.note'),
    cvms: [linkTo(materials, cvm)],
    ...(placement === 'sealed' ? outerKeys(materials) : {}),
    bundle: { file: published, signer: file('bundle.skey') },
    publish: {
      policy: file('policy.note'),
      policyProof: file('policy.proof'),
      statement: file('statement.note'),
      anchor: file('anchor.note'),
    },
  }
  return write(folders.publisher, 'settings.json', json(settings))
}

function linkTo({ folders, role, allowSimulated }: Materials, cvm: At) {
  const identity = { key: join(folders.gateway, 'cvm-client.key'), cert: join(folders.gateway, 'cvm-client.pem') }
  return { ...cvm, role, allowSimulated, identity }
}

function outerKeys({ folders }: Materials) {
  return {
    keys: { file: join(folders.gateway, 'keys.json') },
    store: { kind: 'sqlite', file: join(folders.gateway, 'claims.db') },
  }
}
