/**
 * From a call to sealed bytes: Binary HTTP, padded to a bucket, encapsulated for the bundle's key under a context of its own.
 * RFC 9292 §3, RFC 9458 §4.3, draft-ietf-ohai-chunked-ohttp-08 §6.1, wire.md Padding.
 */
import { encode, encodeContent, encodeEnd, encodeRequestHead } from '../bhttp/encode.ts'
import type { RequestHead } from '../bhttp/message.ts'
import { paddingFor } from '../bhttp/padding.ts'
import { concat, type Bytes } from '../bytes.ts'
import type { Family } from '../http/media-types.ts'
import type { ClientHpke } from '../hpke/context.ts'
import { chunkSize, sealRequestChunks, type RequestChunkSealer, type ResponseChunkOpener } from '../ohttp/chunked.ts'
import { requestOverhead, sealRequest } from '../ohttp/request.ts'
import type { Call } from './call.ts'
import { chunkPlan } from './chunk-plan.ts'
import type { SealingKey } from './bundle.ts'

/** A sealed request and the only means to open its answer. */
export type Outward =
  | { readonly family: 'standard'; readonly body: Bytes; readonly open: (message: Uint8Array) => Promise<Bytes> }
  | {
      readonly family: 'chunked'
      readonly body: Bytes | AsyncIterable<Uint8Array>
      readonly opener: () => ResponseChunkOpener
    }

export type Sealing = {
  readonly hpke: ClientHpke
  readonly key: SealingKey
  readonly family: Family
  readonly date: number
}

/** OHTTP-C5: every call makes a new HPKE context, also for the same request. */
export async function sealCall(call: Call, { hpke, key, family, date }: Sealing): Promise<Outward> {
  const head = headOf(call, date)
  if (family === 'standard') return sealWhole(hpke, key, head, call.body as Bytes)
  const sealer = await sealRequestChunks(hpke, key.config, key.suite)
  const body =
    call.body instanceof Uint8Array
      ? await storedChunks(sealer, key, head, call.body)
      : liveChunks(sealer, head, call.body)
  return { family, body, opener: () => sealer.response() }
}

/** OHTTP-C11: a Date, but only to the minute, so that it does not tell one client's clock from another's. */
function headOf({ method, url, headers }: Call, date: number): RequestHead {
  const minute = new Date(Math.floor(date / 60_000) * 60_000).toUTCString()
  return {
    method,
    scheme: 'https',
    authority: url.host,
    path: `${url.pathname}${url.search}`,
    headers: [...headers, ['date', minute]],
  }
}

async function sealWhole(hpke: ClientHpke, key: SealingKey, head: RequestHead, content: Bytes): Promise<Outward> {
  const plain = whole(head, content, 0)
  const padding = paddingFor(plain.length, requestOverhead(key.config.kem, key.suite))
  const sealed = await sealRequest(hpke, key.config, key.suite, whole(head, content, padding))
  return { family: 'standard', body: sealed.message, open: (message) => sealed.openResponse(message) }
}

function whole(head: RequestHead, content: Bytes, padding: number): Bytes {
  return encode({ kind: 'request', framing: 'known', ...head, content, trailers: [], padding })
}

/** A request in memory goes out at once and ends on a bucket, as in the standard family; only its answer streams. */
async function storedChunks(
  sealer: RequestChunkSealer,
  key: SealingKey,
  head: RequestHead,
  content: Bytes,
): Promise<Bytes> {
  const plain = whole(head, content, 0)
  const plan = chunkPlan(plain.length, sealer.head.length, key.suite.aead.tagLength)
  const padded = whole(head, content, plan.plaintext - plain.length)
  const parts: Uint8Array[] = [sealer.head]
  let at = 0
  for (const length of plan.chunks) parts.push(await sealer.seal(padded.subarray(at, (at += length))))
  parts.push(await sealer.final(padded.subarray(at)))
  return concat(...parts)
}

/** A caller's stream: each piece sealed in the tick it arrives in; the final chunk carries only the terminator. */
async function* liveChunks(
  sealer: RequestChunkSealer,
  head: RequestHead,
  content: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield sealer.head
  for (const part of cut(encodeRequestHead(head), chunkSize)) yield await sealer.seal(part)
  for await (const piece of content) {
    // 4 octets at most tell the length of a Binary HTTP chunk of this size.
    for (const part of cut(piece, chunkSize - 4)) yield await sealer.seal(encodeContent(part))
  }
  yield await sealer.final(encodeEnd())
}

function* cut(bytes: Uint8Array, length: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}
