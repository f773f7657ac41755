/**
 * The way out of Node: open connections to one upstream, shared by everybody. In HTTP/1.1 over undici's dispatch: the fastest
 * way and the one with a closed head (feasibility 1, A1-A3, A11), where Node's fetch would add fields of its own; in HTTP/2
 * over Node's sessions (http2-link.ts).
 */
import { randomInt } from 'node:crypto'
import { Refusal } from '../refusal.ts'
import { Connection } from './connection.ts'
import { createConnections } from './connections.ts'
import { dial, trustOf, type HttpVersion, type Trust } from './dial.ts'
import type { Flow, Forward, Listener } from './exchange.ts'
import { StreamedConnection } from './http2-link.ts'
import { isLoopback } from './loopback.ts'
import { PoolExchange } from './pool-exchange.ts'
import type { DialTrouble } from './trouble.ts'
import { idleQuestion } from './warm.ts'

export type PoolOptions = {
  /** Scheme, host and port; a path is ignored. */
  readonly origin: string
  /** The switch without which `http:` is refused even on loopback. */
  readonly plaintextLoopback?: boolean | undefined
  /** Whom to believe and what to show, asked for each new connection. Left out: the public roots, and nothing. */
  readonly trust?: (() => Trust) | undefined
  /** What is spoken, and nothing else if the other side would rather. 2 needs `https:`. */
  readonly http?: HttpVersion
  /** How many connections there are, whoever comes. */
  readonly connections?: number
  /** Exchanges that one of them carries at a time; more than one needs HTTP/2. */
  readonly streams?: number
  /** Requests that may wait for a connection before new ones are refused as `busy`. */
  readonly queue?: number
  /** milliseconds that one of them may wait before it is `busy` too */
  readonly wait?: number
  /** milliseconds: connecting, first byte of the answer, and between any two of its bytes */
  readonly connect?: number
  readonly firstByte?: number
  readonly stall?: number
  /** milliseconds after which a connection is replaced; by age and never by count, which would change the last head */
  readonly lifetime?: number
  /** Asks for the key list on a connection that nobody has used for `idle` milliseconds, lest it be closed. */
  readonly keepOpen?: boolean
  readonly idle?: number
  /** milliseconds between two looks at what is missing or too old */
  readonly every?: number
  readonly dice?: (below: number) => number
  readonly now?: () => number
}

export type UpstreamPool = {
  readonly forward: Forward
  /** Exchanges under way, those waiting for a connection included. */
  readonly active: () => number
  /** Connections that take exchanges. */
  readonly open: () => number
  /** Why the last attempt at a connection failed; nothing when it did not, or nobody can tell. */
  readonly trouble: () => DialTrouble | undefined
  /** Replaces every connection by one that is dialled with the trust of now; what is under way ends where it is. */
  renew(): void
  close(): Promise<void>
}

export function poolTo(options: PoolOptions): UpstreamPool {
  const { connections = 128, streams = 1, queue = 1024 } = options
  const pool = createConnections(settled(options))
  const most = connections * streams + queue
  let active = 0
  const forward: Forward = (request, listener) => {
    if (active >= most) return busy(listener)
    active++
    const exchange = new PoolExchange(request, listener)
    exchange.whenOver(() => {
      active--
      pool.forget(exchange)
    })
    pool.start(exchange)
    return exchange
  }
  // Whatever is still under way when it closes has been given its time by the door.
  const { open, trouble } = pool
  return { forward, active: () => active, open, trouble, renew: () => pool.renew(), close: () => pool.close() }
}

function settled(options: PoolOptions): Parameters<typeof createConnections>[0] {
  const { connections: size = 128, wait = 5_000, firstByte = 65_000, stall = 30_000 } = options
  const { lifetime = 300_000, keepOpen = false, idle = 10_000, every = 1_000, dice = randomInt } = options
  const { connect: limit = 5_000, trust = publicTrust, http = '1.1', streams = 1, now = Date.now } = options
  const origin = secureOrigin(options)
  const each = { origin: origin.origin, firstByte, stall }
  if (http === '1.1' && streams !== 1) throw new TypeError('HTTP/1.1 carries one exchange at a time')
  return {
    dial: () => dial({ origin, trust, http, limit, now }),
    carrier: (on, events) =>
      http === '2'
        ? new StreamedConnection({ ...each, ...on, streams }, events)
        : new Connection({ ...each, ...on }, events),
    question: keepOpen ? idleQuestion : undefined,
    ...{ size, wait, lifetime, idle, every, dice },
  }
}

let publicRoots: Trust | undefined
const publicTrust = (): Trust => (publicRoots ??= trustOf({}))

function secureOrigin({ origin, http = '1.1', plaintextLoopback = false }: PoolOptions): URL {
  const url = new URL(origin)
  const plain = url.protocol === 'http:' && plaintextLoopback && isLoopback(url.hostname)
  if (url.protocol !== 'https:' && !plain) {
    throw new Refusal('insecure-configuration', 'an upstream is https:, or http: on loopback behind its own switch')
  }
  if (plain && http !== '1.1') throw new Refusal('insecure-configuration', 'HTTP/2 is spoken behind TLS only')
  return url
}

function busy(listener: Listener): Flow {
  queueMicrotask(() => listener.fail('busy'))
  return { pause: () => undefined, resume: () => undefined, abort: () => undefined }
}
