/** What the lab adds to the pair: taps, its own application, and in `inside` what the gateway's operator runs. */
import { join } from 'node:path'
import type { Address, Wire } from '../../../deploy/local/pair/pair.ts'
import { startService, type Service } from '../../../deploy/local/pair/service.ts'
import type { At } from '../../../deploy/local/pair/settings.ts'
import type { Placement } from '../contract.ts'
import { createLabApp, type LabApp } from './app.ts'
import { residueArgs, secretsArgs } from './preloads.ts'
import { createTap, type Tap, type TapOptions } from './tap.ts'
import { linkOf, type Link } from './wiring.ts'

/** `e` in `inside` alone. */
export type Taps = Readonly<Record<Exclude<Link, 'e'>, Tap>> & { readonly e?: Tap }

export class Scene {
  readonly services: Service[] = []
  readonly broken: Promise<string>
  readonly #placement: Placement
  readonly #progress: (text: string) => void
  readonly #taps = new Map<Link, Tap>()
  readonly #apps: LabApp[] = []
  #folder = ''
  #closing = false
  #tellBroken: (why: string) => void = () => undefined

  constructor(placement: Placement, progress: (text: string) => void) {
    this.#placement = placement
    this.#progress = progress
    this.broken = new Promise((resolve) => (this.#tellBroken = resolve))
  }

  get taps(): Taps {
    return Object.fromEntries(this.#taps) as Taps
  }

  get app(): LabApp {
    const [app] = this.#apps
    if (app === undefined) throw new TypeError('no application was asked for')
    return app
  }

  async onWire<A extends Address>(wire: Wire, to: A): Promise<A> {
    const link = linkOf(this.#placement, wire)
    if (!('path' in to)) {
      const at: At = { host: to.host, port: to.port }
      const far = link === 'b' && this.#placement === 'inside' ? await this.#passedThrough(at) : at
      return { ...to, ...(await this.#tap(link, { to: far })) }
    }
    // The pair's own application stays idle: the lab's stands in its place.
    this.#apps.push(await createLabApp(`${to.path}.lab`))
    await this.#tap(link, { to: { path: `${to.path}.lab` }, path: `${to.path}.tap` })
    return { ...to, path: `${to.path}.tap` }
  }

  nodeArgs(service: Wire, folder: string): string[] {
    this.#folder = folder
    if (service === 'app') return []
    const recorded = service === 'cvm' && this.#placement === 'inside'
    return [...residueArgs(folder), ...(recorded ? secretsArgs(folder) : [])]
  }

  async close(): Promise<void> {
    this.#closing = true
    for (const tap of this.#taps.values()) tap.close()
    for (const app of this.#apps) app.close()
    await Promise.all(this.services.map((service) => service.stop()))
  }

  async #tap(link: Link, options: TapOptions): Promise<{ port: number }> {
    const tap = await createTap(options)
    this.#taps.set(link, tap)
    return { port: tap.port }
  }

  /** Link D begins behind it. */
  async #passedThrough({ host, port }: At): Promise<At> {
    const behind = await this.#tap('d', { to: { host, port } })
    const service = startService({
      ...{ name: 'gateway', door: 'test/leaktest/live/pass-through.ts', logFile: join(this.#folder, 'gateway.log') },
      args: ['--to', `127.0.0.1:${String(behind.port)}`],
      nodeArgs: residueArgs(this.#folder),
    })
    this.services.push(service)
    void service.gone.then(() => this.#closing || this.#tellBroken('the pass-through ended by itself'))
    const said = await service.event('listening')
    this.#progress(`pass-through is up (process ${String(service.pid)})`)
    return { host: '127.0.0.1', port: Number(said['port']) }
  }
}
