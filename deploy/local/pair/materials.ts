/**
 * What one run of the local pair is made of: trust root, bundle key, simulated platform, TLS keys. Everything is fresh,
 * lives in the run's own folder, and is worth nothing outside it. trust.md 1 and 7.
 */
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writePlatform } from '../../../gateway/cvm/simulated.ts'
import { developmentRoot } from '../../../shared/attestation/development-root.ts'
import { createSimulatedRoot } from '../../../shared/attestation/simulated.ts'
import { hex } from '../../../shared/bytes.ts'
import { generateSigningKey, readSigner } from '../../../shared/tlog/signer.ts'
import { certificatePem, issuedBy, pinOf, privateKeyPem, selfSigned } from '../../../shared/upstream/certificate.ts'
import type { Identity } from '../../../shared/upstream/certificate.ts'

export const parties = ['client', 'relay', 'gateway', 'cvm', 'app'] as const
export type Folders = Readonly<Record<(typeof parties)[number], string>>

export type Materials = {
  readonly folders: Folders
  /** the role for which the CVM is attested */
  readonly role: string
  readonly allowSimulated: { readonly rootSha256: string; readonly measurement: string }
  /** where the client finds the trust root's note */
  readonly trust: string
  /** the time after which nothing of this run is good any more */
  readonly notAfter: number
}

const role = 'asunder-local-app'
const life = 7 * 24 * 3_600_000

/** Each party has a folder with what it may hold, and its own settings and log; none reads another's. */
export async function makeMaterials(folder: string, now: number): Promise<Materials> {
  const folders = Object.fromEntries(parties.map((party) => [party, join(folder, party)])) as Folders
  for (const path of Object.values(folders)) mkdirSync(path, { mode: 0o700 })
  const notAfter = Math.floor((now + life) / 1000) * 1000
  const trust = await makeTrust(folders, notAfter)
  makeTls(folders)
  const allowSimulated = await makePlatform(folders, notAfter)
  return { folders, role, allowSimulated, trust, notAfter }
}

async function makeTrust(folders: Folders, notAfter: number): Promise<string> {
  const name = 'asunder-local'
  const { skey } = await generateSigningKey(`${name}-bundle`)
  const signers = { bundle: await readSigner(skey) }
  const { note } = await developmentRoot({ notAfter, name, signers })
  write(folders.client, 'root.note', note)
  // The gateway ships the same root, for the CVMs behind it.
  write(folders.gateway, 'root.note', note)
  write(folders.gateway, 'bundle.skey', `${skey}\n`)
  return join(folders.client, 'root.note')
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
