/**
 * One judged connection to a CVM, and the undici client that may use it: a client whose connector dials once, because a
 * second connection would be one that nobody has judged. trust.md 3.
 */
import type { Readable } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { Client } from 'undici'
import type { Verdict } from '../shared/attestation/judge.ts'
import type { Field } from '../shared/http/fields.ts'
import type { CvmRequest } from './attested-cvm.ts'
import type { Bound } from './binding.ts'
import { CvmFailure } from './cvm-failure.ts'
import { Exchange, type ExchangeLimits } from './exchange.ts'

// Idle connections live as long as their verdict; undici is never to end one by itself.
const never = 2 ** 31 - 1
const headerSection = 65_536
const framing = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding', 'upgrade'])

export type ConnectionOptions = Bound & { readonly limits: ExchangeLimits; readonly now: () => number }

export class AttestedConnection {
  readonly verdict: Verdict
  readonly #socket: TLSSocket
  readonly #client: Client
  readonly #limits: ExchangeLimits
  readonly #now: () => number
  #reason = new CvmFailure('unreachable', 'the connection ended')
  #idle: (() => void) | undefined

  constructor({ socket, verdict, limits, now }: ConnectionOptions) {
    this.verdict = verdict
    this.#socket = socket
    this.#limits = limits
    this.#now = now
    this.#idle = this.#refuseStrayBytes()
    // Each request names its own host; on an https origin undici would end the connection whenever that name changes.
    this.#client = new Client('http://cvm.invalid', {
      // Later, since undici forgets what is given to it while it asks; a microtask, so that nothing comes between.
      connect: (_options, callback) => queueMicrotask(() => this.#handOver(callback)),
      allowH2: false,
      pipelining: 1,
      keepAliveTimeout: never,
      keepAliveMaxTimeout: never,
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: headerSection,
    })
  }

  /** The socket lives, and what was believed of it still holds. */
  get alive(): boolean {
    return this.#socket.readable && this.#socket.writable && !this.lapsed
  }

  get lapsed(): boolean {
    return this.#now() >= this.verdict.notAfter
  }

  /** It has carried at least one request. */
  get used(): boolean {
    return this.#idle === undefined
  }

  /** Calls back once when the connection is gone, whoever ended it. */
  onEnd(listener: () => void): void {
    if (this.#socket.closed) queueMicrotask(listener)
    else this.#socket.once('close', listener)
  }

  /** Starts an exchange. Its `response` fails with CvmFailure when the connection is not what it was. */
  send(request: CvmRequest): Exchange {
    const exchange = new Exchange(request.method, this.#limits)
    if (!this.alive) {
      exchange.abort(this.#socket.destroyed ? this.#reason : new CvmFailure('expired', 'the verdict is over'))
      return exchange
    }
    const { method, path, body } = request
    const outgoing = body === null || body instanceof Uint8Array ? body : undiciBody(exchange.outgoing(body))
    // `reset: false`: a method whose answer or content is unusual costs no connection, and so no new attestation.
    this.#client.dispatch({ method, path, headers: written(request.headers), body: outgoing, reset: false }, exchange)
    return exchange
  }

  /** Ends the connection and whatever it carries; that fails with `reason`. */
  end(reason: CvmFailure): void {
    if (this.#socket.destroyed) return
    this.#reason = reason
    this.#client.destroy(reason).catch(() => undefined)
    this.#socket.destroy(reason)
  }

  // In one tick with undici taking it: a socket that has ended would make undici dial again (feasibility A9).
  #handOver(callback: (...result: [Error, null] | [null, TLSSocket]) => void): void {
    const release = this.#idle
    this.#idle = undefined
    release?.()
    if (release === undefined || this.#socket.destroyed) callback(this.#reason, null)
    else callback(null, this.#socket)
  }

  // Before its first request a connection has nobody who reads it, and nothing to say.
  #refuseStrayBytes(): () => void {
    const stray = (): void => {
      if (this.#socket.read() !== null) this.end(new CvmFailure('unreachable', 'bytes without a question'))
    }
    this.#socket.on('readable', stray).setKeepAlive(true, 30_000)
    return () => void this.#socket.off('readable', stray)
  }
}

// undici reads any async iterable; its types name only Node's streams.
function undiciBody(parts: AsyncIterable<Uint8Array>): Readable {
  return parts as unknown as Readable
}

function written(headers: readonly Field[]): string[] {
  return headers.flatMap(([name, value]) => (framing.has(name) ? [] : [name, value]))
}
