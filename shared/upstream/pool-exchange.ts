/** One exchange over an undici client, or whoever else speaks to it so: its events in our words, and our steering in its. */
import type { Dispatcher } from 'undici'
import type { Flow, Listener, UpstreamFailure, UpstreamRequest } from './exchange.ts'

/** A connection that was over before it was used. The code is one that undici does not know: after its own it would dial again. */
export class Spent extends Error {
  readonly code = 'ASUNDER_CONNECTION_SPENT'
}

type Steering = Pick<Dispatcher.DispatchController, 'pause' | 'resume' | 'abort'>

export class PoolExchange implements Dispatcher.DispatchHandler, Flow {
  readonly request: UpstreamRequest
  readonly #listener: Listener
  readonly #ended: (() => void)[] = []
  #elsewhere: (() => void) | undefined
  #controller: Steering | undefined
  #aborted = false
  #again = false
  #over = false

  constructor(request: UpstreamRequest, listener: Listener) {
    this.request = request
    this.#listener = listener
  }

  get options(): Dispatcher.DispatchOptions {
    return dispatchOptions(this.request)
  }

  get over(): boolean {
    return this.#over
  }

  /** Runs `then` when it is over, before its listener hears of it. */
  whenOver(then: () => void): void {
    this.#ended.push(then)
  }

  /** What to do if the connection that it is given to next turns out to be over before anything of it was sent. */
  ifUnsent(elsewhere: () => void): void {
    this.#elsewhere = elsewhere
  }

  pause(): void {
    this.#controller?.pause()
  }

  resume(): void {
    this.#controller?.resume()
  }

  abort(): void {
    this.#aborted = true
    if (this.#controller === undefined) this.fail('broken')
    else this.#controller.abort(new Error('let go'))
  }

  /** Ends it, also before a connection has it. */
  fail(why: UpstreamFailure): void {
    if (this.#over) return
    this.#end()
    this.#listener.fail(why)
  }

  /**
   * The other side says that it did not take it, since its connection was being closed: the one sign after which it may
   * begin anew (OHTTP-R7), and once.
   */
  notTaken(): void {
    if (this.#over) return
    if (this.#again || this.#aborted) {
      this.fail('broken')
      return
    }
    this.#again = true
    this.#controller = undefined
    this.#elsewhere?.()
  }

  onRequestStart(controller: Steering): void {
    // OHTTP-R7: whatever undici may think was not taken is never started a second time. Whether anybody looked, nobody knows.
    const second = this.#controller !== undefined
    this.#controller = controller
    // Let go while its connection was being opened: nothing of it is written.
    if (second || this.#aborted) this.abort()
  }

  onResponseStart(_: unknown, status: number, fields: Record<string, unknown>): void {
    // RFC 9110 §15.2: informational answers are about this hop alone.
    if (status < 200) return
    this.#listener.head(status, (name) => {
      const value = fields[name]
      // Several lines are one list, and none of them may pass for the only one.
      if (Array.isArray(value)) return value.join(', ')
      return typeof value === 'string' ? value : undefined
    })
  }

  onResponseData(_: unknown, chunk: Buffer): void {
    // undici gives empty chunks after resume(): passing one on would spin a paused reader, or be sealed (feasibility A3).
    if (chunk.length > 0) this.#listener.data(chunk)
  }

  onResponseEnd(): void {
    if (this.#over) return
    this.#end()
    this.#listener.end()
  }

  onResponseError(_: unknown, error: Error): void {
    if (error instanceof Spent && this.#controller === undefined && !this.#over) this.#elsewhere?.()
    else this.fail(failureOf(error))
  }

  #end(): void {
    this.#over = true
    for (const then of this.#ended) then()
  }
}

function dispatchOptions({ method, path, fields, body }: UpstreamRequest): Dispatcher.DispatchOptions {
  // undici takes iterables too, which its types do not say.
  return { method, path, headers: fields as string[], body: body as Uint8Array | null, idempotent: false }
}

const timeouts = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT'])

function failureOf(error: Error & { code?: string }): UpstreamFailure {
  return timeouts.has(error.code ?? '') ? 'timeout' : 'broken'
}
