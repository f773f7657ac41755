/**
 * One request and its answer on a leased connection, as an undici dispatch handler: the head as a promise, the body
 * pulled, one watch over everything that takes too long. Shape and traps: feasibility A3 and section 1.
 */
import type { Dispatcher } from 'undici'
import type { Field } from '../shared/http/fields.ts'
import { patient, type Patience } from '../shared/http/patience.ts'
import { Refusal } from '../shared/refusal.ts'
import type { CvmResponse } from './attested-cvm.ts'
import { CvmFailure } from './cvm-failure.ts'

export type ExchangeLimits = {
  /** milliseconds from the last byte of the request that was taken to the head of the answer */
  readonly firstByte: number
  /** milliseconds between two pieces of the answer, or between two of its reader's pulls */
  readonly stall: number
}

// Pieces that wait for their reader before the connection is paused; one read of a socket gives at most as much.
const waitingLimit = 65_536

type Piece = IteratorResult<Uint8Array, undefined>
const ended: Piece = { done: true, value: undefined }

export class Exchange implements Dispatcher.DispatchHandler {
  readonly response: Promise<CvmResponse>
  readonly #limits: ExchangeLimits
  readonly #head = Promise.withResolvers<CvmResponse>()
  readonly #pieces: Uint8Array[] = []
  readonly #method: string
  #waiting = 0
  #reader: PromiseWithResolvers<Piece> | undefined
  #controller: Dispatcher.DispatchController | undefined
  #trailers: readonly Field[] = []
  #watch: Patience
  #state: 'open' | 'ended' | 'failed' = 'open'
  #failure: Error | undefined
  #settled: () => void = () => undefined

  constructor(method: string, limits: ExchangeLimits) {
    this.#method = method
    this.#limits = limits
    this.response = this.#head.promise
    this.#watch = this.#watchFor(limits.firstByte)
  }

  /** The answer came to its end: the connection may serve another. */
  get clean(): boolean {
    return this.#state === 'ended'
  }

  /** Ends everything with `reason`, whichever part is going on. */
  abort(reason: unknown): void {
    if (this.#state !== 'open') return
    const failure = asError(reason)
    this.#fail(failure)
    this.#controller?.abort(failure)
  }

  /** `signal` ends the exchange for as long as it goes on. */
  heed(signal: AbortSignal): void {
    const leave = (): void => this.abort(signal.reason)
    if (signal.aborted) {
      leave()
      return
    }
    signal.addEventListener('abort', leave)
    this.#settled = () => signal.removeEventListener('abort', leave)
  }

  /** The request's content on its way out: every piece that the connection takes is a sign of life. */
  async *outgoing(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
    try {
      for await (const piece of body) {
        if (this.#state !== 'open') return
        yield piece
        this.#watch.renew()
      }
    } catch (cause) {
      // Not the CVM's failure: who handed in the content gets its own error back.
      this.#fail(asError(cause))
      throw cause
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // Given up before it began: what is thrown here keeps undici from writing the first byte.
    if (this.#state !== 'open') throw new CvmFailure('unreachable', 'the exchange was given up')
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200 || this.#state !== 'open') return
    const headers = fieldsFrom(controller.rawHeaders)
    if (!this.#framed(status, headers)) {
      throw new CvmFailure('unreachable', 'an answer whose end could be cut off unnoticed')
    }
    this.#watch.end()
    this.#watch = this.#watchFor(this.#limits.stall)
    const body = { [Symbol.asyncIterator]: () => this.#iterator() }
    this.#head.resolve({ status, headers, body, trailers: () => this.#trailers })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    // A resumed parser hands out empty chunks; pausing on one would spin for ever (feasibility A3).
    if (chunk.length === 0 || this.#state !== 'open') return
    this.#watch.renew()
    if (this.#reader !== undefined) {
      this.#reader.resolve({ done: false, value: chunk })
      this.#reader = undefined
      return
    }
    this.#pieces.push(chunk)
    this.#waiting += chunk.length
    if (this.#waiting >= waitingLimit) controller.pause()
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#state !== 'open') return
    this.#state = 'ended'
    this.#watch.end()
    this.#settled()
    this.#trailers = fieldsFrom(controller.rawTrailers)
    this.#reader?.resolve(ended)
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#fail(asFailure(error))
  }

  #watchFor(milliseconds: number): Patience {
    return patient(milliseconds, () => this.abort(new CvmFailure('slow', 'no sign of life')))
  }

  #fail(failure: Error): void {
    if (this.#state !== 'open') return
    this.#state = 'failed'
    this.#failure = failure
    this.#watch.end()
    this.#settled()
    this.#pieces.length = 0
    this.#head.reject(failure)
    this.#reader?.reject(failure)
  }

  // RFC 9112 §6.3: an answer without a length ends with its connection, so that a cut looks like an end.
  #framed(status: number, headers: readonly Field[]): boolean {
    if (this.#method === 'HEAD' || status === 204 || status === 304) return true
    return headers.some(([name]) => name === 'content-length' || name === 'transfer-encoding')
  }

  #iterator(): AsyncIterator<Uint8Array, undefined> {
    return {
      next: () => this.#next(),
      return: () => {
        this.abort(new CvmFailure('unreachable', 'the reader left'))
        return Promise.resolve(ended)
      },
    }
  }

  #next(): Promise<Piece> {
    const piece = this.#pieces.shift()
    if (piece !== undefined) return Promise.resolve(this.#taken(piece))
    if (this.#state === 'ended') return Promise.resolve(ended)
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    this.#watch.renew()
    this.#reader = Promise.withResolvers<Piece>()
    return this.#reader.promise
  }

  #taken(piece: Uint8Array): Piece {
    this.#waiting -= piece.length
    if (this.#state === 'open') this.#watch.renew()
    if (this.#pieces.length === 0) this.#controller?.resume()
    return { done: false, value: piece }
  }
}

/** Names in lower case, values as octets: one character each. */
function fieldsFrom(raw: Dispatcher.DispatchController['rawHeaders']): Field[] {
  if (!Array.isArray(raw)) return []
  const texts = raw.map((octets) => (typeof octets === 'string' ? octets : octets.toString('latin1')))
  const fields: Field[] = []
  for (let at = 0; at + 1 < texts.length; at += 2) fields.push([(texts[at] ?? '').toLowerCase(), texts[at + 1] ?? ''])
  return fields
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new CvmFailure('unreachable', 'the exchange was given up')
}

// undici's own codes end here (feasibility A9). A request that it refuses to write is the stranger's, not the CVM's.
function asFailure(error: Error & { readonly code?: string }): Error {
  if (error instanceof CvmFailure || error instanceof Refusal) return error
  if (error.code === 'UND_ERR_INVALID_ARG' || error.code === 'UND_ERR_NOT_SUPPORTED') {
    return new Refusal('bad-field', 'a request that cannot be written', { cause: error })
  }
  return new CvmFailure('unreachable', 'the exchange broke off', { cause: error })
}
