/**
 * The way out where there is only `fetch` (Workers): the same exchange, through a service binding or the global fetch.
 * What the platform adds to the head is the platform's; the Workers test prints it.
 */
import { pulled } from '../http/body.ts'
import type { Flow, Forward, Listener, UpstreamRequest } from './exchange.ts'

export type FetchOptions = {
  readonly fetch: (request: Request) => Promise<Response>
  readonly origin: string
  /** milliseconds: first byte of the answer, and between any two of its bytes */
  readonly firstByte?: number
  readonly stall?: number
}

export function fetchTo({ fetch, origin, firstByte = 65_000, stall = 30_000 }: FetchOptions): Forward {
  return (request, listener) => {
    const exchange = new FetchExchange(listener)
    void exchange.run(() => fetch(webRequest(origin, request, exchange.signal)), firstByte, stall)
    return exchange
  }
}

function webRequest(origin: string, { method, path, fields, body }: UpstreamRequest, signal: AbortSignal): Request {
  const headers = new Headers()
  for (let i = 0; i < fields.length; i += 2) headers.append(fields[i] ?? '', fields[i + 1] ?? '')
  const content = body === null || body instanceof Uint8Array ? body : pulled(body, () => undefined)
  return new Request(new URL(path, origin), {
    method,
    headers,
    // Followed redirects would let the gateway choose where a request goes.
    redirect: 'manual',
    signal,
    ...(content === null ? {} : { body: content as NonNullable<RequestInit['body']> }),
    ...(content instanceof ReadableStream ? { duplex: 'half' } : {}),
  })
}

class FetchExchange implements Flow {
  readonly #listener: Listener
  readonly #abort = new AbortController()
  #late = false
  #gate: Promise<void> | undefined
  #open: () => void = () => undefined

  constructor(listener: Listener) {
    this.#listener = listener
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  pause(): void {
    this.#gate ??= new Promise((resolve) => (this.#open = resolve))
  }

  resume(): void {
    this.#gate = undefined
    this.#open()
  }

  abort(): void {
    this.#abort.abort()
    this.resume()
  }

  async run(ask: () => Promise<Response>, firstByte: number, stall: number): Promise<void> {
    // As promised to callers: nothing is called before `forward` has returned.
    await Promise.resolve()
    try {
      const response = await this.#within(firstByte, ask())
      this.#listener.head(response.status, (name) => response.headers.get(name) ?? undefined)
      if (response.body !== null) await this.#read(response.body, stall)
    } catch {
      this.#listener.fail(this.#late ? 'timeout' : 'broken')
      return
    }
    this.#listener.end()
  }

  async #read(body: ReadableStream<Uint8Array>, stall: number): Promise<void> {
    const reader = body.getReader()
    for (;;) {
      const { done, value } = await this.#within(stall, reader.read())
      if (done) return
      if (value.length > 0) this.#listener.data(value)
      await this.#gate
    }
  }

  async #within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
    const timer = setTimeout(() => {
      this.#late = true
      this.#abort.abort()
    }, milliseconds)
    return work.finally(() => clearTimeout(timer))
  }
}
