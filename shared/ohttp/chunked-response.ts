/** Chunked responses, both sides, without I/O: response_nonce, then chunks under a counted nonce. draft -08 §5, §6.2. */
import { concat, type Bytes } from '../bytes.ts'
import type { AeadOpen, Hkdf, Responder } from '../hpke/context.ts'
import { NonceSequence } from '../hpke/sequence.ts'
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
import { Life, Turns } from './life.ts'
import { responseKeys, responseNonceLength, type Exchange } from './response.ts'

/** The gateway's side. Every `seal` gives what can be sent at once: nothing waits for a chunk to fill. */
export class ResponseChunkSealer {
  /** The response nonce; it goes before everything else. */
  readonly head: Bytes
  readonly #seal: (aad: Uint8Array, plaintext: Uint8Array, before: Uint8Array) => Bytes
  readonly #tagLength: number
  readonly #meter = sending()
  readonly #life = new Life()

  constructor(responder: Responder, exchange: Exchange) {
    const { aead } = exchange.suite
    this.head = responder.random(responseNonceLength(aead)).slice()
    this.#tagLength = aead.tagLength
    const { key, nonce } = responseKeys(responder, exchange, this.head)
    const sequence = new NonceSequence(nonce)
    this.#seal = (aad, plaintext, before) => responder.seal(aead, key, sequence.take(), aad, plaintext, before)
  }

  /** One chunk on the wire, or several where one would be too large. */
  seal(plaintext: Uint8Array): Bytes {
    if (plaintext.length === 0) throw new TypeError('only the final chunk may be empty')
    return this.#life.run(() => joined(pieces(plaintext).map((piece) => this.#chunk(piece))))
  }

  /** The end of the message. Without it, the other side must take the message for cut short. */
  final(plaintext: Uint8Array = notFinalAad): Bytes {
    return this.#life.finish(() => {
      const cut = pieces(plaintext)
      const last = cut.pop() ?? notFinalAad
      const before = cut.map((piece) => this.#chunk(piece))
      this.#count(last)
      return joined([...before, this.#seal(finalAad, last, finalPrefix)])
    })
  }

  #chunk(plaintext: Uint8Array): Bytes {
    this.#count(plaintext)
    return this.#seal(notFinalAad, plaintext, chunkPrefix(plaintext.length + this.#tagLength))
  }

  #count({ length }: Uint8Array): void {
    this.#meter.bytes(length)
    this.#meter.chunk()
  }
}

function joined(frames: readonly Bytes[]): Bytes {
  const [only] = frames
  return frames.length === 1 && only ? only : concat(...frames)
}

type Incoming = { readonly frames: FrameReader; open(aad: Uint8Array, sealed: Uint8Array): Promise<Bytes> }

/** The client's side. Calls may overlap; after a refusal, every call refuses in the same way. */
export class ResponseChunkOpener {
  readonly #hpke: Hkdf & { open: AeadOpen }
  readonly #exchange: Exchange
  readonly #limits: Required<ChunkLimits>
  readonly #meter: Meter
  readonly #arrived = new Arrivals()
  #incoming: Incoming | undefined
  readonly #turns = new Turns()

  constructor(hpke: Hkdf & { open: AeadOpen }, exchange: Exchange, limits: ChunkLimits = {}) {
    this.#hpke = hpke
    this.#exchange = exchange
    this.#limits = { ...messageLimits, ...limits }
    this.#meter = receiving(this.#limits)
  }

  /** The plaintexts that these bytes complete. The bytes are the caller's again when it resolves. */
  push(bytes: Uint8Array): Promise<Bytes[]> {
    return this.#turns.run(async () => {
      this.#meter.bytes(bytes.length)
      this.#arrived.push(bytes)
      const incoming = (this.#incoming ??= this.#begin())
      const opened = incoming ? await this.#drain(incoming) : []
      this.#arrived.settle()
      return opened
    })
  }

  /** The content has ended: the final chunk's plaintext, or a refusal. Only after this is the response whole (§7.1). */
  end(): Promise<Bytes[]> {
    return this.#turns.finish(async () => {
      if (!this.#incoming) throw new Refusal('truncated', 'the response ended inside its nonce')
      return [await this.#open(this.#incoming, finalAad, this.#incoming.frames.final())]
    })
  }

  #begin(): Incoming | undefined {
    const { aead } = this.#exchange.suite
    const responseNonce = this.#arrived.take(responseNonceLength(aead))
    if (!responseNonce) return undefined
    const { key, nonce } = responseKeys(this.#hpke, this.#exchange, responseNonce)
    const sequence = new NonceSequence(nonce)
    return {
      frames: new FrameReader(this.#arrived, this.#limits.maxChunk + aead.tagLength),
      open: async (aad, sealed) => this.#hpke.open(aead, key, sequence.take(), aad, sealed),
    }
  }

  async #drain(incoming: Incoming): Promise<Bytes[]> {
    const opened: Bytes[] = []
    for (let sealed = incoming.frames.next(); sealed; sealed = incoming.frames.next()) {
      opened.push(mustSaySomething(await this.#open(incoming, notFinalAad, sealed)))
    }
    return opened
  }

  #open(incoming: Incoming, aad: Uint8Array, sealed: Bytes): Promise<Bytes> {
    this.#meter.chunk()
    return incoming.open(aad, sealed)
  }
}
