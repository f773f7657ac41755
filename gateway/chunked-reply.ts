/**
 * Chunked answers: every event of the CVM sealed and sent in the tick it arrives in; the final chunk carries only the
 * end of the Binary HTTP message. draft-ietf-ohai-chunked-ohttp-08 §5, §6.2; wire.md "Chunked"; CHK-5, CHK-10, CHK-12, CHK-21.
 */
import { concat, type Bytes } from '../shared/bytes.ts'
import { encodeContent, encodeEnd, encodeResponseHead } from '../shared/bhttp/encode.ts'
import type { Field } from '../shared/http/fields.ts'
import { problem } from '../shared/http/problem.ts'
import { pieces, type ResponseChunkSealer } from '../shared/ohttp/chunked.ts'
import { answerTo, type Answer } from '../shared/upstream/answer.ts'
import { passedOn, writable } from './from-cvm.ts'
import type { Layer } from './layer.ts'
import type { GatewayLimits, Opening, Reply } from './opened.ts'
import type { Refused } from './refused.ts'
import type { CvmResponse } from './attested-cvm.ts'
import { CvmFailure } from './cvm-failure.ts'
import type { Outcome } from './vocabulary.ts'

// With its length (RFC 9000 §16: two octets up to here) a piece of content fills one chunk of the size that every
// receiver takes (draft -08 §3), so that one event of the CVM is as few chunks as it can be.
const lengthOctets = 2

/** What the final chunk adds to its plaintext: the zero that marks it, and the tag, 16 octets for each AEAD of ours. */
const finalOverhead = 1 + 16

const fields = { 'cache-control': 'no-store', incremental: '?1' }

export class ChunkedReply implements Reply {
  readonly #sealer: ResponseChunkSealer
  readonly #layer: Layer
  readonly #limits: GatewayLimits
  readonly #out: Answer
  readonly #left = new AbortController()
  #room: PromiseWithResolvers<void> | undefined
  #octets = 0
  #chunks = 0

  constructor(sealer: ResponseChunkSealer, { context, layer, limits }: Opening) {
    this.#sealer = sealer
    this.#layer = layer
    this.#limits = limits
    this.#out = answerTo(context, limits.stall, { drained: () => this.#drained(), left: () => this.#leave() })
  }

  get response(): Response | Promise<Response> {
    return this.#out.response
  }

  get signal(): AbortSignal {
    return this.#left.signal
  }

  async seal(response: CvmResponse): Promise<Outcome> {
    const { status, headers, body } = response
    const head = writable(() => encodeResponseHead({ status, headers: passedOn(headers) }))
    for (const part of pieces(head, this.#layer.chunk)) await this.#send(part)
    for await (const piece of body) {
      for (const part of pieces(piece, this.#layer.chunk - lengthOctets)) await this.#send(encodeContent(part))
      if (this.signal.aborted) return 'left'
    }
    await this.#end(passedOn(response.trailers()))
    return 'served'
  }

  refuse({ outcome, status, headers, content }: Refused): Outcome {
    if (this.signal.aborted) return 'left'
    if (this.#chunks > 0) {
      this.#out.cut()
      return 'cut'
    }
    this.#write(this.#sealer.seal(concat(encodeResponseHead({ status, headers }), encodeContent(content))))
    this.#write(this.#sealer.final(this.#padded(encodeEnd())))
    this.#out.end()
    return outcome
  }

  cut(): void {
    if (this.#out.headSent) this.#out.cut()
    else this.#out.refuse(problem(500), true)
  }

  // The last zero of the message always stands alone, so that a final chunk says nothing but that it is one.
  async #end(trailers: readonly Field[]): Promise<void> {
    const end = writable(() => encodeEnd(trailers))
    const last = trailers.length === 0 ? 0 : end.length - 1
    if (last > 0) await this.#send(end.subarray(0, last))
    this.#write(this.#sealer.final(end.subarray(last)))
    this.#out.end()
  }

  /** Sealed and written before this returns; then it waits, but only while the reader has no room. */
  async #send(plaintext: Uint8Array): Promise<void> {
    const { stream, chunks } = this.#limits
    if (this.#octets + plaintext.length > stream || this.#chunks >= chunks) {
      throw new CvmFailure('unreachable', 'a stream longer than we carry')
    }
    if (!this.#write(this.#sealer.seal(plaintext))) await this.#waitForRoom()
  }

  // The outer head and the nonce go with the first chunk, so that nothing is promised before there is an answer.
  #write(sealed: Bytes): boolean {
    this.#chunks += 1
    this.#octets += sealed.length
    if (this.#chunks > 1) return this.#out.write(sealed)
    this.#octets += this.#sealer.head.length
    this.#out.head(200, { 'content-type': this.#layer.types.chunked.response, ...fields })
    return this.#out.write(concat(this.#sealer.head, sealed))
  }

  /** A refusal fills its bucket like any small answer. */
  #padded(end: Bytes): Bytes {
    const padding = this.#layer.padding(this.#octets + end.length, finalOverhead)
    return concat(end, new Uint8Array(padding))
  }

  #waitForRoom(): Promise<void> {
    this.#room = Promise.withResolvers()
    return this.#room.promise
  }

  #drained(): void {
    this.#room?.resolve()
    this.#room = undefined
  }

  #leave(): void {
    this.#left.abort(new CvmFailure('unreachable', 'the reader left'))
    this.#drained()
  }
}
