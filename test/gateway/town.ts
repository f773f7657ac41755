/** A gateway without ports, a real app on loopback behind it, and a client that holds the gateway's key list. */
import { Readable } from 'node:stream'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Hono } from 'hono'
import { Client } from 'undici'
import { afterAll, afterEach } from 'vitest'
import { createGateway, type Gateway, type GatewayOptions } from '../../gateway/app.ts'
import { Exchange, type ExchangeLimits } from '../../gateway/exchange.ts'
import { publication } from '../../gateway/publication.ts'
import { replayGuard, replayShares } from '../../gateway/replay.ts'
import { defaultMethods } from '../../gateway/screen.ts'
import type { AttestedCvm, CvmRequest } from '../../gateway/attested-cvm.ts'
import type { CvmPool, Lease } from '../../gateway/target.ts'
import type { Outcome } from '../../gateway/vocabulary.ts'
import { concat, utf8, fromUtf8, type Bytes } from '../../shared/bytes.ts'
import { decodeResponse } from '../../shared/bhttp/decode.ts'
import { encode, encodeContent, encodeEnd, encodeRequestHead } from '../../shared/bhttp/encode.ts'
import type { BinaryRequest, DecodedResponse, Field } from '../../shared/bhttp/message.ts'
import { nodeHpke } from '../../shared/hpke/node.ts'
import { aes128Gcm, hkdfSha256, x25519 } from '../../shared/hpke/suites.ts'
import { mediaTypes } from '../../shared/http/media-types.ts'
import { sealRequestChunks, type RequestChunkSealer, type ResponseChunkOpener } from '../../shared/ohttp/chunked.ts'
import { createGatewayKey, type GatewayKey, type KeyFinder } from '../../shared/ohttp/gateway-key.ts'
import { serializeKeyConfigs } from '../../shared/ohttp/key-config.ts'
import { sealRequest } from '../../shared/ohttp/request.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import type { Store } from '../../shared/store/store.ts'

export const start = Date.parse('2026-07-01T12:00:00Z')
export const suite = { kdf: hkdfSha256, aead: aes128Gcm }
export const origin = 'https://app.asunder.example'

export function newKey(keyId = 1): GatewayKey {
  return createGatewayKey({ keyId, kem: x25519, suites: [suite] })
}

/** What the app received, in order. */
export type Seen = {
  readonly method: string
  readonly url: string
  readonly headers: readonly Field[]
  readonly body: string
  readonly complete: boolean
}

const closers: (() => Promise<unknown> | undefined)[] = []
const close = async (): Promise<void> => {
  for (const one of closers.splice(0)) await one()
}
afterEach(close)
afterAll(close)

/** An HTTP server on loopback; `seen` fills as its requests end, complete or not. */
export async function appServer(handler: RequestListener): Promise<{ port: number; seen: Seen[] }> {
  const seen: Seen[] = []
  const server = createServer((incoming, outgoing) => {
    record(incoming, seen)
    handler(incoming, outgoing)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return { port: (server.address() as AddressInfo).port, seen }
}

function record(incoming: IncomingMessage, seen: Seen[]): void {
  const parts: Buffer[] = []
  incoming.on('data', (part: Buffer) => parts.push(part))
  incoming.on('error', () => undefined)
  incoming.on('close', () => {
    const raw = incoming.rawHeaders
    const headers = raw.flatMap((name, i): Field[] => (i % 2 === 0 ? [[name.toLowerCase(), raw[i + 1] ?? '']] : []))
    const body = Buffer.concat(parts).toString('latin1')
    seen.push({ method: incoming.method ?? '', url: incoming.url ?? '', headers, body, complete: incoming.complete })
  })
}

export type TestPool = Omit<CvmPool, 'lease'> & { lease(): AttestedCvm | undefined } & {
  free: number
  alive: boolean
  leases: number
  released: number
  sent: number
}

/** Leases that nobody judged, over plain HTTP to a real server: the test says whether they are alive. */
export function plainPool(port: number, limits: ExchangeLimits = { firstByte: 2_000, stall: 2_000 }): TestPool {
  const pool: TestPool = {
    free: Infinity,
    alive: true,
    leases: 0,
    released: 0,
    sent: 0,
    ready: true,
    get available() {
      return pool.free > 0
    },
    lease() {
      if (pool.free < 1) return undefined
      pool.free -= 1
      pool.leases += 1
      return plainLease(pool, port, limits)
    },
    onChange: () => () => undefined,
    revoke: () => undefined,
    close: () => Promise.resolve(),
  }
  return pool
}

function plainLease(pool: TestPool, port: number, limits: ExchangeLimits): AttestedCvm {
  const client = new Client(`http://127.0.0.1:${String(port)}`, { headersTimeout: 0, bodyTimeout: 0 })
  let released = false
  const lease = {
    get alive() {
      return pool.alive
    },
    send({ method, path, headers, body }: CvmRequest, signal?: AbortSignal) {
      pool.sent += 1
      const exchange = new Exchange(method, limits)
      if (signal !== undefined) exchange.heed(signal)
      const outgoing = body === null || body instanceof Uint8Array ? body : Readable.from(exchange.outgoing(body))
      client.dispatch({ method, path, headers: headers.flat(), body: outgoing, reset: false }, exchange)
      return exchange.response
    },
    release() {
      if (released) return
      released = true
      pool.released += 1
      pool.free += 1
      client.destroy().catch(() => undefined)
    },
    finder: (find: KeyFinder) => find,
  }
  return lease as unknown as Lease
}

export type TownOptions = Partial<Omit<GatewayOptions, 'keys'>> & {
  readonly claims?: Store
  readonly storeWorks?: (works: boolean) => void
  readonly handler?: RequestListener
  readonly targets?: readonly string[]
  readonly keys?: readonly GatewayKey[]
  readonly capacity?: number
  readonly cvmLimits?: ExchangeLimits
}

export type Town = {
  readonly app: Gateway
  readonly pool: TestPool
  readonly seen: Seen[]
  readonly outcomes: Outcome[]
  readonly faults: unknown[]
  readonly key: GatewayKey
  clock: number
}

export async function town(options: TownOptions = {}): Promise<Town> {
  const {
    handler = hello,
    targets = [origin],
    keys = [newKey()],
    capacity = 100,
    cvmLimits,
    storeWorks,
    ...more
  } = options
  const { port, seen } = await appServer(handler)
  const pool = plainPool(port, cvmLimits)
  const outcomes: Outcome[] = []
  const faults: unknown[] = []
  const key = keys[0]
  if (key === undefined) throw new TypeError('a town needs a key')
  const list = publication(
    mediaTypes.keys,
    serializeKeyConfigs(keys.map(({ config }) => config)),
    start,
    start + 3_600_000,
  )
  const made = { pool, seen, outcomes, faults, key, clock: start }
  const now = (): number => made.clock
  const window = 300_000
  const { claims = createMemoryStore({ shares: replayShares(capacity), now }), ...rest } = more
  const app = createGateway({
    find: (keyId) => keys.find(({ config }) => config.keyId === keyId),
    keys: () => list,
    bundle: () => publication(mediaTypes.bundle, utf8('a signed note'), start, start + 3_600_000),
    cvm: pool,
    once: replayGuard({ claims, window, now, ...(storeWorks === undefined ? {} : { works: storeWorks }) }),
    screen: { targets: new Set(targets), methods: defaultMethods, window },
    now,
    observe: (_family, outcome) => void outcomes.push(outcome),
    fault: (cause) => void faults.push(cause),
    ...rest,
  })
  return Object.assign(made, { app })
}

export const hello: RequestListener = (_incoming, outgoing) => {
  outgoing.writeHead(200, { 'content-type': 'text/plain', 'x-model': 'llama' }).end('hello')
}

export type Inside = Partial<Pick<BinaryRequest, 'method' | 'scheme' | 'authority' | 'path' | 'headers'>> & {
  readonly content?: string
  readonly date?: number | null
}

function headOf({
  method = 'GET',
  scheme = 'https',
  authority = 'app.asunder.example',
  path = '/',
  headers = [],
  date = start,
}: Inside) {
  const dated: Field[] = date === null ? [] : [['date', new Date(date).toUTCString()]]
  return { method, scheme, authority, path, headers: [...dated, ...headers] }
}

export function binaryRequest(inside: Inside): Bytes {
  const content = utf8(inside.content ?? '')
  return encode({ kind: 'request', framing: 'known', ...headOf(inside), content, trailers: [], padding: 0 })
}

export type Told = {
  readonly outer: Response
  readonly size: number
  readonly inner: DecodedResponse
  readonly text: string
}

export function post(
  app: Hono,
  type: string,
  body: Bytes | ReadableStream | null,
  path = '/.well-known/ohttp-gateway',
) {
  const init: RequestInit = { method: 'POST', headers: { 'content-type': type }, body, duplex: 'half' }
  return Promise.resolve(app.request(path, init))
}

/** One standard exchange, opened again. */
export async function ask({ app, key }: Pick<Town, 'app' | 'key'>, inside: Inside | Bytes = {}): Promise<Told> {
  const content = inside instanceof Uint8Array ? inside : binaryRequest(inside)
  const sealed = await sealRequest(nodeHpke, key.config, suite, content)
  const outer = await post(app, mediaTypes.request, sealed.message)
  return open(outer, sealed)
}

export async function open(
  outer: Response,
  sealed: { openResponse(message: Uint8Array): Promise<Bytes> },
): Promise<Told> {
  const message = new Uint8Array(await outer.arrayBuffer())
  const inner = decodeResponse(await sealed.openResponse(message))
  return { outer, size: message.length, inner, text: fromUtf8(inner.content) }
}

/** A chunked request, piece by piece: nothing is sent before the test says so. */
export class ChunkedClient {
  readonly sealer: RequestChunkSealer
  readonly opener: ResponseChunkOpener
  readonly body: ReadableStream<Uint8Array>
  #to!: ReadableStreamDefaultController<Uint8Array>

  private constructor(sealer: RequestChunkSealer) {
    this.sealer = sealer
    this.opener = sealer.response()
    this.body = new ReadableStream({ start: (to) => void (this.#to = to) })
    this.raw(sealer.head)
  }

  static async to({ config }: GatewayKey): Promise<ChunkedClient> {
    return new ChunkedClient(await sealRequestChunks(nodeHpke, config, suite))
  }

  raw(bytes: Uint8Array): void {
    this.#to.enqueue(bytes)
  }

  async chunk(plaintext: Uint8Array): Promise<void> {
    this.raw(await this.sealer.seal(plaintext))
  }

  async final(plaintext?: Uint8Array): Promise<void> {
    this.raw(await this.sealer.final(plaintext))
    this.#to.close()
  }

  /** The content ends here, final chunk or not. */
  stop(): void {
    this.#to.close()
  }

  breakOff(): void {
    this.#to.error(new Error('connection lost'))
  }

  async whole(inside: Inside): Promise<void> {
    await this.chunk(encodeRequestHead(headOf(inside)))
    if (inside.content) await this.chunk(encodeContent(utf8(inside.content)))
    await this.final(encodeEnd())
  }

  send(app: Hono): Promise<Response> {
    return post(app, mediaTypes.chunkedRequest, this.body)
  }
}

export const chunkedHead = (inside: Inside): Bytes => encodeRequestHead(headOf(inside))

/** One chunked exchange from beginning to end. */
export async function askChunked({ app, key }: Pick<Town, 'app' | 'key'>, inside: Inside = {}): Promise<Told> {
  const client = await ChunkedClient.to(key)
  await client.whole(inside)
  return openChunks(await client.send(app), client)
}

export async function openChunks(outer: Response, { opener }: ChunkedClient): Promise<Told> {
  const message = new Uint8Array(await outer.arrayBuffer())
  const plaintexts = [...(await opener.push(message)), ...(await opener.end())]
  const inner = decodeResponse(concat(...plaintexts))
  return { outer, size: message.length, inner, text: fromUtf8(inner.content) }
}

export const valueOf = (fields: readonly Field[], name: string): string | undefined =>
  fields.find(([found]) => found === name)?.[1]

export type { IncomingMessage, ServerResponse }
