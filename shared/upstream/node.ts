/**
 * The way out of Node: warm connections to one upstream, shared by everybody, over undici's dispatch: the fastest way
 * and the one with a closed head (feasibility 1, A1-A3, A11). Node's fetch would add fields of its own.
 */
import { Client } from 'undici'
import { Refusal } from '../refusal.ts'
import { createConnections } from './connections.ts'
import type { Flow, Forward, Listener } from './exchange.ts'
import { isLoopback } from './loopback.ts'
import { PoolExchange } from './pool-exchange.ts'
import { keepWarm } from './warm.ts'

export type PoolOptions = {
  /** Scheme, host and port; a path is ignored. */
  readonly origin: string
  /** The switch without which `http:` is refused even on loopback. */
  readonly plaintextLoopback?: boolean | undefined
  /** PEM; replaces the public roots: with it only these certify the upstream. */
  readonly ca?: string | Buffer | undefined
  /** PEM; shows who the relay is (RFC 9458 §6.2.2): one certificate for the whole process, never one per client. */
  readonly clientCertificate?: { readonly key: string | Buffer; readonly cert: string | Buffer } | undefined
  readonly connections?: number
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
  /** Connections that are opened, and kept open, before anybody needs them. */
  readonly warm?: number
}

export type UpstreamPool = {
  readonly forward: Forward
  /** Exchanges under way, those waiting for a connection included. */
  readonly active: () => number
  close(): Promise<void>
}

export function poolTo(options: PoolOptions): UpstreamPool {
  const { connections = 256, queue = 1024, wait = 5_000, lifetime = 300_000, warm = 0 } = options
  const origin = secureOrigin(options)
  const settings = clientSettings(options)
  const pool = createConnections({ dial: () => new Client(origin, settings), most: connections, lifetime, wait })
  let active = 0
  const done = (exchange: PoolExchange): void => {
    active--
    pool.forget(exchange)
  }
  const forward: Forward = (request, listener) => {
    if (active >= connections + queue) return busy(listener)
    active++
    const exchange = new PoolExchange(request, listener, done)
    pool.start(exchange)
    return exchange
  }
  const cool = keepWarm(forward, Math.min(warm, connections))
  return {
    forward,
    active: () => active,
    // Whatever is still under way at this point has been given its time by the door.
    close() {
      cool()
      return pool.close()
    },
  }
}

function secureOrigin({ origin, plaintextLoopback = false }: PoolOptions): string {
  const url = new URL(origin)
  const plain = url.protocol === 'http:' && plaintextLoopback && isLoopback(url.hostname)
  if (url.protocol !== 'https:' && !plain) {
    throw new Refusal('insecure-configuration', 'an upstream is https:, or http: on loopback behind its own switch')
  }
  return url.origin
}

function clientSettings(options: PoolOptions): Client.Options {
  const { connect = 5_000, firstByte = 65_000, stall = 30_000 } = options
  const { ca, clientCertificate } = options
  return {
    pipelining: 1,
    allowH2: false,
    connectTimeout: connect,
    headersTimeout: firstByte,
    bodyTimeout: stall,
    // Well below what a server of ours keeps, so that no request meets a connection that is being closed.
    keepAliveTimeout: 30_000,
    keepAliveMaxTimeout: 30_000,
    maxHeaderSize: 16_384,
    maxCachedSessions: 0,
    connect: { ...(ca === undefined ? {} : { ca }), ...clientCertificate, rejectUnauthorized: true },
  }
}

function busy(listener: Listener): Flow {
  queueMicrotask(() => listener.fail('busy'))
  return { pause: () => undefined, resume: () => undefined, abort: () => undefined }
}
