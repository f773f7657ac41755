/**
 * The pair under test, each operator a process of its own with its own folder, settings and log, and a tap on every link:
 * A between clients and relay (TLS), B between relay and gateway, D between gateway and CVM, and the CVM's own socket to
 * its application. privacy.md 2.1, level L1.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { startPair, type Address, type Pair, type Settings, type Wire } from '../../../deploy/local/pair/pair.ts'
import type { Service } from '../../../deploy/local/pair/service.ts'
import type { At } from '../../../deploy/local/pair/settings.ts'
import { certificatePem, issuedBy, privateKeyPem, selfSigned } from '../../../shared/upstream/certificate.ts'
import { createLabApp, type LabApp } from './app.ts'
import { createTap, type Tap } from './tap.ts'

/** The links, and the CVM's way to its application. */
export type Link = 'a' | 'b' | 'd' | 'app'

export type Operator = 'relay' | 'gateway' | 'cvm'

export type LivePair = {
  readonly folder: string
  /** where clients connect: the tap on link A */
  readonly port: number
  /** where the relay connects: the tap on link B */
  readonly gateway: At
  /** PEM of who vouches for the relay */
  readonly ca: string
  /** the trust root's note */
  readonly trust: string
  readonly admin: Pair['admin']
  readonly app: LabApp
  readonly taps: Readonly<Record<Link, Tap>>
  readonly relayIdentity: { readonly key: string; readonly cert: string; readonly ca: string }
  /** what the gateway's TLS sessions can be read with */
  keyLog(): string
  log(operator: Operator): Buffer
  /** Garbage collected, then what is left of each operator's memory, and the runtime's own report. */
  residue(of: readonly Operator[]): Promise<readonly Residue[]>
  /** Resolves with a sentence if a process ends by itself. */
  readonly broken: Promise<string>
  stop(): Promise<void>
}

export type Residue = { readonly operator: Operator; readonly heap: string; readonly report: string }

/** All upstream connections are there before anybody comes: what opens later is judged. */
async function settled(tap: Tap, pool: number): Promise<void> {
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
  readonly progress?: (text: string) => void
  readonly keep?: boolean
  /** upstream connections of the relay: several for each client, or those that ask at once would show in who has which */
  readonly connections?: number
  /** attested connections between gateway and CVM: as many as ask at once, or some are told to come again */
  readonly links?: number
}

export async function startLivePair({
  progress = () => undefined,
  keep = false,
  connections = 64,
  links = 16,
}: LivePairOptions = {}): Promise<LivePair> {
  const taps = new Map<Link, Tap>()
  const authority = selfSigned({ commonName: 'leaktest authority', use: 'authority' })
  const door = issuedBy(authority, { commonName: 'leaktest relay', use: 'server', names: ['127.0.0.1'] })
  const apps: LabApp[] = []
  const close = (): void => {
    for (const tap of taps.values()) tap.close()
    for (const app of apps) app.close()
  }
  const onWire = async <A extends Address>(wire: Wire, to: A): Promise<A> => {
    const link = linkOf[wire]
    if (!('path' in to)) {
      taps.set(link, await createTap({ to: { host: to.host, port: to.port } }))
      return { ...to, port: (taps.get(link) as Tap).port }
    }
    // The pair's own application stays idle: the lab's stands in its place.
    apps.push(await createLabApp(`${to.path}.lab`))
    taps.set(link, await createTap({ to: { path: `${to.path}.lab` }, path: `${to.path}.tap` }))
    return { ...to, path: `${to.path}.tap` }
  }
  const settings = (service: Wire, given: Settings, folders: { readonly relay: string }): Settings => {
    if (service !== 'relay') return given
    writeFileSync(join(folders.relay, 'door.key'), privateKeyPem(door), { mode: 0o600 })
    writeFileSync(join(folders.relay, 'door.pem'), certificatePem(door))
    const listen = { host: '127.0.0.1', port: 0, tls: { key: 'door.key', cert: 'door.pem' } }
    // They stand before anybody comes, and none is replaced by the clock meanwhile: what is opened later is judged.
    return { ...given, listen, cors: false, limits: { incremental: 8 }, upstream: { connections, lifetime: '1h' } }
  }
  const tlsKeyLog = (folder: string): string => join(folder, secretsFile)
  try {
    const pair = await startPair({ onWire, settings, tlsKeyLog, nodeArgs, links, progress, keep })
    const tapOf = Object.fromEntries(taps) as Record<Link, Tap>
    await settled(tapOf.b, connections)
    const read = (party: string, name: string): string => readFileSync(join(pair.folder, party, name), 'utf8')
    return {
      folder: pair.folder,
      port: tapOf.a.port,
      gateway: { host: '127.0.0.1', port: tapOf.b.port },
      ca: certificatePem(authority),
      trust: readFileSync(pair.trust, 'utf8'),
      admin: pair.admin,
      app: apps[0] as LabApp,
      taps: tapOf,
      relayIdentity: {
        key: read('relay', 'client.key'),
        cert: read('relay', 'client.pem'),
        ca: read('relay', 'authority.pem'),
      },
      keyLog: () => readFileSync(join(pair.folder, secretsFile), 'utf8'),
      log: (operator) => readFileSync(join(pair.folder, `${operator}.log`)),
      residue: (of) => residueOf(pair.folder, pair.services, of),
      broken: pair.broken,
      stop: async () => {
        close()
        await pair.stop()
      },
    }
  } catch (error) {
    close()
    throw error
  }
}

const linkOf: Readonly<Record<Wire, Link>> = { relay: 'a', gateway: 'b', cvm: 'd', app: 'app' }
const secretsFile = 'tls-secrets.log'
const residueFolder = 'residue'

function nodeArgs(service: Wire, folder: string): string[] {
  if (service === 'app') return []
  mkdirSync(join(folder, residueFolder), { recursive: true, mode: 0o700 })
  return ['--import', residuePreload(join(folder, residueFolder))]
}

export function residuePreload(folder: string): string {
  const module = pathToFileURL(join(import.meta.dirname, 'residue.ts'))
  module.search = encodeURIComponent(folder)
  return module.href
}

async function residueOf(folder: string, services: readonly Service[], of: readonly Operator[]): Promise<Residue[]> {
  return Promise.all(
    of.map(async (operator) => {
      const pid = services.find(({ name }) => name === operator)?.pid
      if (pid === undefined) throw new TypeError(`no process of the ${operator}`)
      return { operator, ...(await takeResidue(join(folder, residueFolder), pid)) }
    }),
  )
}

/** Asks a process that was started with `residuePreload` for what it holds. */
export async function takeResidue(folder: string, pid: number): Promise<Omit<Residue, 'operator'>> {
  const heap = join(folder, `${String(pid)}.heapsnapshot`)
  const report = join(folder, `${String(pid)}.report.json`)
  process.kill(pid, 'SIGUSR2')
  const deadline = Date.now() + residueWithin
  while (!existsSync(heap)) {
    if (Date.now() > deadline)
      throw new Error(`process ${String(pid)} wrote no heap snapshot in ${residueWithin / 1000} s`)
    await sleep(20)
  }
  return { heap, report }
}

const residueWithin = 30_000
