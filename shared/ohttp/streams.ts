/**
 * Chunked messages over streams: thin wrappers that pull, so a slow reader slows the source, and a reader who leaves
 * lets the source go. One piece from the source is one chunk on the wire, sealed as it comes.
 */
import { concat, type Bytes } from '../bytes.ts'
import type { Awaitable } from '../hpke/context.ts'

export type Opener = { push(bytes: Uint8Array): Awaitable<Bytes[]>; end(): Awaitable<Bytes[]> }

export type Sealer = {
  readonly head: Bytes
  seal(plaintext: Uint8Array): Awaitable<Bytes>
  final(plaintext?: Uint8Array): Awaitable<Bytes>
}

/** Plaintext as its chunks open. It throws where the message is broken or cut short, and only returns when it was whole. */
export async function* opened(opener: Opener, source: AsyncIterable<Uint8Array>): AsyncGenerator<Bytes, void> {
  for await (const bytes of source) yield* await opener.push(bytes)
  yield* (await opener.end()).filter(({ length }) => length > 0)
}

/** The message on the wire. If the source fails, so does this, and no final chunk is ever made. */
export async function* sealed(sealer: Sealer, source: AsyncIterable<Uint8Array>): AsyncGenerator<Bytes, void> {
  let { head } = sealer
  for await (const plaintext of source) {
    // Sources hand out empty pieces now and then; as a chunk they would be forbidden.
    if (plaintext.length === 0) continue
    yield concat(head, await sealer.seal(plaintext))
    head = head.subarray(head.length)
  }
  yield concat(head, await sealer.final())
}

export function openingStream(opener: Opener): TransformStream<Uint8Array, Bytes> {
  return new TransformStream({
    async transform(bytes, to) {
      for (const plaintext of await opener.push(bytes)) to.enqueue(plaintext)
    },
    async flush(to) {
      for (const plaintext of await opener.end()) if (plaintext.length > 0) to.enqueue(plaintext)
    },
  })
}

export function sealingStream(sealer: Sealer): TransformStream<Uint8Array, Bytes> {
  return new TransformStream({
    start: (to) => to.enqueue(sealer.head),
    async transform(plaintext, to) {
      if (plaintext.length > 0) to.enqueue(await sealer.seal(plaintext))
    },
    async flush(to) {
      to.enqueue(await sealer.final())
    },
  })
}
