/**
 * Chunked answers: every event of the CVM sealed and sent in the tick it arrives in; the final chunk carries only the
 * end of the Binary HTTP message. draft-ietf-ohai-chunked-ohttp-08 §5, §6.2; wire.md "Chunked"; CHK-5, CHK-10, CHK-12, CHK-21.
 */
import { concat, type Bytes } from '../shared/bytes.ts'
import { encodeContent, encodeEnd, encodeResponseHead } from '../shared/bhttp/encode.ts'
import type { Field } from '../shared/http/fields.ts'
import { pieces, type ResponseChunkSealer } from '../shared/ohttp/chunked.ts'
import { ChunkSink } from './chunk-sink.ts'
import { passedOn, writable } from './from-cvm.ts'
import type { Layer } from './layer.ts'
import type { Opening, Reply, StreamReply } from './opened.ts'
import type { Refused } from './refused.ts'
import type { CvmResponse } from './attested-cvm.ts'
import type { Outcome } from './vocabulary.ts'

// With its length (RFC 9000 §16: two octets up to here) a piece of content fills one chunk of the size that every
// receiver takes (draft -08 §3), so that one event of the CVM is as few chunks as it can be.
const lengthOctets = 2

/** What the final chunk adds to its plaintext: the zero that marks it, and the tag, 16 octets for each AEAD of ours. */
const finalOverhead = 1 + 16

export const asTheyCome: StreamReply = (sealer, opening) => new ChunkedReply(sealer, opening)

export class ChunkedReply implements Reply {
  readonly #sink: ChunkSink
  readonly #layer: Layer

  constructor(sealer: ResponseChunkSealer, opening: Opening) {
    this.#sink = new ChunkSink(sealer, opening)
    this.#layer = opening.layer
  }

  get response(): Response | Promise<Response> {
    return this.#sink.response
  }

  get signal(): AbortSignal {
    return this.#sink.signal
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
    if (this.#sink.begun) {
      this.#sink.cut()
      return 'cut'
    }
    this.#sink.send(concat(encodeResponseHead({ status, headers }), encodeContent(content)))
    this.#sink.end(this.#padded(encodeEnd()))
    return outcome
  }

  cut(): void {
    this.#sink.cut()
  }

  // The last zero of the message always stands alone, so that a final chunk says nothing but that it is one.
  async #end(trailers: readonly Field[]): Promise<void> {
    const end = writable(() => encodeEnd(trailers))
    const last = trailers.length === 0 ? 0 : end.length - 1
    if (last > 0) await this.#send(end.subarray(0, last))
    this.#sink.end(end.subarray(last))
  }

  /** Sealed and written before this returns; then it waits, but only while the reader has no room. */
  async #send(plaintext: Uint8Array): Promise<void> {
    this.#sink.send(plaintext)
    if (!this.#sink.hasRoom) await this.#sink.room()
  }

  /** A refusal fills its bucket like any small answer. */
  #padded(end: Bytes): Bytes {
    const padding = this.#layer.padding(this.#sink.octets + end.length, finalOverhead)
    return concat(end, new Uint8Array(padding))
  }
}
