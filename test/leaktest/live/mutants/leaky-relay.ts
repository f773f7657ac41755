/**
 * A relay of the lab's own, for controls: without a leak it does what a relay must, so that every test passes on it; with
 * one planted, the test that is there for it has to fail. It stands between the same clients and the same gateway.
 */
import { createServer, type Server } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'undici'
import { privateKeyPem, certificatePem, issuedBy, selfSigned } from '../../../../shared/upstream/certificate.ts'
import { tickPeriod } from '../../claims.ts'
import { permuted } from '../../stats/draws.ts'
import { createRng } from '../../stats/rng.ts'
import type { LivePair } from '../pair.ts'
import { labRelayAddress } from '../wiring.ts'

/** What a relay knows of who asks. */
export type Asker = {
  readonly address: string
  readonly port: number
  readonly serverName: string
  readonly url: string
  /** names and values in turn, as they came */
  readonly raw: readonly string[]
  readonly header: (name: string) => string
}

export type Leak = {
  /** more fields of upstream heads, names and values in turn */
  readonly upstream?: (asker: Asker) => readonly string[]
  /** more fields of answers */
  readonly answer?: (asker: Asker, upstream: readonly string[]) => readonly string[]
  /** a line of the log for each request */
  readonly line?: (asker: Asker) => string
  /** more lines of the page of metrics */
  readonly page?: (askers: readonly Asker[]) => string
  /** a connection to the gateway for each client, and the name that its hello asks for */
  readonly ownConnection?: true
  readonly serverName?: (asker: Asker) => string
  /** what waits for a tick, as the profile has it, leaves as it came, or does not wait */
  readonly ticks?: 'in order' | 'none'
  readonly passesDepartures?: true
  readonly passesPace?: true
  /** what a client is shown of the gateway's keys */
  readonly keys?: (asker: Asker, copy: Buffer) => Buffer
  readonly asksForKeys?: true
  /** more words in the answer to a mistake */
  readonly mistake?: (asker: Asker) => string
  /** answers for the gateway when it could not open something */
  readonly unopened?: (message: Buffer, answer: Buffer) => Buffer
  /** keeps what passed by */
  readonly keeps?: true
}

export type LeakyRelay = {
  readonly port: number
  readonly ca: string
  readonly log: () => string
  readonly page: () => string
  readonly kept: () => readonly string[]
  close(): Promise<void>
}

const routes = {
  '/.well-known/asunder-bundle': 'application/asunder-bundle',
  '/.well-known/ohttp-gateway': 'application/ohttp-keys',
} as const
const types: Readonly<Record<string, string>> = {
  'message/ohttp-req': 'message/ohttp-res',
  'message/ohttp-chunked-req': 'message/ohttp-chunked-res',
}
const gatewayPath = '/.well-known/ohttp-gateway'
const poolSize = 32

export async function startLeakyRelay(pair: LivePair, leak: Leak): Promise<LeakyRelay> {
  const authority = selfSigned({ commonName: 'leaktest authority of a control', use: 'authority' })
  const door = issuedBy(authority, { commonName: 'leaky relay', use: 'server', names: ['127.0.0.1'] })
  const relay = new Relay(pair, leak)
  await relay.warm()
  const options = { key: privateKeyPem(door), cert: certificatePem(door), keepAliveTimeout: 60_000 }
  const server = createServer(options, (request, response) => void relay.serve(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    ca: certificatePem(authority),
    log: () => relay.lines.join(''),
    page: () => relay.page(),
    kept: () => relay.kept,
    close: async () => {
      await closed(server)
      await relay.close()
    },
  }
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(() => resolve()))
}

class Relay {
  readonly lines: string[] = []
  readonly kept: string[] = []
  readonly #pair: LivePair
  readonly #leak: Leak
  readonly #askers: Asker[] = []
  readonly #copies = new Map<string, Buffer>()
  readonly #idle: Client[] = []
  readonly #own = new Map<string, Client>()
  readonly #requests = new Departures()
  readonly #answers = new Departures()

  constructor(pair: LivePair, leak: Leak) {
    this.#pair = pair
    this.#leak = leak
  }

  /** Connections and copies are there before anybody asks. */
  async warm(): Promise<void> {
    this.#idle.push(...Array.from({ length: poolSize }, () => this.#client()))
    await Promise.all(this.#idle.map((client) => this.#copy(client, gatewayPath)))
    for (const path of Object.keys(routes)) this.#copies.set(path, await this.#copy(this.#idle[0] as Client, path))
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asker = askerOf(request)
    this.#askers.push(asker)
    if (this.#leak.line !== undefined) this.lines.push(`${this.#leak.line(asker)}\n`)
    if (this.#leak.keeps === true) this.kept.push(...asker.raw, asker.url)
    const path = asker.url.split('?')[0] ?? ''
    try {
      if (request.method === 'GET' && path in routes) await this.#keys(asker, path as keyof typeof routes, response)
      else await this.#forward(asker, path, request, response)
    } catch {
      response.destroy()
    }
  }

  page(): string {
    return `asunder_relay_up 1\n${this.#leak.page?.(this.#askers) ?? ''}`
  }

  async close(): Promise<void> {
    await Promise.all([...this.#idle, ...this.#own.values()].map((client) => client.destroy()))
  }

  async #keys(asker: Asker, path: keyof typeof routes, response: ServerResponse): Promise<void> {
    if (this.#leak.asksForKeys === true) await this.#with(asker, (client) => this.#copy(client, path))
    const copy = this.#copies.get(path) ?? Buffer.alloc(0)
    const fields = ['content-type', routes[path], 'cache-control', 'public, max-age=60']
    this.#answer(asker, response, 200, fields, this.#leak.keys?.(asker, copy) ?? copy)
  }

  async #forward(asker: Asker, path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const type = request.headers['content-type'] ?? ''
    const mistake = path !== '/' ? 404 : request.method !== 'POST' ? 405 : types[type] === undefined ? 415 : undefined
    const stored = this.#leak.passesPace === true ? undefined : await whole(request)
    if (mistake !== undefined) {
      const text = `{"status":${String(mistake)}${this.#leak.mistake?.(asker) ?? ''}}`
      this.#answer(asker, response, mistake, ['content-type', 'application/problem+json'], Buffer.from(text))
      return
    }
    await this.#tick(this.#requests)
    const gone = new AbortController()
    if (this.#leak.passesDepartures === true) response.on('close', () => response.writableFinished || gone.abort())
    await this.#with(asker, async (client) => {
      const answer = await client.request({
        ...{ method: 'POST', path: gatewayPath, signal: gone.signal, body: stored ?? request },
        headers: ['content-type', type, ...lengthOf(asker, stored), ...(this.#leak.upstream?.(asker) ?? [])],
      })
      const body = Buffer.from(await answer.body.arrayBuffer())
      await this.#tick(this.#answers)
      const status = answer.statusCode
      const shown = status === 200 ? body : (this.#leak.unopened?.(stored ?? body, body) ?? body)
      const named = ['content-type', String(answer.headers['content-type'])]
      this.#answer(asker, response, status, named, shown)
    })
  }

  async #tick(departures: Departures): Promise<void> {
    const { ticks } = this.#leak
    if (this.#pair.profile !== 'direct' && ticks !== 'none') await departures.next(ticks !== 'in order')
  }

  #answer(asker: Asker, response: ServerResponse, status: number, fields: readonly string[], body: Buffer): void {
    response.sendDate = false
    const more = this.#leak.answer?.(asker, this.#leak.upstream?.(asker) ?? []) ?? []
    response.writeHead(status, [...fields, 'content-length', String(body.length), ...more])
    response.end(body)
  }

  /** Any connection that is free, by dice, unless each client is to have its own. */
  async #with(asker: Asker, act: (client: Client) => Promise<unknown>): Promise<void> {
    if (this.#leak.ownConnection === true) {
      const own = this.#own.get(asker.address) ?? this.#client(this.#leak.serverName?.(asker))
      this.#own.set(asker.address, own)
      await act(own)
      return
    }
    while (this.#idle.length === 0) await sleep(2)
    const [client] = this.#idle.splice(Math.floor(Math.random() * this.#idle.length), 1) as [Client]
    await act(client).finally(() => this.#idle.push(client))
  }

  #client(servername?: string): Client {
    const { gateway, relayIdentity } = this.#pair
    const named = servername === undefined ? {} : { servername, checkServerIdentity: () => undefined }
    return new Client(`https://${gateway.host}:${String(gateway.port)}`, {
      ...{ pipelining: 1, localAddress: labRelayAddress },
      connect: { ...relayIdentity, ...named },
    })
  }

  async #copy(client: Client, path: string): Promise<Buffer> {
    const { body } = await client.request({ method: 'GET', path })
    return Buffer.from(await body.arrayBuffer())
  }
}

/** Of what is piped: in profiles that shape traffic a gateway wants to know it. */
function lengthOf({ header }: Asker, stored: Buffer | undefined): string[] {
  return stored === undefined ? ['content-length', header('content-length')] : []
}

/** Those who wait for the next tick of the wall clock. */
class Departures {
  #waiting: (() => void)[] = []

  next(shuffled: boolean): Promise<void> {
    if (this.#waiting.length === 0) setTimeout(() => this.#leave(shuffled), tickPeriod - (Date.now() % tickPeriod))
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #leave(shuffled: boolean): void {
    const all = this.#waiting
    this.#waiting = []
    const order = shuffled ? permuted(dice, all) : all
    for (const leave of order) leave()
  }
}

const dice = createRng(Date.now(), 'departures')

function askerOf({ socket, url = '', rawHeaders, headers }: IncomingMessage): Asker {
  return {
    address: socket.remoteAddress ?? '',
    port: socket.remotePort ?? 0,
    serverName: 'servername' in socket ? String(socket.servername) : '',
    url,
    raw: rawHeaders,
    header: (name) => String(headers[name] ?? ''),
  }
}

async function whole(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts)
}
