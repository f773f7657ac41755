/** One exchange on a stream of its own: Node's events told to our listener, in the words of the other way (pool-exchange.ts). */
import { constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { OutgoingHttpHeaders } from 'node:http'
import { patient, type Patience } from '../http/patience.ts'
import type { UpstreamRequest } from './exchange.ts'
import type { PoolExchange } from './pool-exchange.ts'

type Options = Limits & { readonly origin: string }

type Limits = {
  /** milliseconds: first byte of an answer, and between any two of its bytes */
  readonly firstByte: number
  readonly stall: number
}

const letGo = new Error('let go')

export class StreamExchange {
  readonly #stream: ClientHttp2Stream
  readonly #exchange: PoolExchange
  readonly #limits: Limits
  #patience: Patience | undefined
  #length: number | undefined
  #answered = false
  #paused = false

  /** Throws when the session takes nothing more. `over` is called when the stream is. */
  constructor(session: ClientHttp2Session, exchange: PoolExchange, { origin, ...limits }: Options, over: () => void) {
    this.#exchange = exchange
    this.#limits = limits
    this.#stream = session.request(headOf(exchange.request, origin), { endStream: exchange.request.body === null })
    this.#stream.once('close', () => {
      this.#patience?.end()
      over()
      if (this.#wasNotTaken(session)) exchange.notTaken()
      else exchange.fail('broken')
    })
  }

  begin(): void {
    const stream = this.#stream
    // Its end is told by its close.
    stream.on('error', () => undefined)
    stream.on('response', (_fields, _flags, raw) => this.#head(raw))
    stream.on('data', (chunk: Buffer) => this.#data(chunk))
    stream.on('end', () => this.#end())
    this.#wait(this.#limits.firstByte)
    this.#exchange.onRequestStart({
      pause: () => this.#pause(),
      resume: () => this.#resume(),
      abort: () => this.#cut('broken'),
    })
    if (!this.#exchange.over) this.#send()
  }

  #send(): void {
    const { body } = this.#exchange.request
    if (body === null) return
    if (body instanceof Uint8Array) this.#stream.end(body)
    // What goes wrong with it ends the stream, whose close is what is told.
    else pipeline(Readable.from(this.#sent(body), { objectMode: false }), this.#stream).catch(() => undefined)
  }

  async *#sent(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const part of parts) {
      this.#patience?.renew()
      yield part
    }
  }

  #head(raw: readonly string[]): void {
    const { status, fields } = answerHead(raw)
    const length = fields['content-length']
    this.#length = typeof length === 'string' ? Number(length) : undefined
    this.#answered = true
    this.#wait(this.#limits.stall)
    this.#exchange.onResponseStart(null, status, fields)
  }

  #data(chunk: Buffer): void {
    if (this.#length !== undefined) this.#length -= chunk.length
    this.#patience?.renew()
    if (!this.#exchange.over) this.#exchange.onResponseData(null, chunk)
  }

  #end(): void {
    // HOP-8: Node ends what was reset as it ends what is whole.
    const whole = this.#stream.rstCode === constants.NGHTTP2_NO_ERROR && (this.#length ?? 0) === 0
    if (this.#answered && whole) this.#exchange.onResponseEnd()
    // Whatever of the request is not sent yet, nobody waits for any more.
    if (!this.#stream.writableFinished) this.#stream.destroy(letGo)
  }

  /** RFC 9113 §8.7: it crossed the other side's goodbye, and of its content nothing is gone. */
  #wasNotTaken(session: ClientHttp2Session): boolean {
    const { body } = this.#exchange.request
    const refused = this.#stream.rstCode === constants.NGHTTP2_REFUSED_STREAM
    return refused && session.closed && !this.#answered && (body === null || body instanceof Uint8Array)
  }

  #wait(milliseconds: number): void {
    this.#patience?.end()
    this.#patience = this.#paused ? undefined : patient(milliseconds, () => this.#cut('timeout'))
  }

  #pause(): void {
    this.#paused = true
    this.#patience?.end()
    this.#stream.pause()
  }

  #resume(): void {
    if (!this.#paused || this.#exchange.over) return
    this.#paused = false
    this.#wait(this.#limits.stall)
    this.#stream.resume()
  }

  #cut(why: 'timeout' | 'broken'): void {
    this.#exchange.fail(why)
    // Not closed, which would end the request as if it were whole.
    this.#stream.destroy(letGo)
  }
}

/** `host`, `connection` and chunked framing of HTTP/1.1 have no place here; nothing else is said than there. */
function headOf({ method, path, fields, body }: UpstreamRequest, origin: string): OutgoingHttpHeaders {
  const { host, protocol } = new URL(origin)
  const head: OutgoingHttpHeaders = {
    ':method': method,
    ':scheme': protocol.slice(0, -1),
    ':authority': host,
    ':path': path,
  }
  for (let at = 0; at < fields.length; at += 2) head[fields[at] ?? ''] = fields[at + 1]
  if (body instanceof Uint8Array) head['content-length'] = String(body.length)
  return head
}

type Head = { readonly status: number; readonly fields: Record<string, string | string[]> }

/** Fields that are there more than once are a list, as undici gives them: Node would take the first, or join them. */
function answerHead(raw: readonly string[]): Head {
  const fields = new Map<string, string | string[]>()
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const [name = '', value = ''] = raw.slice(at, at + 2)
    const before = fields.get(name)
    fields.set(name, before === undefined ? value : [before, value].flat())
  }
  return { status: Number(fields.get(':status')), fields: Object.fromEntries(fields) }
}
