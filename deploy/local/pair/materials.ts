/**
 * What one run of the local pair is made of: trust root, bundle key, simulated platform, TLS keys. Everything is fresh,
 * lives in the run's own folder, and is worth nothing outside it. trust.md 1 and 7.
 */
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writePlatform } from '../../../gateway/cvm/simulated.ts'
import { createFileKeyStore } from '../../../gateway/key-store.ts'
import { createLiveKeys } from '../../../gateway/live-keys.ts'
import { developmentRoot } from '../../../shared/attestation/development-root.ts'
import { createSimulatedRoot } from '../../../shared/attestation/simulated.ts'
import type { Placement } from '../../../shared/attestation/trust-root.ts'
import { hex } from '../../../shared/bytes.ts'
import { x25519, xWing } from '../../../shared/hpke/suites.ts'
import { generateSigningKey, readSigner } from '../../../shared/tlog/signer.ts'
import { certificatePem, issuedBy, pinOf, privateKeyPem, selfSigned } from '../../../shared/upstream/certificate.ts'
import type { Identity } from '../../../shared/upstream/certificate.ts'
import { makeReleasers, type Releasers } from './releasers.ts'

export const parties = ['client', 'relay', 'gateway', 'publisher', 'releasers', 'cvm', 'app'] as const
export type Folders = Readonly<Record<(typeof parties)[number], string>>

export type Materials = {
  readonly placement: Placement
  readonly folders: Folders
  /** the role for which the CVM is attested */
  readonly role: string
  readonly allowSimulated: { readonly rootSha256: string; readonly measurement: string }
  /** where the client finds the trust root's note, and its leave to take the evidence of this run */
  readonly trust: string
  readonly leave: string
  /** where the publisher leaves the bundle of `inside` or `sealed` */
  readonly published: string
  /** who sign policies and speak for the log; nobody in `front` */
  readonly releasers: Releasers | undefined
  /** the time after which nothing of this run is good any more */
  readonly notAfter: number
}

const role = 'asunder-local-app'
const hour = 3_600_000
const life = 7 * 24 * hour

/** Each party has a folder with what it may hold, and its own settings and log; none reads another's. */
export async function makeMaterials(folder: string, now: number, placement: Placement = 'front'): Promise<Materials> {
  const folders = Object.fromEntries(parties.map((party) => [party, join(folder, party)])) as Folders
  for (const path of Object.values(folders)) mkdirSync(path, { mode: 0o700 })
  const notAfter = Math.floor((now + life) / 1000) * 1000
  const releasers = placement === 'front' ? undefined : await makeReleasers({ folder: folders.releasers, role, now })
  const trust = await makeTrust(folders, { notAfter, placement, releasers })
  makeTls(folders)
  const allowSimulated = await makePlatform(folders, notAfter)
  const leave = write(folders.client, 'simulated.json', `${JSON.stringify(allowSimulated)}\n`)
  if (placement === 'sealed') makeOuterKeys(join(folders.gateway, 'keys.json'), now)
  const published = join(folders.publisher, 'bundle.note')
  return { placement, folders, role, allowSimulated, trust, leave, published, releasers, notAfter }
}

type Trusting = Pick<Materials, 'notAfter' | 'placement' | 'releasers'>

async function makeTrust(folders: Folders, { notAfter, placement, releasers }: Trusting): Promise<string> {
  const name = 'asunder-local'
  const { skey } = await generateSigningKey(`${name}-bundle`)
  const signers = { bundle: await readSigner(skey), ...releasers?.signers }
  const changes = releasers === undefined ? {} : { ...releasers.trust, placements: [placement], minPolicySerial: 1 }
  const { note } = await developmentRoot({ notAfter, name, signers, changes })
  write(folders.client, 'root.note', note)
  // Gateway and publisher ship the same root, for the CVMs behind them.
  write(folders.gateway, 'root.note', note)
  write(folders.publisher, 'root.note', note)
  write(placement === 'front' ? folders.gateway : folders.publisher, 'bundle.skey', `${skey}\n`)
  return join(folders.client, 'root.note')
}

/** The gateway's first outer keys, so that the publisher can offer them before the gateway is up. */
function makeOuterKeys(file: string, now: number): void {
  const rotation = { lead: 0, life: 12 * hour, overlap: 2 * hour }
  const random = (length: number) => Uint8Array.from(randomBytes(length))
  createLiveKeys({ kems: [x25519, xWing], rotation, store: createFileKeyStore(file), random, now: () => now }).turn()
}

function makeTls(folders: Folders): void {
  const authority = selfSigned({ commonName: 'asunder local authority', use: 'authority' })
  const gateway = issuedBy(authority, { commonName: 'asunder local gateway', use: 'server', names: ['127.0.0.1'] })
  const relay = issuedBy(authority, { commonName: 'asunder local relay', use: 'client' })
  const toCvm = selfSigned({ commonName: 'asunder local gateway', use: 'client' })
  for (const party of [folders.relay, folders.gateway]) write(party, 'authority.pem', certificatePem(authority))
  writePair(folders.gateway, 'server', gateway)
  writePair(folders.relay, 'client', relay)
  writePair(folders.gateway, 'cvm-client', toCvm)
  write(folders.cvm, 'gateway-pins.txt', `${pinOf(toCvm.privateKey)}\n`)
}

async function makePlatform(folders: Folders, notAfter: number): Promise<Materials['allowSimulated']> {
  const root = await createSimulatedRoot(randomBytes(32))
  const platformSeed = randomBytes(32)
  // Stands for the measured image: the agent's own door.
  const agent = readFileSync(join(import.meta.dirname, '../../../gateway/cvm/main.ts'))
  const measurement = Uint8Array.from(createHash('sha384').update(agent).digest())
  const endorsement = await root.endorse({ platformSeed, notAfter })
  write(folders.cvm, 'platform.json', writePlatform({ platformSeed, endorsement, measurement, role }))
  return { rootSha256: root.rootSha256, measurement: hex(measurement) }
}

function writePair(folder: string, name: string, identity: Identity): void {
  write(folder, `${name}.key`, privateKeyPem(identity))
  write(folder, `${name}.pem`, certificatePem(identity))
}

/** Only this user reads what is written here. */
export function write(folder: string, name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text, { mode: 0o600 })
  return path
}
