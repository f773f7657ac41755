/**
 * The pair with each operator in a namespace of its own. What level 1 hears with taps is read off captured packets here, so
 * that the same audit can be made of it. The CVM's application is a socket file inside the CVM, tapped as at level 1.
 */
import type { ChildProcess } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startPair, type Address, type Settings, type Wire } from '../../../deploy/local/pair/pair.ts'
import type { At } from '../../../deploy/local/pair/settings.ts'
import { certificatePem, issuedBy, privateKeyPem, selfSigned } from '../../../shared/upstream/certificate.ts'
import { createLabApp, type LabApp } from '../live/app.ts'
import { settled, type LivePair } from '../live/pair.ts'
import type { Taps } from '../live/scene.ts'
import { createTap, type Tap } from '../live/tap.ts'
import { pagesIn } from '../live/wiring.ts'
import { leftRunning } from './commands.ts'
import { leakPreload } from './leaks.ts'
import { gatewayName, linkPlans, planOf, type LinkPlan, type Place } from './plan.ts'
import { streamsOf } from './streams.ts'
import { createWorld, type World } from './world.ts'

export type NetPair = {
  readonly live: LivePair
  readonly world: World
  /** the port at the far end of each link */
  readonly ports: ReadonlyMap<LinkPlan['name'], number>
  /** what to add to the time of a packet to have the taps' */
  readonly clock: number
  /** octets on the links that no watcher saw although it saw what came after */
  readonly missing: () => number
  /** socket file of the leaks that may be planted in that operator */
  readonly leaksOf: (operator: 'relay' | 'gateway' | 'cvm') => string
  /** Ends everything, and gives how many packets no watcher had time for. */
  stop(): Promise<number>
}

export type NetPairOptions = {
  readonly folder: string
  readonly progress: (text: string) => void
  readonly connections: number
  readonly links: number
}

const placeOf: Readonly<Record<Wire, Place>> = { relay: 'relay', gateway: 'gateway', cvm: 'cvm', app: 'cvm' }
const linkOf: Readonly<Record<Exclude<Wire, 'app'>, LinkPlan['name']>> = { relay: 'a', gateway: 'b', cvm: 'd' }
const secretsFile = 'tls-secrets.log'

export async function startNetPair(options: NetPairOptions): Promise<NetPair> {
  const world = await createWorld(options.folder)
  const crew = new Crew(world, options)
  try {
    return await crew.start()
  } catch (error) {
    await crew.close()
    await world.stop()
    throw error
  }
}

class Crew {
  readonly #world: World
  readonly #options: NetPairOptions
  readonly #ports = new Map<LinkPlan['name'], number>()
  readonly #helpers: ChildProcess[] = []
  readonly #taps: Tap[] = []
  readonly #clock = clockOffset()
  readonly #authority = selfSigned({ commonName: 'leaktest authority', use: 'authority' })
  #app: LabApp | undefined

  constructor(world: World, options: NetPairOptions) {
    this.#world = world
    this.#options = options
  }

  async start(): Promise<NetPair> {
    const { progress, links, connections, folder } = this.#options
    await this.#help('outside', 'name-server.ts', [])
    const pair = await startPair({
      ...{ progress, links },
      within: (service) => this.#world.within(placeOf[service]),
      onWire: (wire, to) => this.#onWire(wire, to),
      onAdmin: (service, to) => this.#onAdmin(service, to),
      settings: (service, given, folders) => this.#settings(service, given, folders),
      tlsKeyLog: (of) => join(of, secretsFile),
      nodeArgs: (service) => (service === 'app' ? [] : ['--import', leakPreload(join(folder, `${service}.leaks`))]),
    })
    const taps = { a: this.#link('a'), b: this.#link('b'), d: this.#link('d'), app: this.#taps[0] as Tap }
    await settled(taps.b, connections)
    const close = async (): Promise<void> => {
      await pair.stop()
      await this.close()
    }
    return {
      live: this.#live(pair, taps, close),
      world: this.#world,
      ports: this.#ports,
      clock: this.#clock,
      missing: () => linkPlans.reduce((sum, { name }) => sum + this.#streams(name).missing, 0),
      leaksOf: (operator) => join(folder, `${operator}.leaks`),
      stop: async () => {
        await close()
        return this.#world.stop()
      },
    }
  }

  async close(): Promise<void> {
    for (const helper of this.#helpers) helper.kill('SIGKILL')
    for (const tap of this.#taps) tap.close()
    this.#app?.close()
    await Promise.resolve()
  }

  #live(pair: Awaited<ReturnType<typeof startPair>>, taps: Taps, stop: () => Promise<void>): LivePair {
    const read = (party: string, name: string): string => readFileSync(join(pair.folder, party, name), 'utf8')
    return {
      ...{ placement: 'front', profile: 'direct', allowSimulated: undefined, pages: pagesIn.front },
      folder: pair.folder,
      port: taps.a.port,
      gateway: { host: taps.b.host, port: taps.b.port },
      ca: certificatePem(this.#authority),
      trust: readFileSync(pair.trust, 'utf8'),
      admin: pair.admin,
      app: this.#app as LabApp,
      taps,
      relayIdentity: {
        key: read('relay', 'client.key'),
        cert: read('relay', 'client.pem'),
        ca: read('relay', 'authority.pem'),
      },
      keyLog: () => readFileSync(join(pair.folder, secretsFile), 'utf8'),
      log: (operator) => readFileSync(join(pair.folder, `${operator}.log`)),
      residue: () => Promise.reject(new TypeError('memory is looked at at level 1')),
      broken: pair.broken,
      stop,
    }
  }

  async #onWire<A extends Address>(wire: Wire, to: A): Promise<A> {
    if ('path' in to || wire === 'app') {
      const path = (to as { readonly path: string }).path
      this.#app = await createLabApp(`${path}.lab`)
      this.#taps.push(await createTap({ to: { path: `${path}.lab` }, path: `${path}.tap` }))
      return { ...to, path: `${path}.tap` }
    }
    this.#ports.set(linkOf[wire], to.port)
    return { ...to, host: planOf(linkOf[wire]).farAddress }
  }

  async #onAdmin(service: 'relay' | 'gateway', { port }: At): Promise<At> {
    const path = join(this.#options.folder, `${service}.admin`)
    await this.#help(service, 'admin-door.ts', [path, String(port)])
    const tap = await createTap({ to: { path } })
    this.#taps.push(tap)
    return { host: tap.host, port: tap.port }
  }

  async #help(place: Place | 'outside', script: string, args: readonly string[]): Promise<void> {
    const own = [process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, script), ...args]
    this.#helpers.push(await leftRunning([...this.#world.within(place), ...own], /listening/))
  }

  #settings(service: Wire, given: Settings, folders: Readonly<Record<'relay' | 'gateway', string>>): Settings {
    const changed = { ...given, listen: { ...(given['listen'] as object), host: addressOf(service) } }
    if (service === 'cvm') return changed
    const folder = folders[service as 'relay' | 'gateway']
    const put = (name: string, text: string): void => writeFileSync(join(folder, name), text, { mode: 0o600 })
    put('authority.pem', certificatePem(this.#authority))
    const names = service === 'gateway' ? [gatewayName] : [addressOf('relay')]
    const server = issuedBy(this.#authority, { commonName: `leaktest ${service}`, use: 'server', names })
    put('server.key', privateKeyPem(server))
    put('server.pem', certificatePem(server))
    if (service === 'gateway') return changed
    const client = issuedBy(this.#authority, { commonName: 'leaktest relay', use: 'client' })
    put('client.key', privateKeyPem(client))
    put('client.pem', certificatePem(client))
    const [route] = given['routes'] as { gateway: string }[]
    const listen = { host: addressOf('relay'), port: 0, tls: { key: 'server.key', cert: 'server.pem' } }
    const gateway = route?.gateway.replace(addressOf('gateway'), gatewayName)
    const upstream = { connections: this.#options.connections, lifetime: '1h' }
    return { ...given, listen, routes: [{ ...route, gateway }], cors: false, limits: { incremental: 8 }, upstream }
  }

  #link(name: LinkPlan['name']): Tap {
    const port = this.#ports.get(name) as number
    return {
      host: planOf(name).farAddress,
      port,
      connections: () => this.#streams(name).connections,
      close: () => undefined,
    }
  }

  /** Links A and B as the relay's watcher saw them, so that both have one clock and one order; D as the gateway's did. */
  #streams(name: LinkPlan['name']): ReturnType<typeof streamsOf> {
    const to = { address: planOf(name).farAddress, port: this.#ports.get(name) as number }
    return streamsOf(this.#world.packets(name === 'd' ? 'gateway' : 'relay'), { to, clock: this.#clock })
  }
}

function addressOf(service: Wire): string {
  return service === 'app' ? '' : planOf(linkOf[service]).farAddress
}

/** Packets have the time of day; taps count from the start of this process. */
function clockOffset(): number {
  const from = Date.now()
  let now = from
  // At a turn of the millisecond both are known to a small part of one.
  while (now === from) now = Date.now()
  return performance.now() - now
}
