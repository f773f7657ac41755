/** How a request in memory is cut into chunks so that the whole encapsulated message lies exactly on a bucket. wire.md Padding. */
import { outer, type Layer } from './layers.ts'

export type ChunkPlan = {
  /** Octets in all, padding included. */
  readonly plaintext: number
  /** Sizes of the non-final chunks; the final one carries the remainder. */
  readonly chunks: readonly number[]
}

/** `length` octets of message, after `head` octets of header and KEM output, with tags of `tag` octets. */
export function chunkPlan(length: number, head: number, tag: number, layer: Layer = outer): ChunkPlan {
  const least = head + sealedLength(fullChunks(length, layer.chunk), length, tag)
  for (let size = layer.size(least); ; size = layer.size(size + 1)) {
    const plan = filling(size - head, tag, layer.chunk)
    if (plan.plaintext >= length) return plan
  }
}

function fullChunks(length: number, chunkSize: number): number[] {
  return Array.from({ length: Math.max(0, Math.ceil(length / chunkSize) - 1) }, () => chunkSize)
}

function sealedLength(chunks: readonly number[], plaintext: number, tag: number): number {
  return chunks.reduce((sum, chunk) => sum + overhead(chunk, tag), 0) + plaintext + tag + 1
}

/** The length prefix is a varint of 2 octets below 16,384 and of 4 from there. RFC 9000 §16. */
function overhead(chunk: number, tag: number): number {
  return tag + (chunk + tag < 64 ? 1 : chunk + tag < 16_384 ? 2 : 4)
}

/** Chunks that together take exactly `room` octets on the wire. */
function filling(room: number, tag: number, chunkSize: number): ChunkPlan {
  const full = chunkSize + overhead(chunkSize, tag)
  const final = tag + 1
  const count = Math.max(0, Math.ceil((room - final - chunkSize) / full))
  const chunks = Array.from({ length: count }, () => chunkSize)
  let rest = room - final - count * full
  // A remainder of less than one prefix and tag cannot be a chunk of its own: take some octets from the first one.
  if (rest < 0) {
    const smaller = chunkSize - 64
    rest += full - smaller - overhead(smaller, tag)
    chunks[0] = smaller
  }
  return { chunks, plaintext: chunks.reduce((sum, chunk) => sum + chunk, 0) + rest }
}
