/** A relay on a real socket between a raw client and a scripted gateway: every byte of both sides can be read. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { onTestFinished } from 'vitest'
import { bucketNamer } from '../../shared/limits/limiter.ts'
import { poolTo, type PoolOptions } from '../../shared/upstream/node.ts'
import { listen, type ServeLimits, type ServeTls } from '../../shared/upstream/serve.ts'
import { createAdmission, defaultLimits, type AdmissionOptions, type RelayLimits } from '../../relay/admit.ts'
import { createRelay, type RelayOptions } from '../../relay/app.ts'
import { createMirror } from '../../relay/mirror.ts'
import type { Pacing } from '../../relay/cells-at-tick.ts'
import { createMixing, diceOf, type Mixing, type MixingOptions } from '../../relay/mixing.ts'
import type { Limit, Outcome } from '../../relay/vocabulary.ts'

const loop = '127.0.0.1'
export const gatewayPath = '/.well-known/ohttp-gateway'

export type TestRelay = {
  readonly port: number
  readonly outcomes: Outcome[]
  /** limits that somebody met */
  readonly met: Limit[]
  /** octets of requests that were stored whole */
  readonly sizes: number[]
  readonly abandoned: () => number
  readonly active: () => number
  readonly connections: () => number
}

export type TestRelayOptions = Partial<Pick<RelayOptions, 'cors' | 'hosts' | 'tokens'>> & {
  readonly limits?: Partial<RelayLimits>
  readonly serve?: Partial<ServeLimits>
  readonly tls?: ServeTls
  readonly pool?: Partial<PoolOptions>
  readonly rate?: AdmissionOptions['rate']
  /** Profile `mixed`, with what differs from its defaults. */
  readonly mixing?: Partial<MixingOptions>
  /** Profile `paced`, together with `mixing`. */
  readonly pacing?: Pacing
}

export async function relayTo(gatewayPort: number, options: TestRelayOptions = {}): Promise<TestRelay> {
  const sizes = { connections: 1, every: 5, ...options.pool }
  const pool = poolTo({ origin: `http://${loop}:${gatewayPort}`, plaintextLoopback: true, ...sizes })
  const limits = { ...defaultLimits, ...options.limits }
  const nameOf = bucketNamer({ salt: () => new Uint8Array(32), now: Date.now })
  const met: Limit[] = []
  const limited = (limit: Limit): void => void met.push(limit)
  const admission = createAdmission({ rate: options.rate, ...limits, nameOf, now: Date.now, limited })
  const mirror = createMirror({ forward: pool.forward, now: Date.now })
  const outcomes: Outcome[] = []
  const stored: number[] = []
  const mixing = options.mixing && mixingOf({ ...limits, limited, ...options.mixing })
  const relay = createRelay({
    routes: [{ path: gatewayPath, forward: pool.forward, mirror }],
    admission,
    limits,
    cors: options.cors ?? false,
    hosts: options.hosts,
    tokens: options.tokens,
    mixing,
    pacing: options.pacing,
    sized: (_family, octets) => stored.push(octets),
    tally: (outcome) => outcomes.push(outcome),
    limited,
  })
  const server = await listen({
    fetch: relay.fetch,
    host: loop,
    port: 0,
    plaintextLoopback: true,
    tls: options.tls,
    limits: options.serve,
    meet: admission.meet,
    limited,
  })
  onTestFinished(async () => {
    await server.close(0)
    await pool.close()
  })
  const { port, connections } = server
  return { port, connections, outcomes, met, sizes: stored, abandoned: admission.abandoned, active: pool.active }
}

/** With the relay's own defaults, but for what is given. */
export function mixingOf(options: Partial<MixingOptions>): Mixing {
  const { answer, drainTime } = defaultLimits
  const sizes = { requests: 1024, octets: 1 << 26, memory: 1 << 30, answer, drainTime }
  const dice = diceOf(() => crypto.getRandomValues(new Uint8Array(32)))
  return createMixing({ tick: 50, ...sizes, dice, now: Date.now, ...options })
}

export type HttpGateway = { readonly port: number; readonly server: ReturnType<typeof createHttpServer> }

/** A gateway on Node's own server. */
export async function httpGateway(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<HttpGateway> {
  const server = createHttpServer(answer)
  server.keepAliveTimeout = 60_000
  const port = await opened(server)
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port, server }
}

export type RawGateway = {
  readonly port: number
  /** what each connection that said something sent, in the order in which they began to */
  readonly heard: string[]
  readonly sockets: Socket[]
}

/** A gateway that answers each complete-looking request on a connection with the text that the script gives. */
export async function rawGateway(
  script: (request: string, socket: Socket) => string | undefined,
  atEnd: (end: () => void) => void = onTestFinished,
): Promise<RawGateway> {
  const heard: string[] = []
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    let at: number | undefined
    sockets.push(socket)
    let pending = ''
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      at ??= heard.push('') - 1
      heard[at] = (heard[at] ?? '') + bytes.toString('latin1')
      pending += bytes.toString('latin1')
      if (!complete(pending)) return
      const request = pending
      pending = ''
      const text = script(request, socket)
      if (text !== undefined) socket.write(text, 'latin1')
    })
  })
  const port = await opened(server)
  atEnd(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port, heard, sockets }
}

/** Whether a text holds a whole HTTP/1.1 message of known length, or a chunked one with its last chunk. */
export function complete(text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return false
  const body = text.slice(end + 4)
  if (/^transfer-encoding: *chunked/im.test(text.slice(0, end))) return /(^|\r\n)0\r\n(?:.+\r\n)*\r\n$/.test(body)
  return body.length >= Number(/^content-length: *(\d+)/im.exec(text.slice(0, end))?.[1] ?? 0)
}

export function answer(status: string, fields: Record<string, string>, body = ''): string {
  const lines = Object.entries({ ...fields, 'content-length': String(body.length) }).map(([n, v]) => `${n}: ${v}\r\n`)
  return `HTTP/1.1 ${status}\r\n${lines.join('')}\r\n${body}`
}

export const sealed = 'sealed-bytes-that-nobody-here-can-open'
export const good = answer('200 OK', { 'content-type': 'message/ohttp-res' }, sealed)
/** As it has to be for a relay that mixes. */
export const goodOnGrid = answer('200 OK', { 'content-type': 'message/ohttp-res' }, sealed.padEnd(1024, '.'))

export function post(fields: Record<string, string> = {}, body = 'opaque', path = '/'): string {
  const all = { host: 'relay.example', 'content-type': 'message/ohttp-req', 'content-length': body.length, ...fields }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${String(value)}\r\n`)
  return `POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`
}

/** The start of an incremental upload: its head and the chunks that have come so far. */
export const uploading = (...chunks: string[]): string =>
  `POST / HTTP/1.1\r\nhost: x\r\ncontent-type: message/ohttp-chunked-req\r\nincremental: ?1\r\ntransfer-encoding: chunked\r\n\r\n${chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')}`

export type RawClient = { readonly socket: Socket; readonly heard: () => string; readonly closed: Promise<void> }

export function rawClient(port: number): RawClient {
  const socket = connect({ host: loop, port, noDelay: true })
  let text = ''
  socket.on('data', (bytes) => (text += bytes.toString('latin1')))
  socket.on('error', () => undefined)
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  onTestFinished(() => void socket.destroy())
  return { socket, heard: () => text, closed }
}

/** Sends text and gives the first complete answer that is not informational, or what came before the connection closed. */
export async function ask(port: number, text: string): Promise<string> {
  const client = rawClient(port)
  client.socket.write(text, 'latin1')
  const final = (): string => client.heard().replace(/^(?:HTTP\/1\.1 1\d\d .*\r\n(?:.+\r\n)*\r\n)+/, '')
  await until(() => complete(final()) || client.socket.destroyed)
  client.socket.destroy()
  return final()
}

export async function until(holds: () => boolean, milliseconds = 5_000): Promise<void> {
  const late = Date.now() + milliseconds
  while (!holds()) {
    if (Date.now() > late) throw new Error(`not within ${milliseconds} ms: ${holds.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

export function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

/** The head of a message as lines, the date's value masked. */
export function head(text: string): string[] {
  const lines = text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n')
  return lines.map((line) => line.replace(/^date: .*:00 GMT$/, 'date: <minute>'))
}

export function bodyOf(text: string): string {
  return text.slice(text.indexOf('\r\n\r\n') + 4)
}

async function opened(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, loop, resolve))
  return (server.address() as AddressInfo).port
}
