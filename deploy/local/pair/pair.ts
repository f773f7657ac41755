/**
 * The whole pair on one machine: app, CVM agent, gateway and relay as four processes that share nothing but their
 * sockets. Started back to front, each waited for; stopped front to back; never left behind.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { makeMaterials, type Folders, type Materials } from './materials.ts'
import { startService, tailOf, type Service } from './service.ts'
import { cvmSettings, gatewaySettings, relaySettings, type At } from './settings.ts'

/** The wires between the processes, named after who is asked on them. */
export type Wire = 'relay' | 'gateway' | 'cvm' | 'app'
export type Address = At | { readonly path: string }

export type Settings = Readonly<Record<string, unknown>>

export type PairOptions = {
  /** a real model server instead of the built-in app */
  readonly upstream?: string | undefined
  /** milliseconds between two words of the built-in app */
  readonly pace?: number | undefined
  /** attested connections between gateway and CVM: as many requests as can be under way at once (default: 16) */
  readonly links?: number | undefined
  /** Puts something on a wire: gets where it leads, gives where to connect instead. */
  readonly onWire?: <A extends Address>(wire: Wire, to: A) => Promise<A>
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
  readonly admin: { readonly relay: URL; readonly gateway: URL }
  /** file of the trust root that clients are given */
  readonly trust: string
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
    const addresses = await crew.start(await makeMaterials(folder, Date.now()))
    return { folder, ...addresses, services: crew.services, broken: crew.broken, stop: () => crew.stop() }
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
  #stopping = false
  #tellBroken: (why: string) => void = () => undefined
  // The last resort, for exits that nobody planned; SIGKILL on us is covered by the leash in each process.
  readonly #lastResort = (): void => {
    for (const service of this.services) service.kill()
    this.#remove()
  }

  constructor(folder: string, options: PairOptions) {
    this.#folder = folder
    this.#options = options
    this.broken = new Promise((resolve) => (this.#tellBroken = resolve))
    process.on('exit', this.#lastResort)
  }

  async start(materials: Materials): Promise<Addresses> {
    const socket = join(materials.folders.app, 'app.sock')
    await this.#run('app', 'deploy/local/app.ts', appArgs(socket, this.#options), 'started')
    const app = await this.#wire('app', { path: socket })

    const cvmArgs = this.#config('cvm', cvmSettings(materials, app.path), materials)
    const cvm = await this.#wire(
      'cvm',
      at((await this.#run('cvm', 'gateway/cvm/main.ts', cvmArgs, 'listening'))['port']),
    )

    const keyLog = this.#keyLog()
    const recorded = keyLog.length > 0 ? ['--recorded'] : []
    const gatewayArgs = [
      ...this.#config('gateway', gatewaySettings(materials, cvm, this.#options.links), materials),
      ...recorded,
    ]
    const gatewaySaid = await this.#run('gateway', 'gateway/main.ts', gatewayArgs, 'started', keyLog)
    const gatewayAdmin = await this.#ready('gateway', gatewaySaid['adminPort'])
    const gateway = await this.#wire('gateway', at(gatewaySaid['port']))

    const relayArgs = this.#config('relay', relaySettings(materials, gateway), materials)
    const relaySaid = await this.#run('relay', 'relay/main.ts', relayArgs, 'started')
    const relayAdmin = await this.#ready('relay', relaySaid['adminPort'])
    const relay = await this.#wire('relay', at(relaySaid['port']))
    return { relay: urlOf(relay), admin: { relay: relayAdmin, gateway: gatewayAdmin }, trust: materials.trust }
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.services.map((service) => service.stop()))
    process.off('exit', this.#lastResort)
    this.#remove()
  }

  /** Starts a service and gives the fields of the log line by which it says that it is up. */
  async #run(name: Wire, door: string, args: readonly string[], event: string, nodeArgs: readonly string[] = []) {
    const more = this.#options.nodeArgs?.(name, this.#folder) ?? []
    const logFile = join(this.#folder, `${name}.log`)
    const service = startService({ name, door, args, nodeArgs: [...nodeArgs, ...more], logFile })
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

  #keyLog(): string[] {
    const file = this.#options.tlsKeyLog?.(this.#folder)
    return file === undefined ? [] : [`--tls-keylog=${file}`]
  }

  /** Asks /readyz until it says ready; what is missing is told whenever it changes. */
  async #ready(name: string, port: unknown): Promise<URL> {
    const admin = urlOf(at(port))
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
