/**
 * The one way in: a server whose every head and every error is a constant of ours, Node's own included; HTTP/1.1, and
 * HTTP/2 where it is wanted. wire.md "Heads are constants"; feasibility A2 (heads), RFC 9112 §9.6 (close), RFC 9110 §6.6.1.
 */
import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import { Server as NetServer, type AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { getRequestListener } from '@hono/node-server'
import { problem, type Problem, type ProblemStatus } from '../http/problem.ts'
import { Refusal } from '../refusal.ts'
// Brings the adapter's sentinel before the adapter replaces the global Response; made later it would go out as an answer.
import { plain, problemFields, type Bindings, type ShortWay } from './answer.ts'
import type { HttpVersion } from './dial.ts'
import { http2Speaker, type Speaker } from './http2-door.ts'
import { hangUp } from './http2-messages.ts'
import { isLoopback } from './loopback.ts'
import { isCrowded, namesOneHost } from './request-head.ts'
import { letGoOfStalled } from './stalled.ts'
import { tlsDoor, type ServeTls, type TlsDoor, type TurnedAway } from './tls-door.ts'

export type { ServeTls } from './tls-door.ts'

export type ServeLimits = {
  /** milliseconds for a TLS handshake, and for the head of a request; contents have stall limits of their own */
  readonly head: number
  /** milliseconds in which a client must take something of what was written to it, whatever that was */
  readonly stall: number
  /** milliseconds an idle connection is kept */
  readonly keepAlive: number
  readonly connections: number
  /** octets and fields of a request's header section */
  readonly headerSection: number
  readonly fields: number
  /** requests of one HTTP/2 connection at a time */
  readonly streams: number
}

export const defaultServeLimits: ServeLimits = {
  head: 15_000,
  stall: 30_000,
  // Longer than our own upstream pools keep theirs, so that it is the asker who closes.
  keepAlive: 75_000,
  connections: 10_000,
  headerSection: 16_384,
  fields: 128,
  streams: 128,
}

/** The limits that are met before there is a request, or instead of one. */
export type ListenerLimit = 'connections' | 'head' | 'pipelined'

export type ListenOptions = {
  readonly fetch: (request: Request, env: Bindings) => Response | Promise<Response>
  readonly shortWay?: ShortWay | undefined
  readonly host: string
  readonly port: number
  readonly tls?: ServeTls | undefined
  /** What is spoken behind TLS, in the order of preference for whoever can do both. */
  readonly http?: readonly HttpVersion[] | undefined
  /** Asked before each request of a peer that has a name; what it gives is the answer. */
  readonly gate?: Gate | undefined
  /** The switch without which plaintext is refused even on loopback. */
  readonly plaintextLoopback?: boolean | undefined
  readonly limits?: Partial<ServeLimits> | undefined
  /** A new connection from this address; nothing refuses it, otherwise the result is called when it has ended. */
  readonly meet?: ((address: string) => (() => void) | undefined) | undefined
  /** Somebody met a limit; nobody is told who. */
  readonly limited?: ((limit: ListenerLimit) => void) | undefined
  /** Somebody was let go for what TLS said of them. */
  readonly turned?: ((why: TurnedAway) => void) | undefined
  readonly now?: () => number
}

/** Something that a peer is refused before its request is looked at, or nothing. */
export type Gate = (peer: string, env: Bindings) => Problem | undefined

export type Listening = {
  readonly port: number
  readonly connections: () => number
  /** Shows and believes this from now on, without an end of anything. Throws, and changes nothing, if it does not fit. */
  trust(tls: ServeTls): void
  /** Takes no new connection, lets requests in flight end, and cuts what is left after `deadline` milliseconds. */
  close(deadline: number): Promise<void>
}

export async function listen(options: ListenOptions): Promise<Listening> {
  const { host, port, tls, plaintextLoopback = false } = options
  if (tls === undefined && !(plaintextLoopback && isLoopback(host))) {
    throw new Refusal('insecure-configuration', 'plaintext is served on loopback only, behind its own switch')
  }
  const { server, http2, door } = makeServer(options)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve(void server.off('error', reject)))
  })
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => open.get(server) ?? 0,
    trust: (tls) => door?.trust(tls),
    close: (deadline) => closeWithin(server, http2, deadline),
  }
}

const open = new WeakMap<Server, number>()

type Made = { readonly server: Server; readonly http2: Speaker | undefined; readonly door: TlsDoor | undefined }

function makeServer(options: ListenOptions): Made {
  const { tls, http = ['1.1'], meet, limited = () => undefined, turned = () => undefined, now = Date.now } = options
  const limits = { ...defaultServeLimits, ...options.limits }
  const date = minuteClock(now)
  const serve = adapted(options, (incoming) => door?.nameOf(incoming))
  const answer: Handler = (incoming, outgoing) => {
    // Its pin ended, or was taken away: not another word.
    if (door?.admits(incoming) === false) {
      turned('stranger')
      hangUp(incoming)
      return
    }
    constantHead(outgoing, date())
    if (leaving.has(server)) outgoing.setHeader('connection', 'close')
    const crowded = isCrowded(incoming.rawHeaders, limits)
    if (crowded) limited('head')
    if (crowded) refuse(outgoing, problem(431))
    else if (!namesOneHost(incoming.rawHeaders)) refuse(outgoing, problem(400))
    else serve(incoming, outgoing)
  }
  const refused = (outgoing: ServerResponse, status: 400 | 405): void => {
    constantHead(outgoing, date())
    refuse(outgoing, problem(status))
  }
  const flooded = (): void => limited('pipelined')
  const http2 =
    tls !== undefined && http.includes('2') ? http2Speaker({ answer, refuse: refused, flooded, limits }) : undefined
  const settings = serverSettings(limits)
  const handshake = { ...settings, handshakeTimeout: limits.head }
  const inTurn = oneByOne(limited, answer)
  const door =
    tls === undefined ? undefined : tlsDoor({ tls, settings: handshake, answer: inTurn, http, http2, turned, now })
  const server = door?.server ?? createServer(settings, inTurn)
  server.maxConnections = limits.connections
  // Zero keeps Node from silently dropping fields: the octets are limited by the parser, the count by us.
  server.maxHeadersCount = 0
  answerForServer(server, date, limited)
  countConnections(server, meet, limited)
  letGoOfStalled(server, tls === undefined ? 'connection' : 'secureConnection', limits.stall)
  return { server, http2, door }
}

type Handler = (incoming: IncomingMessage, outgoing: ServerResponse) => void

/**
 * RFC 9112 §9.3.2: requests that come before the answer to the one before them are taken up one after the other. One may
 * wait; whoever sends more than that without reading would have us keep an answer for each, so the connection ends.
 */
function oneByOne(limited: (limit: ListenerLimit) => void, handle: Handler): Handler {
  const waiting = new WeakSet<object>()
  return (incoming, outgoing) => {
    if (outgoing.socket !== null) {
      handle(incoming, outgoing)
      return
    }
    const { socket } = incoming
    if (waiting.has(socket)) {
      limited('pipelined')
      socket.destroy()
      return
    }
    waiting.add(socket)
    outgoing.once('socket', () => {
      waiting.delete(socket)
      handle(incoming, outgoing)
    })
  }
}

function serverSettings(limits: ServeLimits): ServerOptions {
  return {
    maxHeaderSize: limits.headerSection,
    headersTimeout: limits.head,
    // No limit on totals: a slow upload is a stalled one or it is fine. The body readers have the stall timer.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(5_000, limits.head),
    keepAliveTimeout: limits.keepAlive,
    insecureHTTPParser: false,
    // Ours to demand: Node would answer in its own words, and take the first of several for the only one.
    requireHostHeader: false,
    noDelay: true,
  }
}

function adapted(
  { fetch, shortWay = () => undefined, gate }: ListenOptions,
  nameOf: (incoming: IncomingMessage) => string | undefined,
): (incoming: IncomingMessage, outgoing: ServerResponse) => void {
  const listener = adapter(fetch)
  return (incoming, outgoing) => {
    const env = { incoming, outgoing }
    const peer = gate === undefined ? undefined : nameOf(incoming)
    const refused = peer === undefined ? undefined : gate?.(peer, env)
    if (refused !== undefined) return void adapter(() => plain(refused))(incoming, outgoing)
    const taken = shortWay(env)
    if (taken === undefined) void listener(incoming, outgoing)
    // Nothing can be said any more that would not look like an answer.
    else taken.catch(() => outgoing.destroy())
  }
}

// It also looks after what is left of a content that nobody read.
function adapter(fetch: ListenOptions['fetch']) {
  return getRequestListener((request, env) => fetch(request, env as Bindings), {
    // Before the app there are only malformed targets and hosts; after it, only our own mistakes.
    errorHandler: (error) => plain(problem(isRequestError(error) ? 400 : 500)),
  })
}

function isRequestError(error: unknown): boolean {
  return error instanceof Error && error.name === 'RequestError'
}

function constantHead(outgoing: ServerResponse, date: string): void {
  outgoing.sendDate = false
  outgoing.removeHeader('connection')
  outgoing.setHeader('date', date)
}

function refuse(outgoing: ServerResponse, refused: Problem): void {
  outgoing.writeHead(refused.status, { ...problemFields(refused), connection: 'close' }).end(refused.body)
}

// Answers that Node would give by itself, with a text of its own, without ever asking the app.
function answerForServer(server: Server, date: () => string, limited: (limit: ListenerLimit) => void): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const status = statusOf(error.code)
    if (status !== 400) limited('head')
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
    endWith(socket, problem(status), date())
  })
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => endWith(socket, problem(405), date()))
  server.on('checkExpectation', (_request, outgoing: ServerResponse) => {
    constantHead(outgoing, date())
    refuse(outgoing, problem(400))
  })
}

function statusOf(code: string | undefined): ProblemStatus {
  if (code === 'HPE_HEADER_OVERFLOW') return 431
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
}

/** milliseconds that somebody has to read what ended his connection, before it goes whether he closes it or not */
const linger = 200

function endWith(socket: Duplex, refused: Problem, date: string): void {
  const head = { date, ...problemFields(refused), connection: 'close' }
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`)
  // Node has taken its own listener away, and an error that nobody hears ends the process.
  socket.on('error', () => undefined)
  socket.end(`HTTP/1.1 ${refused.status} ${STATUS_CODES[refused.status] ?? ''}\r\n${lines.join('')}\r\n${refused.body}`)
  setTimeout(() => socket.destroy(), linger).unref()
}

/** Date truncated to the minute: a second would tell when inside a busy minute this answer was made. */
export function minuteClock(now: () => number): () => string {
  let minute = -1
  let text = ''
  return () => {
    const current = Math.floor(now() / 60_000)
    if (current !== minute) {
      minute = current
      text = new Date(current * 60_000).toUTCString()
    }
    return text
  }
}

function countConnections(
  server: Server,
  meet: ListenOptions['meet'] = () => () => undefined,
  limited: (limit: ListenerLimit) => void,
): void {
  server.on('drop', () => limited('connections'))
  server.on('connection', (socket) => {
    open.set(server, (open.get(server) ?? 0) + 1)
    const leave = meet(socket.remoteAddress ?? '')
    if (leave === undefined) socket.destroy()
    socket.once('close', () => {
      open.set(server, (open.get(server) ?? 1) - 1)
      leave?.()
    })
  })
}

/**
 * First only no new connections: whoever holds one may be about to use it, and a request that crosses our goodbye is lost. Its
 * answer says that it is the last one on that connection. Those that nobody used in half of the time go then, and with the
 * deadline all of them. RFC 9112 §9.6.
 */
async function closeWithin(server: Server, http2: Speaker | undefined, deadline: number): Promise<void> {
  const closed = new Promise<void>((resolve) => void NetServer.prototype.close.call(server, () => resolve()))
  leaving.add(server)
  http2?.notice()
  let looks: ReturnType<typeof setInterval> | undefined
  const unused = setTimeout(() => {
    // Connections fall idle one by one as their answers end; each look lets those go.
    http2?.close()
    server.closeIdleConnections()
    looks = setInterval(() => server.closeIdleConnections(), 50)
  }, deadline / 2)
  const late = setTimeout(() => {
    http2?.destroy()
    server.closeAllConnections()
  }, deadline)
  await closed
  http2?.stop()
  for (const timer of [unused, looks, late]) clearTimeout(timer)
  // Node's own closing, for what it keeps besides the socket.
  server.close()
}

const leaving = new WeakSet<Server>()
