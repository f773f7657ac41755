/**
 * Chunked requests: opened piece by piece, on to the CVM as they open, complete only when the final chunk has opened.
 * draft-ietf-ohai-chunked-ohttp-08 §4, §6.1 and §7.1; CHK-4, CHK-8, CHK-13 to CHK-15.
 */
import { concat, type Bytes } from '../shared/bytes.ts'
import { RequestDecoder, type RequestEvent } from '../shared/bhttp/decode.ts'
import { within } from '../shared/http/body.ts'
import { RequestChunkOpener } from '../shared/ohttp/chunked.ts'
import { neededToOpen } from '../shared/ohttp/first-chunk.ts'
import { Refusal } from '../shared/refusal.ts'
import { demandAttested, requestLimits, type Body, type GatewayLimits, type Inner, type Opening } from './opened.ts'
import type { Encapsulated } from './replay.ts'
import { agree } from './screen.ts'
import type { AttestedCvm } from './attested-cvm.ts'

/** The parts of an encapsulated request as they arrive, and what to do with those that nobody wants any more. */
export class Parts {
  readonly #parts: AsyncGenerator<Bytes, void>
  readonly #drain: number
  #start: Bytes = new Uint8Array()
  #ended = false

  constructor(parts: AsyncGenerator<Bytes, void>, drain: number) {
    this.#parts = parts
    this.#drain = drain
  }

  /** The content has ended: nothing comes after what was gathered. */
  get ended(): boolean {
    return this.#ended
  }

  /**
   * Waits for all that the first opening needs, or for `stored` octets if that is more, and for that no longer than
   * `limit` milliseconds in all. No lease is held for somebody who sends octet by octet, or a beginning and no more.
   */
  async arrive(limit: number, stored = 0): Promise<this> {
    await within(limit, this.#gather(stored))
    return this
  }

  async next(): Promise<Bytes | undefined> {
    const start = this.takeStart()
    if (start.length > 0 || this.#ended) return start.length > 0 ? start : undefined
    return this.#more()
  }

  takeStart(): Bytes {
    const start = this.#start
    this.#start = new Uint8Array()
    return start
  }

  async #gather(stored: number): Promise<void> {
    while (!this.#ended && this.#start.length < neededToOpen(this.#start)) {
      const part = await this.#more()
      if (part) this.#start = concat(this.#start, part)
    }
    const rest: Bytes[] = []
    for (let length = this.#start.length; !this.#ended && length <= stored; length += rest.at(-1)?.length ?? 0) {
      const part = await this.#more()
      if (part) rest.push(part)
    }
    this.#start = concat(this.#start, ...rest)
  }

  async #more(): Promise<Bytes | undefined> {
    const { done, value } = await this.#parts.next()
    this.#ended = done === true
    return value ?? undefined
  }

  /** False: there is more than we are ready to read, or it does not come. */
  async discard(): Promise<boolean> {
    let left = this.#drain
    try {
      for (let part = await this.next(); part !== undefined; part = await this.next()) {
        left -= part.length
        if (left < 0) return false
      }
      return true
    } catch {
      return false
    } finally {
      await this.#parts.return()
    }
  }
}

/** What opening gave: the first chunks, whether they were all, and what broke right behind them if anything did. */
type Begun = { readonly chunks: Bytes[]; readonly ended: boolean; readonly broken: unknown }

/** A request whose first chunk has opened. */
export class ChunkedRequest {
  readonly opener: RequestChunkOpener
  readonly #parts: Parts
  readonly #decoder: RequestDecoder
  readonly #events: RequestEvent[] = []
  readonly #stall: number
  #chunks: Bytes[]
  #broken: unknown
  #ended: boolean

  constructor(opener: RequestChunkOpener, parts: Parts, { chunks, ended, broken }: Begun, limits: GatewayLimits) {
    this.opener = opener
    this.#parts = parts
    this.#chunks = chunks
    this.#ended = ended
    this.#broken = broken
    this.#stall = limits.stall
    this.#decoder = new RequestDecoder(requestLimits(limits.stream))
  }

  get encapsulated(): Encapsulated {
    if (this.opener.opened === undefined) throw new TypeError('no chunk has opened yet')
    return this.opener.opened
  }

  /** The head and what comes first behind it, in bounded time: until here the lease is held and nothing is sent. */
  read(): Promise<Inner> {
    return within(this.#stall, this.#beginning())
  }

  async #beginning(): Promise<Inner> {
    const event = await this.#next()
    if (event?.type !== 'head') throw new TypeError('a decoder begins with a head')
    const { head } = event
    // All of it is here: then it is whole and good before the CVM hears of it, whose connection a bad end would cost.
    if (this.#parts.ended) return { head, body: wholeOf(await this.#rest()) }
    const empty = await this.#hasNoContent()
    return { head, body: (said) => this.#body(said, empty) }
  }

  close(): void {
    this.#broken ??= new Refusal('incomplete', 'no longer wanted')
  }

  #body(said: number | undefined, empty: boolean): Body {
    if (empty) agree(said, 0)
    return empty ? null : this.#content(said)
  }

  async #rest(): Promise<Bytes> {
    const contents: Bytes[] = []
    for (let event = await this.#next(); event !== undefined; event = await this.#next()) {
      if (event.type === 'content') contents.push(event.bytes)
    }
    return concat(...contents)
  }

  async *#content(said: number | undefined): AsyncGenerator<Bytes, void> {
    let length = 0
    for (let event = await this.#next(); event !== undefined; event = await this.#next()) {
      if (event.type !== 'content') continue
      length += event.bytes.length
      if (said !== undefined && length > said) agree(said, length)
      yield event.bytes
    }
    agree(said, length)
  }

  // Waits for the first content or the end of everything, so that no empty body is announced to the CVM.
  async #hasNoContent(): Promise<boolean> {
    const event = await this.#next()
    if (event?.type === 'content') {
      this.#events.unshift(event)
      return false
    }
    while ((await this.#next()) !== undefined);
    return true
  }

  /** The next event; undefined after the final chunk has opened and the message was complete, and never before. */
  async #next(): Promise<RequestEvent | undefined> {
    for (;;) {
      const event = this.#events.shift()
      if (event !== undefined) return event
      if (this.#ended && this.#chunks.length === 0) return undefined
      await this.#more()
    }
  }

  async #more(): Promise<void> {
    const chunks = this.#take() ?? (await this.#arriving())
    for (const chunk of chunks) this.#events.push(...this.#decoder.push(chunk))
    if (this.#ended) this.#events.push(...this.#decoder.end())
  }

  /** What the opening itself has opened, before anything is asked for anew. */
  #take(): Bytes[] | undefined {
    const chunks = this.#chunks
    this.#chunks = []
    return chunks.length > 0 ? chunks : undefined
  }

  async #arriving(): Promise<Bytes[]> {
    if (this.#broken !== undefined) throw this.#broken as Error
    const part = await this.#parts.next()
    if (part !== undefined) return this.opener.push(part)
    this.#ended = true
    return this.opener.end()
  }
}

function wholeOf(content: Bytes): Inner['body'] {
  return (said) => {
    agree(said, content.length)
    return content.length === 0 ? null : content
  }
}

/**
 * Opens the first chunk in the tick of the question: what it needs has been gathered. A failure up to there is one of
 * opening; one after it belongs inside.
 */
export function openChunks(cvm: AttestedCvm, parts: Parts, { find, layer, limits }: Opening): ChunkedRequest {
  demandAttested(cvm)
  const opener = new RequestChunkOpener(find, {
    labels: layer.labels.chunked,
    maxChunk: layer.chunk,
    maxChunks: limits.chunks,
    maxBytes: limits.stream,
  })
  const begun = begin(opener, parts)
  if (opener.opened !== undefined) return new ChunkedRequest(opener, parts, begun, limits)
  throw begun.broken instanceof Error ? begun.broken : new Refusal('truncated', 'no whole chunk')
}

function begin(opener: RequestChunkOpener, parts: Parts): Begun {
  try {
    const chunks = opener.push(parts.takeStart())
    const ended = parts.ended && opener.opened === undefined
    return { chunks: ended ? opener.end() : chunks, ended, broken: undefined }
  } catch (broken) {
    return { chunks: [], ended: false, broken }
  }
}
