/**
 * A warm pool of connections to one upstream, shared by everybody, over undici's dispatch: the fastest way out of Node
 * and the one with a closed head (feasibility 1, A1-A3, A11). Node's fetch would add fields of its own.
 */
import { Pool, type Dispatcher } from 'undici'
import { Refusal } from '../refusal.ts'
import type { Flow, Forward, Listener, UpstreamFailure, UpstreamRequest } from './exchange.ts'
import { isLoopback } from './loopback.ts'

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
  /** milliseconds: connecting, first byte of the answer, and between any two of its bytes */
  readonly connect?: number
  readonly firstByte?: number
  readonly stall?: number
  /** milliseconds after which a connection is replaced; by age and never by count, which would change the last head */
  readonly lifetime?: number
}

export type UpstreamPool = {
  readonly forward: Forward
  /** Exchanges under way, those waiting for a connection included. */
  readonly active: () => number
  close(): Promise<void>
}

export function poolTo(options: PoolOptions): UpstreamPool {
  const { connections = 256, queue = 1024 } = options
  const pool = new Pool(secureOrigin(options), poolSettings(options, connections))
  let active = 0
  const done = (): void => {
    active--
  }
  return {
    forward(request, listener) {
      if (active >= connections + queue) return busy(listener)
      active++
      const exchange = new PoolExchange(listener, done)
      pool.dispatch(dispatchOptions(request), exchange)
      return exchange
    },
    active: () => active,
    // Whatever is still under way at this point has been given its time by the door.
    close: () => pool.destroy(),
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

function poolSettings(options: PoolOptions, connections: number): Pool.Options {
  const { connect = 5_000, firstByte = 65_000, stall = 30_000, lifetime = 300_000 } = options
  const { ca, clientCertificate } = options
  return {
    connections,
    pipelining: 1,
    allowH2: false,
    clientTtl: lifetime,
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

function dispatchOptions({ method, path, fields, body }: UpstreamRequest): Dispatcher.DispatchOptions {
  // undici takes iterables too, which its types do not say.
  return { method, path, headers: fields as string[], body: body as Uint8Array | null, idempotent: false }
}

function busy(listener: Listener): Flow {
  queueMicrotask(() => listener.fail('busy'))
  return { pause: () => undefined, resume: () => undefined, abort: () => undefined }
}

class PoolExchange implements Dispatcher.DispatchHandler, Flow {
  readonly #listener: Listener
  readonly #done: () => void
  #controller: Dispatcher.DispatchController | undefined
  #aborted = false

  constructor(listener: Listener, done: () => void) {
    this.#listener = listener
    this.#done = done
  }

  pause(): void {
    this.#controller?.pause()
  }

  resume(): void {
    this.#controller?.resume()
  }

  abort(): void {
    this.#aborted = true
    this.#controller?.abort(new Error('let go'))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#aborted) this.abort()
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, fields: Record<string, unknown>): void {
    // RFC 9110 §15.2: informational answers are about this hop alone.
    if (status < 200) return
    this.#listener.head(status, (name) => {
      const value = fields[name]
      return typeof value === 'string' ? value : undefined
    })
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    // undici gives empty chunks after resume(): passing one on would spin a paused reader, or be sealed (feasibility A3).
    if (chunk.length > 0) this.#listener.data(chunk)
  }

  onResponseEnd(): void {
    this.#done()
    this.#listener.end()
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#done()
    this.#listener.fail(failureOf(error))
  }
}

const timeouts = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT'])

function failureOf(error: Error & { code?: string }): UpstreamFailure {
  return timeouts.has(error.code ?? '') ? 'timeout' : 'broken'
}
