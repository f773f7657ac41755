/**
 * The whole pair on one machine, in each placement: app, CVM agent, gateway (in `inside` it is the agent) and relay as
 * processes that share nothing but their sockets; and where keys live in the
 * CVM, a publisher that comes and goes. Started back to front, each waited for; stopped front to back; never left behind.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import type { Placement } from '../../../shared/attestation/trust-root.ts'
import type { Profile } from '../../../shared/shaping/profile.ts'
import { makeMaterials, write, type Folders, type Materials } from './materials.ts'
import type { Releasers } from './releasers.ts'
import { startService, tailOf, type Service } from './service.ts'
import { cvmSettings, gatewaySettings, publisherSettings, relaySettings, type At } from './settings.ts'

/** The wires between the processes, named after who is asked on them. In `inside` both `gateway` and `cvm` end in the CVM. */
export type Wire = 'relay' | 'gateway' | 'cvm' | 'app'
export type Address = At | { readonly path: string }

export type Settings = Readonly<Record<string, unknown>>

export type PairOptions = {
  /** who opens requests (default: front) */
  readonly placement?: Placement | undefined
  /** how all of them shape the traffic (default: direct) */
  readonly profile?: Profile | undefined
  /** a real model server instead of the built-in app */
  readonly upstream?: string | undefined
  /** milliseconds between two words of the built-in app */
  readonly pace?: number | undefined
  /** attested connections between gateway and CVM: as many requests as can be under way at once (default: 16) */
  readonly links?: number | undefined
  /** Puts something on a wire: gets where it leads, gives where to connect instead. */
  readonly onWire?: <A extends Address>(wire: Wire, to: A) => Promise<A>
  /** Where the lab asks a service's private listener, if not where it listens. */
  readonly onAdmin?: (service: 'relay' | 'gateway', to: At) => Promise<At>
  /** What a service's command is given to: a program that runs it, as the same process, somewhere else. */
  readonly within?: (service: Wire) => readonly string[]
  /** Writes the secrets of the gateway's TLS sessions to this file, so that what was recorded can be read. */
  readonly tlsKeyLog?: (folder: string) => string
  /** Changes a service's settings before it starts. Paths in them may be relative to the file's own folder. */
  readonly settings?: (service: Wire, settings: Settings, folders: Folders) => Settings
  /** Options for the runtime of a service. */
  readonly nodeArgs?: (service: Wire, folder: string) => readonly string[]
  readonly progress?: (text: string) => void
  /** Leaves the run's folder behind. */
  readonly keep?: boolean | undefined
}

export type Pair = {
  readonly folder: string
  readonly relay: URL
  /** in `inside` the gateway has none: there it is the address that the relay asks */
  readonly admin: { readonly relay: URL; readonly gateway: URL }
  readonly placement: Placement
  readonly profile: Profile
  /** file of the trust root that clients are given */
  readonly trust: string
  /** file of the leave to take this run's evidence, for clients that judge it themselves */
  readonly leave: string
  readonly services: readonly Service[]
  /** Resolves with a sentence as soon as one of the processes ends by itself. */
  readonly broken: Promise<string>
  /** Ends all processes; then removes the folder, unless it is to be kept. */
  stop(): Promise<void>
}

export async function startPair(options: PairOptions = {}): Promise<Pair> {
  const folder = mkdtempSync(join(tmpdir(), 'asunder-'))
  const crew = new Crew(folder, options)
  try {
    const { placement = 'front', profile = 'direct' } = options
    const materials = await makeMaterials(folder, Date.now(), placement)
    const addresses = await crew.start(materials)
    return {
      folder,
      placement,
      profile,
      leave: materials.leave,
      ...addresses,
      services: crew.services,
      broken: crew.broken,
      stop: () => crew.stop(),
    }
  } catch (error) {
    await crew.stop()
    throw error
  }
}

type Addresses = Pick<Pair, 'relay' | 'admin' | 'trust'>

/** The processes of one run. */
class Crew {
  readonly services: Service[] = []
  readonly broken: Promise<string>
  readonly #folder: string
  readonly #options: PairOptions
  /** Processes that end by themselves. */
  readonly #passing = new Set<Service>()
  #releasers: Releasers | undefined
  #publishing: NodeJS.Timeout | undefined
  #stopping = false
  #tellBroken: (why: string) => void = () => undefined
  // The last resort, for exits that nobody planned; SIGKILL on us is covered by the leash in each process.
  readonly #lastResort = (): void => {
    for (const service of [...this.services, ...this.#passing]) service.kill()
    this.#remove()
  }

  constructor(folder: string, options: PairOptions) {
    this.#folder = folder
    this.#options = options
    this.broken = new Promise((resolve) => (this.#tellBroken = resolve))
    process.on('exit', this.#lastResort)
  }

  get #profile(): Profile {
    return this.#options.profile ?? 'direct'
  }

  async start(materials: Materials): Promise<Addresses> {
    const socket = join(materials.folders.app, 'app.sock')
    await this.#run('app', 'deploy/local/app.ts', appArgs(socket, this.#options), 'started')
    const app = await this.#wire('app', { path: socket })
    const cvmArgs = this.#config('cvm', cvmSettings(materials, app.path, this.#profile), materials)
    const said = await this.#run('cvm', 'gateway/cvm/main.ts', cvmArgs, 'listening')
    const { gateway, admin } = await this.#entrance(materials, said)
    const relayArgs = this.#config('relay', relaySettings(materials, gateway, this.#profile), materials)
    const relaySaid = await this.#run('relay', 'relay/main.ts', relayArgs, 'started')
    const relayAdmin = await this.#ready('relay', at(relaySaid['adminPort']))
    const relay = await this.#wire('relay', at(relaySaid['port']))
    return { relay: urlOf(relay), admin: { relay: relayAdmin, gateway: admin }, trust: materials.trust }
  }

  /** What the relay is told to ask: a gateway of its own process, or in `inside` the CVM. */
  async #entrance(materials: Materials, cvm: Record<string, unknown>): Promise<{ gateway: At; admin: URL }> {
    const { placement } = materials
    const link = await this.#wire('cvm', at(cvm['port']))
    if (placement !== 'front') await this.#keepPublishing(materials, publisherSettings(materials, link))
    if (placement === 'inside') {
      const gateway = await this.#wire('gateway', at(cvm['publicPort']))
      return { gateway, admin: urlOf(gateway) }
    }
    const file = gatewaySettings(materials, link, { connections: this.#options.links, profile: this.#profile })
    const gatewayArgs = [...this.#config('gateway', file, materials), ...this.#recorded()]
    const said = await this.#run('gateway', 'gateway/main.ts', gatewayArgs, 'started', this.#keyLog())
    const admin = await this.#ready('gateway', at(said['adminPort']))
    return { gateway: await this.#wire('gateway', at(said['port'])), admin }
  }

  /** Once before anything is asked, and again before keys, statement or anchor grow old. */
  async #keepPublishing(materials: Materials, config: string): Promise<void> {
    this.#releasers = materials.releasers
    await this.#publish(materials, config)
    const again = (): void => {
      if (this.#passing.size > 0) return
      this.#publish(materials, config).catch((error: unknown) => {
        if (!this.#stopping) this.#tell(`not published: ${String(error)}`)
      })
    }
    this.#publishing = setInterval(again, publishedEvery).unref()
  }

  async #publish({ folders, releasers }: Materials, config: string): Promise<void> {
    const word = await releasers?.speak(Date.now())
    for (const [name, text] of Object.entries(word ?? {})) write(folders.publisher, name, text)
    const logFile = join(this.#folder, 'publisher.log')
    rmSync(logFile, { force: true })
    const args = ['publish', '--config', config, ...this.#recorded()]
    const publisher = startService({
      name: 'publisher',
      door: 'gateway/main.ts',
      args,
      nodeArgs: this.#keyLog(),
      logFile,
    })
    this.#passing.add(publisher)
    try {
      const { serial } = await publisher.event('bundle-published')
      await publisher.gone
      this.#tell(`bundle ${String(serial)} is published`)
    } finally {
      this.#passing.delete(publisher)
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true
    clearInterval(this.#publishing)
    await Promise.all([...this.services, ...this.#passing].map((service) => service.stop()))
    process.off('exit', this.#lastResort)
    this.#releasers?.close()
    this.#remove()
  }

  /** Starts a service and gives the fields of the log line by which it says that it is up. */
  async #run(name: Wire, door: string, args: readonly string[], event: string, nodeArgs: readonly string[] = []) {
    const more = this.#options.nodeArgs?.(name, this.#folder) ?? []
    const within = this.#options.within?.(name) ?? []
    const logFile = join(this.#folder, `${name}.log`)
    const service = startService({ name, door, args, nodeArgs: [...nodeArgs, ...more], within, logFile })
    this.services.push(service)
    void service.gone.then(() => {
      if (!this.#stopping) this.#tellBroken(deathOf(service))
    })
    const fields = await service.event(event)
    this.#tell(`${name} is up (process ${service.pid})`)
    return fields
  }

  #config(service: Wire, file: string, { folders }: Materials): string[] {
    const change = this.#options.settings
    if (change !== undefined) {
      const settings = change(service, JSON.parse(readFileSync(file, 'utf8')) as Settings, folders)
      writeFileSync(file, JSON.stringify(settings))
    }
    return ['--config', file]
  }

  #wire<A extends Address>(wire: Wire, to: A): Promise<A> {
    return this.#options.onWire?.(wire, to) ?? Promise.resolve(to)
  }

  #recorded(): string[] {
    return this.#options.tlsKeyLog === undefined ? [] : ['--recorded']
  }

  #keyLog(): string[] {
    const file = this.#options.tlsKeyLog?.(this.#folder)
    return file === undefined ? [] : [`--tls-keylog=${file}`]
  }

  /** Asks /readyz until it says ready; what is missing is told whenever it changes. */
  async #ready(name: 'relay' | 'gateway', listens: At): Promise<URL> {
    const admin = urlOf((await this.#options.onAdmin?.(name, listens)) ?? listens)
    const deadline = Date.now() + readyWithin
    let told = ''
    for (;;) {
      const dead = this.services.find((service) => !service.alive())
      if (dead !== undefined) throw new Error(deathOf(dead))
      const { statusCode, body } = await request(new URL('/readyz', admin))
      const said = (await body.text()).trim()
      if (said !== told) this.#tell(`${name} is ${said}`)
      if (statusCode === 200) return admin
      if (Date.now() > deadline) throw new Error(`${name} is still ${said} after ${readyWithin / 1000} s`)
      told = said
      await sleep(50)
    }
  }

  #tell(text: string): void {
    this.#options.progress?.(text)
  }

  #remove(): void {
    if (this.#options.keep !== true) rmSync(this.#folder, { recursive: true, force: true })
  }
}

const readyWithin = 30_000
const publishedEvery = 10 * 60_000

function appArgs(socket: string, { upstream, pace }: PairOptions): string[] {
  const more = [
    ...(upstream === undefined ? [] : ['--upstream', upstream]),
    ...(pace === undefined ? [] : ['--pace', String(pace)]),
  ]
  return ['--socket', socket, ...more]
}

function at(port: unknown): At {
  if (typeof port !== 'number') throw new TypeError('a service did not say its port')
  return { host: '127.0.0.1', port }
}

function urlOf({ host, port }: At): URL {
  return new URL(`http://${host}:${port}/`)
}

function deathOf({ name, logFile }: Service): string {
  return `${name} ended by itself. Its log ends with:\n${tailOf(logFile)}`
}
