/** What holds for chunks in both directions: sizes, counts, and how they end. draft-ietf-ohai-chunked-ohttp-08 §3, §6, §7. */
import { utf8, type Bytes } from '../bytes.ts'
import { Refusal, type RefusalCode } from '../refusal.ts'

/** What a receiver puts up with. `maxChunk` counts plaintext; the draft wants at least 16,384 (§3). */
export type ChunkLimits = { readonly maxChunk?: number; readonly maxChunks?: number; readonly maxBytes?: number }

/** Senders stay at or below this, so that every receiver can take it (§3). */
export const chunkSize = 16_384

/** Inner chunks of a sealed exchange: each travels as one outer chunk, framing included. trust.md 5. */
export const innerChunkSize = 15_872

// §7.3: with AES-128-GCM, a margin of 2^-50 for messages of at most 2^30 bytes, as one sender may have 2^20 of them.
export const messageLimits = { maxChunk: chunkSize, maxChunks: 2 ** 20, maxBytes: 2 ** 30 } as const

/** Additional data: nothing, or for the final chunk the word itself, so that neither can stand in for the other (§6.1). */
export const notFinalAad = new Uint8Array()
export const finalAad = utf8('final')

export class Meter {
  readonly #maxBytes: number
  readonly #maxChunks: number
  readonly #codes: { bytes: RefusalCode; chunks: RefusalCode }
  #bytes = 0
  #chunks = 0

  constructor({ maxBytes, maxChunks }: Required<ChunkLimits>, codes: { bytes: RefusalCode; chunks: RefusalCode }) {
    this.#maxBytes = maxBytes
    this.#maxChunks = maxChunks
    this.#codes = codes
  }

  bytes(count: number): void {
    this.#bytes += count
    const limit = this.#maxBytes
    if (this.#bytes > limit) throw new Refusal(this.#codes.bytes, `more than ${limit} bytes`, { limit })
  }

  chunk(): void {
    this.#chunks += 1
    const limit = this.#maxChunks
    if (this.#chunks > limit) throw new Refusal(this.#codes.chunks, `more than ${limit} chunks`, { limit })
  }
}

/** For openers: what a stranger sent too much of. */
export function receiving(limits: Required<ChunkLimits>): Meter {
  return new Meter(limits, { bytes: 'body-too-large', chunks: 'too-many' })
}

/** For sealers: what one key may still protect. */
export function sending(): Meter {
  return new Meter(messageLimits, { bytes: 'exhausted', chunks: 'exhausted' })
}

/** An empty chunk says nothing that its absence would not; only the final one may be empty (§6). */
export function mustSaySomething(plaintext: Bytes): Bytes {
  if (plaintext.length === 0) throw new Refusal('chunk-empty', 'an empty chunk that is not the final one')
  return plaintext
}

/** Plaintext in pieces that fit a chunk of `size`; the last one is whatever is left. */
export function pieces(plaintext: Uint8Array, size: number = chunkSize): Uint8Array[] {
  const cut: Uint8Array[] = []
  for (let at = 0; at < plaintext.length; at += size) cut.push(plaintext.subarray(at, at + size))
  return cut
}
