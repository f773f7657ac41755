/** What tells the two layers of a sealed exchange apart for who seals: labels, sizes, chunks. trust.md 5, wire.md Padding. */
import { bucket } from '../bhttp/padding.ts'
import { innerBucket } from '../bhttp/sealed-padding.ts'
import type { Family } from '../http/media-types.ts'
import { chunkSize, innerChunkSize } from '../ohttp/chunk-rules.ts'
import { chunked, sealed, sealedChunked, standard, type Labels } from '../ohttp/labels.ts'

export type Layer = {
  readonly labels: Readonly<Record<Family, Labels>>
  /** the size that an encapsulated message of so many octets is brought to */
  readonly size: (length: number) => number
  /** plaintext octets of one chunk at most, in both directions */
  readonly chunk: number
}

/** Oblivious HTTP as RFC 9458 has it. */
export const outer: Layer = { labels: { standard, chunked }, size: bucket, chunk: chunkSize }

/** The message inside, for one CVM. */
export const inner: Layer = {
  labels: { standard: sealed, chunked: sealedChunked },
  size: innerBucket,
  chunk: innerChunkSize,
}
