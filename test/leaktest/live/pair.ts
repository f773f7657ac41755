/**
 * The pair under test in one placement, each operator a process of its own with its own folder, settings and log, and a
 * tap on every link (wiring.ts says which there are). privacy.md 2.1, level L1.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startPair, type Pair, type Settings, type Wire } from '../../../deploy/local/pair/pair.ts'
import type { Folders } from '../../../deploy/local/pair/materials.ts'
import type { At } from '../../../deploy/local/pair/settings.ts'
import type { AllowSimulated } from '../../../shared/attestation/policy.ts'
import { certificatePem, selfSigned } from '../../../shared/upstream/certificate.ts'
import type { Profile } from '../../../shared/shaping/profile.ts'
import type { Placement } from '../contract.ts'
import type { LabApp } from './app.ts'
import { residueOf, secretsFile, type Residue } from './preloads.ts'
import { Scene, type Taps } from './scene.ts'
import type { Tap } from './tap.ts'
import { pagesIn, toldTo, type Operator } from './wiring.ts'

export type LivePair = {
  readonly placement: Placement
  readonly profile: Profile
  readonly folder: string
  /** where clients connect: the tap on link A */
  readonly port: number
  /** where the relay connects: the tap on link B */
  readonly gateway: At
  /** PEM of who vouches for the relay */
  readonly ca: string
  /** the trust root's note */
  readonly trust: string
  /** a client's leave to take the evidence of this run; undefined in `front`, where clients judge none */
  readonly allowSimulated: AllowSimulated | undefined
  readonly admin: Pair['admin']
  /** whose pages of metrics there are */
  readonly pages: readonly ('relay' | 'gateway')[]
  readonly app: LabApp
  readonly taps: Taps
  readonly relayIdentity: { readonly key: string; readonly cert: string; readonly ca: string }
  /** what the TLS sessions of gateway, publisher and, in `inside`, CVM can be read with */
  keyLog(): string
  /** The gateway's operator keeps its publisher's log too. */
  log(operator: Operator): Buffer
  /** Garbage collected, then what is left of each operator's memory, and the runtime's own report. */
  residue(of: readonly Operator[]): Promise<readonly Residue[]>
  /** Resolves with a sentence if a process ends by itself. */
  readonly broken: Promise<string>
  stop(): Promise<void>
}

/** All upstream connections are there before anybody comes: what opens later is judged. */
export async function settled(tap: Tap, pool: number): Promise<void> {
  const deadline = Date.now() + settledWithin
  while (tap.connections().length < pool) {
    if (Date.now() > deadline)
      throw new Error(`the relay opened ${String(tap.connections().length)} of ${String(pool)} connections`)
    await sleep(20)
  }
  await sleep(200)
}

const settledWithin = 20_000

export type LivePairOptions = {
  readonly placement?: Placement
  readonly profile?: Profile
  readonly progress?: (text: string) => void
  readonly keep?: boolean
  /** upstream connections of the relay: several for each client, or those that ask at once would show in who has which */
  readonly connections?: number
  /** attested connections between gateway and CVM: as many as ask at once, or some are told to come again */
  readonly links?: number
  /** more settings of a service */
  readonly also?: (service: Wire, folders: Folders) => Settings
}

export async function startLivePair({
  placement = 'front',
  profile = 'direct',
  progress = () => undefined,
  keep = false,
  connections = 64,
  links = 16,
  also = () => ({}),
}: LivePairOptions = {}): Promise<LivePair> {
  const scene = new Scene(placement, progress)
  const authority = selfSigned({ commonName: 'leaktest authority', use: 'authority' })
  const told = toldTo({ placement, connections, authority })
  try {
    const pair = await startPair({
      ...{ placement, profile, links, progress, keep, tlsKeyLog: (folder) => join(folder, secretsFile) },
      onWire: (wire, to) => scene.onWire(wire, to),
      settings: (service, given, folders) => ({ ...told(service, given, folders), ...also(service, folders) }),
      nodeArgs: (service, folder) => scene.nodeArgs(service, folder),
    })
    const taps = scene.taps
    await settled(taps.b, connections)
    const read = (party: string, name: string): string => readFileSync(join(pair.folder, party, name), 'utf8')
    return {
      ...{ placement, profile },
      folder: pair.folder,
      port: taps.a.port,
      gateway: { host: '127.0.0.1', port: taps.b.port },
      ca: certificatePem(authority),
      trust: readFileSync(pair.trust, 'utf8'),
      allowSimulated:
        placement === 'front' ? undefined : (JSON.parse(readFileSync(pair.leave, 'utf8')) as AllowSimulated),
      admin: pair.admin,
      pages: pagesIn[placement],
      app: scene.app,
      taps,
      relayIdentity: {
        key: read('relay', 'client.key'),
        cert: read('relay', 'client.pem'),
        ca: read('relay', 'authority.pem'),
      },
      keyLog: () => readFileSync(join(pair.folder, secretsFile), 'utf8'),
      log: (operator) => Buffer.concat(logsOf[operator].map((name) => textOf(join(pair.folder, `${name}.log`)))),
      residue: (of) => residueOf(pair.folder, [...pair.services, ...scene.services], of),
      broken: Promise.race([pair.broken, scene.broken]),
      stop: async () => {
        await pair.stop()
        await scene.close()
      },
    }
  } catch (error) {
    await scene.close()
    throw error
  }
}

const logsOf: Readonly<Record<Operator, readonly string[]>> = {
  relay: ['relay'],
  gateway: ['gateway', 'publisher'],
  cvm: ['cvm'],
}

/** Nobody publishes in `front`. */
function textOf(file: string): Buffer {
  return existsSync(file) ? readFileSync(file) : Buffer.alloc(0)
}
