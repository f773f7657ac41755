/**
 * The chunks of one answer on their way out: the outer head and the nonce go with the first, limits are over all of them,
 * and who writes learns whether the reader keeps up. draft-ietf-ohai-chunked-ohttp-08 §5; wire.md "Limits".
 */
import { concat, type Bytes } from '../shared/bytes.ts'
import { problem } from '../shared/http/problem.ts'
import type { ResponseChunkSealer } from '../shared/ohttp/chunked.ts'
import { answerTo, type Answer } from '../shared/upstream/answer.ts'
import { CvmFailure } from './cvm-failure.ts'
import type { Layer } from './layer.ts'
import type { GatewayLimits, Opening } from './opened.ts'

const fields = { 'cache-control': 'no-store', incremental: '?1' }

export class ChunkSink {
  readonly #sealer: ResponseChunkSealer
  readonly #layer: Layer
  readonly #limits: GatewayLimits
  readonly #out: Answer
  readonly #stopped = new AbortController()
  #waiting: PromiseWithResolvers<void> | undefined
  #gone = false
  #octets = 0
  #chunks = 0

  constructor(sealer: ResponseChunkSealer, { context, layer, limits }: Opening) {
    this.#sealer = sealer
    this.#layer = layer
    this.#limits = limits
    this.#out = answerTo(context, limits.stall, { drained: () => this.#drained(), left: () => this.#leave() })
  }

  /** for the handler to return */
  get response(): Response | Promise<Response> {
    return this.#out.response
  }

  /** Aborted when what is done for the reader may stop: it has gone, or `stop` was called. */
  get signal(): AbortSignal {
    return this.#stopped.signal
  }

  /** Whatever is written now is dropped. */
  get left(): boolean {
    return this.#gone
  }

  /** Something was written that cannot be taken back. */
  get begun(): boolean {
    return this.#chunks > 0
  }

  /** Sealed octets so far; with nothing written, the nonce that comes before everything else. */
  get octets(): number {
    return this.begun ? this.#octets : this.#sealer.head.length
  }

  /** The reader took what was written. */
  get hasRoom(): boolean {
    return this.#waiting === undefined
  }

  /** Sealed and written before this returns. Throws CvmFailure beyond what one stream may be. */
  send(plaintext: Uint8Array): void {
    const { stream, chunks } = this.#limits
    if (this.#octets + plaintext.length > stream || this.#chunks >= chunks) {
      throw new CvmFailure('unreachable', 'a stream longer than we carry')
    }
    this.#write(this.#sealer.seal(plaintext))
  }

  /** The last chunk, and the end. */
  end(plaintext: Uint8Array): void {
    this.#write(this.#sealer.final(plaintext))
    this.#out.end()
  }

  /** Resolves when there is room, or nobody left to have room for. */
  room(): Promise<void> | undefined {
    return this.#waiting?.promise
  }

  stop(why: Error): void {
    this.#stopped.abort(why)
    this.#drained()
  }

  /** Never a clean end: a plain refusal if nothing was written, else the answer is cut. */
  cut(): void {
    if (this.#out.headSent) this.#out.cut()
    else this.#out.refuse(problem(500), true)
  }

  // Nothing is promised before there is an answer.
  #write(sealed: Bytes): void {
    this.#octets = this.octets + sealed.length
    this.#chunks += 1
    if (this.#chunks === 1) this.#out.head(200, { 'content-type': this.#layer.types.chunked.response, ...fields })
    const written = this.#chunks === 1 ? concat(this.#sealer.head, sealed) : sealed
    if (!this.#out.write(written)) this.#waiting ??= Promise.withResolvers()
  }

  #leave(): void {
    this.#gone = true
    this.stop(new CvmFailure('unreachable', 'the reader left'))
  }

  #drained(): void {
    this.#waiting?.resolve()
    this.#waiting = undefined
  }
}
