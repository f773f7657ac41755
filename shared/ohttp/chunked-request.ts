/** Chunked requests, both sides, without I/O: hdr, enc, then chunks in one HPKE context. draft -08 §4, §6.1. */
import { concat, type Bytes } from '../bytes.ts'
import type { ClientHpke, ReceiverContext, SenderContext } from '../hpke/context.ts'
import type { SymmetricSuite } from '../hpke/suites.ts'
import { Refusal } from '../refusal.ts'
import { Arrivals } from './arrivals.ts'
import { chunkPrefix, finalPrefix, FrameReader } from './chunk-frames.ts'
import {
  finalAad,
  messageLimits,
  mustSaySomething,
  notFinalAad,
  pieces,
  receiving,
  sending,
  type ChunkLimits,
  type Meter,
} from './chunk-rules.ts'
import { ResponseChunkOpener, ResponseChunkSealer } from './chunked-response.ts'
import type { KeyFinder } from './gateway-key.ts'
import type { KeyConfig } from './key-config.ts'
import { chunked, headerLength, type Labels } from './labels.ts'
import { Life, Turns } from './life.ts'
import { beginRequest, readHeader, type Addressed } from './request.ts'
import { exportSecret, type Exchange } from './response.ts'

export type RequestChunkOptions = ChunkLimits & { readonly labels?: Labels }

type Incoming = {
  readonly addressed: Addressed
  readonly context: ReceiverContext
  readonly exchange: Exchange
  readonly frames: FrameReader
}

/** The gateway's side. Pushing may refuse at any byte; after that, every call refuses in the same way. */
export class RequestChunkOpener {
  readonly #find: KeyFinder
  readonly #labels: Labels
  readonly #limits: Required<ChunkLimits>
  readonly #meter: Meter
  readonly #life = new Life()
  readonly #arrived = new Arrivals()
  #addressed: Addressed | undefined
  #incoming: Incoming | undefined
  #proven = false

  constructor(find: KeyFinder, { labels = chunked, ...limits }: RequestChunkOptions = {}) {
    this.#find = find
    this.#labels = labels
    this.#limits = { ...messageLimits, ...limits }
    this.#meter = receiving(this.#limits)
  }

  /** Known once the first chunk has opened: from then on the sender holds the context, and answers can be sealed. */
  get opened(): { readonly keyId: number; readonly enc: Bytes } | undefined {
    if (!this.#proven || !this.#incoming) return undefined
    return { keyId: this.#incoming.addressed.keyId, enc: this.#incoming.exchange.enc }
  }

  /** The plaintexts that these bytes complete. The bytes are the caller's again when it returns. */
  push(bytes: Uint8Array): Bytes[] {
    return this.#life.run(() => {
      this.#meter.bytes(bytes.length)
      this.#arrived.push(bytes)
      const incoming = (this.#incoming ??= this.#begin())
      const opened = incoming ? this.#drain(incoming) : []
      this.#arrived.settle()
      return opened
    })
  }

  /** The content has ended: the final chunk's plaintext, or a refusal. Only after this is the request whole (§7.1). */
  end(): Bytes[] {
    return this.#life.finish(() => {
      if (!this.#incoming) throw new Refusal('truncated', 'the request ended inside its header')
      const plaintext = this.#open(this.#incoming, finalAad, this.#incoming.frames.final())
      this.#proven = true
      return [plaintext]
    })
  }

  /** What seals the answer. It can be had while the request is still coming in. */
  response(): ResponseChunkSealer {
    if (!this.#proven || !this.#incoming) throw new TypeError('no chunk has opened yet')
    return new ResponseChunkSealer(this.#incoming.addressed.responder, this.#incoming.exchange)
  }

  #begin(): Incoming | undefined {
    const addressed = (this.#addressed ??= this.#readHeader())
    const enc = addressed && this.#arrived.take(addressed.receiver.kem.encLength)?.slice()
    if (!enc) return undefined
    const { receiver } = addressed
    const context = receiver.setup(enc)
    const secret = exportSecret(context, this.#labels, receiver.suite)
    const frames = new FrameReader(this.#arrived, this.#limits.maxChunk + receiver.suite.aead.tagLength)
    return { addressed, context, exchange: { suite: receiver.suite, enc, secret }, frames }
  }

  #readHeader(): Addressed | undefined {
    const header = this.#arrived.take(headerLength)
    return header && readHeader(this.#find, header, this.#labels)
  }

  #drain(incoming: Incoming): Bytes[] {
    const opened: Bytes[] = []
    for (let sealed = incoming.frames.next(); sealed; sealed = incoming.frames.next()) {
      opened.push(mustSaySomething(this.#open(incoming, notFinalAad, sealed)))
      this.#proven = true
    }
    return opened
  }

  #open({ context }: Incoming, aad: Uint8Array, sealed: Bytes): Bytes {
    this.#meter.chunk()
    return context.open(aad, sealed)
  }
}

/** The client's side; made by `sealRequestChunks`. */
export class RequestChunkSealer {
  /** hdr and enc; they go before everything else. */
  readonly head: Bytes
  readonly enc: Bytes
  readonly #sender: SenderContext
  readonly #response: (limits?: ChunkLimits) => ResponseChunkOpener
  readonly #meter = sending()
  readonly #turns = new Turns()

  constructor(head: Bytes, sender: SenderContext, response: (limits?: ChunkLimits) => ResponseChunkOpener) {
    this.head = head
    this.enc = sender.enc
    this.#sender = sender
    this.#response = response
  }

  /** One chunk on the wire, or several where one would be too large. */
  async seal(plaintext: Uint8Array): Promise<Bytes> {
    if (plaintext.length === 0) throw new TypeError('only the final chunk may be empty')
    return await this.#turns.run(() => this.#chunks(pieces(plaintext)))
  }

  /** The end of the message. */
  final(plaintext: Uint8Array = notFinalAad): Promise<Bytes> {
    return this.#turns.finish(async () => {
      const cut = pieces(plaintext)
      const last = cut.pop() ?? notFinalAad
      const before = await this.#chunks(cut)
      return concat(before, finalPrefix, await this.#chunk(finalAad, last))
    })
  }

  /** What opens the answer, once. */
  response(limits?: ChunkLimits): ResponseChunkOpener {
    return this.#response(limits)
  }

  async #chunks(plaintexts: readonly Uint8Array[]): Promise<Bytes> {
    const frames: Bytes[] = []
    for (const plaintext of plaintexts) {
      const sealed = await this.#chunk(notFinalAad, plaintext)
      frames.push(chunkPrefix(sealed.length), sealed)
    }
    return concat(...frames)
  }

  async #chunk(aad: Uint8Array, plaintext: Uint8Array): Promise<Bytes> {
    this.#meter.bytes(plaintext.length)
    this.#meter.chunk()
    return await this.#sender.seal(aad, plaintext)
  }
}

/** A new HPKE context for every call, so for every request and every retry (RFC 9458 §6.1). */
export async function sealRequestChunks(
  hpke: ClientHpke,
  config: KeyConfig,
  suite: SymmetricSuite,
  labels: Labels = chunked,
): Promise<RequestChunkSealer> {
  const { head, sender } = await beginRequest(hpke, config, suite, labels)
  const exchange = { suite, enc: sender.enc, secret: await exportSecret(sender, labels, suite) }
  return new RequestChunkSealer(head, sender, (limits) => new ResponseChunkOpener(hpke, exchange, limits))
}
