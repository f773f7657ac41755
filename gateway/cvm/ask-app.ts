/**
 * One opened request to the app beside us, over its Unix socket, and the answer with its body pulled. For the placements
 * that open requests in here; `front` passes them on as they come (app-bridge.ts). trust.md 4; RFC 9112 §6.
 */
import { Agent, type ClientRequest, type IncomingMessage, request as startRequest } from 'node:http'
import { CvmFailure, type CvmRequest, type CvmResponse } from '../oblivious.ts'
import type { Field } from '../../shared/http/fields.ts'
import { patient, type Patience } from '../../shared/http/patience.ts'

export type AppOptions = {
  /** Path of the app's Unix socket. */
  readonly app: string
  /** milliseconds from the last byte of the request that was taken to the head of the answer */
  readonly firstByte: number
  /** milliseconds between two pieces of the answer */
  readonly stall: number
}

/** Throws CvmFailure, or what the request's own body threw, or the signal's reason. */
export type AskApp = (request: CvmRequest, signal?: AbortSignal) => Promise<CvmResponse>

const headerSection = 65_536
const framing = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding', 'upgrade'])

export function askApp(options: AppOptions): AskApp {
  // A fresh Unix connection costs microseconds; a kept one may be closing while we write, or remember another request.
  const agent = new Agent({ keepAlive: false, maxSockets: Infinity })
  return (request, signal) => {
    const { method, path, headers, body } = request
    const outgoing = startRequest({
      agent,
      socketPath: options.app,
      method,
      path,
      headers: [...headers.filter(([name]) => !framing.has(name)), ...framed(method, body)].flat(),
      maxHeaderSize: headerSection,
    })
    return new Conversation(outgoing, request, options, signal).response
  }
}

/** Ours to say: what the sender of the request said of its content has been held against the content already. */
function framed(method: string, body: CvmRequest['body']): Field[] {
  if (body instanceof Uint8Array) return [['content-length', String(body.length)]]
  if (body !== null) return [['transfer-encoding', 'chunked']]
  return ['POST', 'PUT', 'PATCH'].includes(method) ? [['content-length', '0']] : []
}

class Conversation {
  readonly response: Promise<CvmResponse>
  readonly #outgoing: ClientRequest
  readonly #method: string
  readonly #stall: number
  readonly #head = Promise.withResolvers<CvmResponse>()
  readonly #signal: AbortSignal | undefined
  #watch: Patience
  #failure: Error | undefined

  constructor(outgoing: ClientRequest, request: CvmRequest, options: AppOptions, signal: AbortSignal | undefined) {
    this.#outgoing = outgoing
    this.#method = request.method
    this.#stall = options.stall
    this.#signal = signal
    this.response = this.#head.promise
    this.#watch = patient(options.firstByte, () => this.#fail(slow()))
    outgoing.on('response', (incoming) => this.#answered(incoming))
    outgoing.on('upgrade', (_answer, socket) => {
      socket.destroy()
      this.#fail(new CvmFailure('unreachable', 'another protocol'))
    })
    outgoing.on('error', (cause) => this.#fail(new CvmFailure('unreachable', 'the app broke off', { cause })))
    outgoing.on('close', () => this.#over())
    signal?.addEventListener('abort', this.#leave)
    if (signal?.aborted === true) this.#leave()
    else void this.#write(request.body)
  }

  readonly #leave = (): void => {
    const reason: unknown = this.#signal?.reason
    this.#fail(reason instanceof Error ? reason : new CvmFailure('unreachable', 'given up'))
  }

  #fail(failure: Error): void {
    this.#failure ??= failure
    this.#head.reject(this.#failure)
    this.#over()
    this.#outgoing.destroy(this.#failure)
  }

  #over(): void {
    this.#watch.end()
    this.#signal?.removeEventListener('abort', this.#leave)
  }

  /** Every piece that the app takes is a sign of life. */
  async #write(body: CvmRequest['body']): Promise<void> {
    try {
      if (body === null || body instanceof Uint8Array) {
        this.#outgoing.end(body ?? undefined)
        return
      }
      for await (const piece of body) {
        if (this.#outgoing.destroyed) return
        if (!this.#outgoing.write(piece)) await this.#drained()
        this.#watch.renew()
      }
      this.#outgoing.end()
    } catch (cause) {
      // Not the app's failure: who handed in the content gets its own error back.
      this.#fail(cause instanceof Error ? cause : new TypeError('not an error'))
    }
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#outgoing.once('drain', resolve).once('close', resolve)
    })
  }

  #answered(incoming: IncomingMessage): void {
    this.#watch.end()
    const { statusCode: status = 502, rawHeaders } = incoming
    const headers = fieldsIn(rawHeaders)
    if (!this.#ends(status, headers)) {
      this.#fail(new CvmFailure('unreachable', 'an answer whose end could be cut off unnoticed'))
      return
    }
    const body = { [Symbol.asyncIterator]: () => this.#pieces(incoming) }
    this.#head.resolve({ status, headers, body, trailers: () => fieldsIn(incoming.rawTrailers) })
  }

  // RFC 9112 §6.3: an answer without a length ends with its connection, so that a cut looks like an end.
  #ends(status: number, headers: readonly Field[]): boolean {
    if (this.#method === 'HEAD' || status === 204 || status === 304) return true
    return headers.some(([name]) => name === 'content-length' || name === 'transfer-encoding')
  }

  async *#pieces(incoming: IncomingMessage): AsyncGenerator<Uint8Array, void> {
    const parts = incoming[Symbol.asyncIterator]() as AsyncIterator<Buffer>
    try {
      for (;;) {
        const watch = patient(this.#stall, () => this.#fail(slow()))
        const next = await parts.next().finally(() => watch.end())
        if (next.done === true) break
        if (next.value.length > 0) yield next.value
      }
    } catch (cause) {
      throw this.#failure ?? new CvmFailure('unreachable', 'the answer broke off', { cause })
    } finally {
      // Whoever leaves early ends the exchange; after the end there is nothing to destroy.
      incoming.destroy()
    }
    if (!incoming.complete) throw new CvmFailure('unreachable', 'the answer broke off')
  }
}

function slow(): CvmFailure {
  return new CvmFailure('slow', 'no sign of life')
}

/** Names in lower case, values as octets: one character each. */
function fieldsIn(raw: readonly string[]): Field[] {
  const fields: Field[] = []
  for (let at = 0; at + 1 < raw.length; at += 2) fields.push([(raw[at] ?? '').toLowerCase(), raw[at + 1] ?? ''])
  return fields
}
