/**
 * A whole street in each placement, over real sockets: app, CVM agents, gateway, publisher, and a relay that passes on
 * what it gets, keeps a copy, and shows another bundle where a test says so. Clients walk in with the library alone.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, vi } from 'vitest'
import { BundleFile, openInside } from '../../../gateway/cvm/inside.ts'
import { OwnKeys } from '../../../gateway/cvm/own-keys.ts'
import { gatewaySettings } from '../../../gateway/config.ts'
import { openGateway, type GatewayService } from '../../../gateway/service.ts'
import type { AllowSimulated } from '../../../shared/attestation/policy.ts'
import type { Placement } from '../../../shared/attestation/trust-root.ts'
import { concat, type Bytes } from '../../../shared/bytes.ts'
import { createObliviousFetch, ObliviousError, type NodeOptions } from '../../../shared/client/index.ts'
import { mediaTypes } from '../../../shared/http/media-types.ts'
import { x25519, xWing } from '../../../shared/hpke/suites.ts'
import { chunked, standard } from '../../../shared/ohttp/labels.ts'
import { echo, newVendor, type Handler, type Machine } from '../../gateway/cvm/machine.ts'
import { minute, requestSettings, rotation, sealedMachine, type Sealed } from '../../gateway/cvm/own-machine.ts'
import { machineWith } from '../../gateway/cvm/pools.ts'
import { publisher, type Publisher } from '../../gateway/publisher.ts'
import { place, worldOf, type Line } from '../../gateway/settled.ts'
import { serve } from '../../shared/client/town.ts'

export const target = 'https://app.asunder.example/v1/notes'
const hour = 60 * minute

/** What stands behind the relay. */
export type Behind = {
  readonly placement: Placement
  /** of the gateway, or in `inside` of the CVM */
  readonly url: string
  readonly trust: string
  readonly allowSimulated?: AllowSimulated
  readonly machines: readonly Machine[]
  /** attested placements only */
  readonly at?: Publisher
  readonly sealed?: readonly Sealed[]
  readonly service?: GatewayService
  readonly lines?: readonly Line[]
  /** `sealed` only: ends the gateway, forgets every claim it made, and starts it again; gives its new address */
  readonly reset?: () => Promise<string>
  /** what is served where a bundle is asked for */
  bundle(): Promise<string>
}

export type Street = Behind & {
  readonly relay: string
  /** bodies of the requests that reached the relay, whole */
  readonly posts: Bytes[]
  /** What the relay shows in place of the bundle, until it is undefined again. */
  shown: string | undefined
  /** Answers in place of what stands behind. */
  instead: ((body: Bytes) => Promise<Response | undefined>) | undefined
  client(options?: Partial<NodeOptions>): ReturnType<typeof createObliviousFetch>
}

export type StreetOptions = {
  readonly handler?: Handler
  readonly cvms?: number
  readonly keys?: { claims?: number }
  /** where the gateway is told that a CVM listens, once its keys are published */
  readonly link?: (machine: Machine) => Promise<number>
}

export async function street(placement: Placement, options: StreetOptions = {}): Promise<Street> {
  const behind = await { front, inside, sealed }[placement](options)
  const posts: Bytes[] = []
  const state = { ...behind, relay: '', posts, shown: undefined, instead: undefined } as unknown as Street
  const { url, close } = await serve((incoming, outgoing) => {
    if (incoming.method === 'OPTIONS') return void outgoing.writeHead(204, cors).end()
    const parts: Uint8Array[] = []
    incoming.on('data', (part: Uint8Array) => void parts.push(part))
    incoming.on('end', () => {
      const body = concat(...parts)
      const answered = incoming.method === 'GET' ? bundleOf(state) : passedOn(state, incoming.headers, body)
      answered.then(
        async (answer) => {
          outgoing.writeHead(answer.status, { ...cors, 'content-type': answer.headers.get('content-type') ?? '' })
          for await (const piece of answer.body ?? []) outgoing.write(piece)
          outgoing.end()
        },
        () => outgoing.destroy(),
      )
    })
  })
  onTestFinished(close)
  const client: Street['client'] = (more = {}) => {
    const asked = {
      ...{ relay: url, trust: behind.trust, placement, plaintextLoopback: true },
      ...(behind.allowSimulated && { allowSimulated: behind.allowSimulated }),
      wait: () => Promise.resolve(),
    }
    const fetch = createObliviousFetch({ ...asked, ...more })
    onTestFinished(() => fetch.close())
    return fetch
  }
  return Object.assign(state, { relay: url, client })
}

/** So that a page can be the client. wire.md "CORS". */
const cors = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, POST',
  'access-control-allow-headers': 'content-type, incremental',
} as const

async function bundleOf(state: Street): Promise<Response> {
  return new Response(state.shown ?? (await state.bundle()), { headers: { 'content-type': mediaTypes.bundle } })
}

async function passedOn(state: Street, headers: NodeJS.Dict<string | string[]>, body: Bytes): Promise<Response> {
  state.posts.push(body)
  const answer = await state.instead?.(body)
  if (answer !== undefined) return answer
  return fetch(state.url, { method: 'POST', headers: { 'content-type': String(headers['content-type']) }, body })
}

/** How the client's promise ends: the code, with the rule that was broken; or 'served'. */
export async function endOf(work: Promise<Response>): Promise<string> {
  try {
    const answer = await work
    await answer.arrayBuffer()
    return 'served'
  } catch (error) {
    if (!(error instanceof ObliviousError)) throw error
    return error.reason === undefined ? error.code : `${error.code}: ${error.reason}`
  }
}

async function front({ handler = echo }: StreetOptions): Promise<Behind> {
  const { settings, folder, rootNote } = await place(handler)
  const service = await openGateway(gatewaySettings(JSON.stringify(settings), 'test'), worldOf(folder))
  onTestFinished(() => service.force())
  await ready(service)
  const url = `http://127.0.0.1:${String(service.port)}`
  const bundle = async () => (await fetch(`${url}/.well-known/asunder-bundle`)).text()
  return { placement: 'front', url, trust: rootNote, machines: [], bundle, service }
}

async function inside({ handler = echo, keys: more = {} }: StreetOptions): Promise<Behind> {
  const folder = mkdtempSync(join(tmpdir(), 'inside-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const keys = new OwnKeys({
    ...{ kems: [x25519, xWing], labels: [standard, chunked], claims: 100, ...more },
    rotation: { ...rotation, life: 10 * hour, overlap: 10 * hour },
    ...{ now: Date.now, monotonic: () => performance.now() },
  })
  let app = ''
  const own = (path: string) => ((app = path), { layer: 'outer' as const, keys })
  const machine = await machineWith({ handler, own, life: 300 * minute, vendor: newVendor() })
  const at = await publisher([machine], { placement: 'inside' })
  await at.publish()
  const bundle = new BundleFile(at.file)
  const listener = {
    listen: { host: '127.0.0.1', port: 0 },
    tls: null,
    publicHosts: null,
    connections: 10,
    bundle: at.file,
  }
  const ended = (): void => undefined
  const options = { keys, settings: requestSettings, app, now: Date.now, ended, public: listener, bundle }
  const listening = await openInside(options)
  onTestFinished(() => listening.close(0))
  const url = `http://127.0.0.1:${String(listening.port)}`
  const given = { trust: at.ships.rootNote, allowSimulated: machine.allowSimulated, machines: [machine] }
  return { placement: 'inside', url, ...given, at, bundle: () => Promise.resolve(at.bundle()) }
}

async function sealed({ handler = echo, cvms: count = 2, keys = {}, link }: StreetOptions): Promise<Behind> {
  const options = { vendor: newVendor(), life: 300 * minute, keys, handler }
  const cvms = await Promise.all(Array.from({ length: count }, () => sealedMachine(options)))
  const machines = cvms.map(({ machine }) => machine)
  const at = await publisher(machines)
  await at.publish()
  const ports = await Promise.all(machines.map((machine) => link?.(machine) ?? Promise.resolve(machine.port)))
  const settings = {
    placement: 'sealed',
    listen: { port: 0, plaintextLoopback: true },
    trust: 'root.note',
    cvms: (at.settings['cvms'] as object[]).map((cvm, n) => ({ ...cvm, port: ports[n], connections: 2 })),
    keys: { file: 'keys.json' },
    store: { kind: 'sqlite', file: 'claims.db' },
    bundle: { file: 'bundle.note' },
    drain: 1_000,
  }
  const world = worldOf(at.folder)
  const open = async (): Promise<GatewayService> => {
    const service = await openGateway(gatewaySettings(JSON.stringify(settings), 'test'), world)
    onTestFinished(() => service.force())
    if (link === undefined) await ready(service)
    return service
  }
  const service = await open()
  const reset = async (): Promise<string> => {
    await service.force()
    for (const name of readdirSync(at.folder)) if (name.startsWith('claims.db')) rmSync(join(at.folder, name))
    return urlOf(await open())
  }
  const [first] = machines
  const given = { trust: at.ships.rootNote, machines, ...(first && { allowSimulated: first.allowSimulated }) }
  const bundle = () => Promise.resolve(at.bundle())
  return {
    placement: 'sealed',
    url: urlOf(service),
    ...given,
    at,
    sealed: cvms,
    service,
    reset,
    lines: world.lines,
    bundle,
  }
}

function urlOf({ port }: GatewayService): string {
  return `http://127.0.0.1:${String(port)}`
}

async function ready({ adminPort }: GatewayService): Promise<void> {
  const asked = async (): Promise<void> => {
    const { status } = await fetch(`http://127.0.0.1:${String(adminPort)}/readyz`)
    if (status !== 200) throw new Error('not ready')
  }
  await vi.waitFor(asked, { timeout: 8_000, interval: 20 })
}
