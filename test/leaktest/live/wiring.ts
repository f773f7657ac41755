/**
 * How the links of each placement lie, and what each service is told so that taps can stand on them. trust.md 3:
 *
 *   front, sealed  clients - A - relay - B - gateway - D - CVM - app       the publisher of `sealed` uses D as well
 *   inside         clients - A - relay - B - pass-through - D - CVM - app  and publisher - E - CVM
 */
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Settings, Wire } from '../../../deploy/local/pair/pair.ts'
import type { Folders } from '../../../deploy/local/pair/materials.ts'
import { certificatePem, issuedBy, privateKeyPem, type Identity } from '../../../shared/upstream/certificate.ts'
import type { Column, Placement } from '../contract.ts'

/** `app`: the CVM's own socket to its application. */
export type Link = 'a' | 'b' | 'd' | 'app' | 'e'

export type Operator = 'relay' | 'gateway' | 'cvm'

/** From where the lab's own relay asks, so that its connections are told from those of the pair's. */
export const labRelayAddress = '127.0.0.2'

/** Who reads a link in the clear, who sees it pass as it is, and who is told its near end's address by its own system. */
export type Readers = {
  readonly clear: readonly Column[]
  readonly raw: readonly Column[]
  readonly told: readonly Column[]
}

const near: Readers = { clear: ['R'], raw: ['NC', 'R'], told: ['NC', 'R'] }
const app: Readers = { clear: ['V'], raw: [], told: [] }
const attested: Readers = { clear: ['G', 'V'], raw: ['H'], told: ['H', 'V'] }
const opened = {
  a: near,
  b: { clear: ['R', 'G'], raw: ['NR'], told: ['NR', 'G'] },
  d: attested,
  app,
  e: attested,
} as const

export const readers: Readonly<Record<Placement, Readonly<Record<Link, Readers>>>> = {
  front: opened,
  sealed: opened,
  inside: {
    ...opened,
    b: { clear: ['R'], raw: ['NR', 'G'], told: ['NR', 'G'] },
    d: { clear: ['V'], raw: ['G', 'H'], told: ['H', 'V'] },
  },
}

/** A CVM exports no metrics, and a pass-through has none. */
export const pagesIn: Readonly<Record<Placement, readonly ('relay' | 'gateway')[]>> = {
  front: ['relay', 'gateway'],
  sealed: ['relay', 'gateway'],
  inside: ['relay'],
}

/** Who writes which log, and who reads it: what the CVM says leaves it by its host. */
export const logReaders: Readonly<Record<Operator, readonly Column[]>> = {
  relay: ['R'],
  gateway: ['G'],
  cvm: ['V', 'H'],
}

/** Of `cvm` in `inside`: the wire that the publisher asks on. The relay's way there is the one called `gateway`. */
export function linkOf(placement: Placement, wire: Wire): Link {
  if (wire === 'cvm') return placement === 'inside' ? 'e' : 'd'
  return ({ relay: 'a', gateway: 'b', app: 'app' } as const)[wire]
}

export type Told = { readonly placement: Placement; readonly connections: number; readonly authority: Identity }

/** Settings for a service of the pair, as the lab needs them: TLS on every link that a network can see, pools that nothing replaces meanwhile. */
export function toldTo({ placement, connections, authority }: Told) {
  return (service: Wire, given: Settings, folders: Folders): Settings => {
    if (service === 'relay') return toldToRelay(given, folders, { placement, connections, authority })
    return service === 'cvm' && placement === 'inside' ? toldToCvm(given, folders) : given
  }
}

function toldToRelay(given: Settings, { relay }: Folders, { placement, connections, authority }: Told): Settings {
  const door = issuedBy(authority, { commonName: 'leaktest relay', use: 'server', names: ['127.0.0.1'] })
  writeFileSync(join(relay, 'door.key'), privateKeyPem(door), { mode: 0o600 })
  writeFileSync(join(relay, 'door.pem'), certificatePem(door))
  const listen = { host: '127.0.0.1', port: 0, tls: { key: 'door.key', cert: 'door.pem' } }
  const own = { listen, cors: false, limits: { incremental: 8 }, upstream: { connections, lifetime: '1h' } }
  return { ...given, ...own, ...(placement === 'inside' ? { routes: overTls(given) } : {}) }
}

/** The pair's own way into the CVM is plain on this machine; here a network looks on. */
function overTls({ routes }: Settings): Settings[] {
  const mutual = { ca: 'authority.pem', clientCertificate: { key: 'client.key', cert: 'client.pem' } }
  return (routes as readonly { readonly gateway: string }[]).map(({ gateway }) => ({
    gateway: gateway.replace(/^http:/, 'https:'),
    ...mutual,
  }))
}

/** The certificate that a gateway would show is the CVM's here, and its key is nobody else's. */
function toldToCvm(given: Settings, { cvm, gateway }: Folders): Settings {
  for (const name of ['server.key', 'server.pem']) renameSync(join(gateway, name), join(cvm, name))
  const tls = {
    key: join(cvm, 'server.key'),
    cert: join(cvm, 'server.pem'),
    clientCa: join(gateway, 'authority.pem'),
    relayPins: null,
  }
  return { ...given, public: { ...(given['public'] as Settings), tls } }
}
