/**
 * From a call to sealed bytes: Binary HTTP, padded to a bucket, encapsulated for the bundle's key under a context of its
 * own; in placement `sealed` twice, first for one CVM and then for the gateway. RFC 9292 §3, RFC 9458 §4.3,
 * draft-ietf-ohai-chunked-ohttp-08 §6.1, wire.md Padding, trust.md 5.
 */
import { encode, encodeContent, encodeEnd, encodeRequestHead } from '../bhttp/encode.ts'
import type { RequestHead } from '../bhttp/message.ts'
import { concat, type Bytes } from '../bytes.ts'
import { sealedFamilies, type Family } from '../http/media-types.ts'
import type { ClientHpke } from '../hpke/context.ts'
import { sealRequestChunks, type RequestChunkSealer, type ResponseChunkOpener } from '../ohttp/chunked.ts'
import { requestOverhead, sealRequest } from '../ohttp/request.ts'
import type { Call } from './call.ts'
import { chunkPlan } from './chunk-plan.ts'
import { addressOf, type SealingCvm } from './cvms.ts'
import type { SealingKey } from './bundle.ts'
import { inner, outer, type Layer } from './layers.ts'

/** One layer of a sealed request and the only means to open its answer. */
export type Envelope =
  | { readonly family: 'standard'; readonly body: Bytes; readonly open: (message: Uint8Array) => Promise<Bytes> }
  | {
      readonly family: 'chunked'
      readonly body: Bytes | AsyncIterable<Uint8Array>
      readonly opener: () => ResponseChunkOpener
    }

/** What goes to the relay; `inner` is what its content opens to, and only in placement `sealed`. */
export type Outward = Envelope & { readonly inner?: Envelope }

export type Sealing = {
  readonly hpke: ClientHpke
  readonly key: SealingKey
  readonly cvm?: SealingCvm | undefined
  readonly family: Family
  readonly date: number
  /** for the gateway: a value of `authorization`, beside the application's own if it keeps one */
  readonly pass?: string | undefined
}

type Message = Pick<Call, 'method' | 'url' | 'headers' | 'body'>
type Sealed = Omit<Sealing, 'cvm'>

/** OHTTP-C5: every call makes a new HPKE context for each layer, also for the same request. */
export async function sealCall(call: Message, { cvm, pass, ...sealing }: Sealing): Promise<Outward> {
  if (cvm === undefined) return sealLayer(outer, call, { ...sealing, pass })
  const within = await sealLayer(inner, call, { ...sealing, key: cvm.key })
  return { ...(await sealLayer(outer, around(within, cvm), { ...sealing, pass })), inner: within }
}

/** The outer request, which says nothing but for which CVM it is. */
function around({ family, body }: Envelope, cvm: SealingCvm): Message {
  return { method: 'POST', url: addressOf(cvm), headers: [['content-type', sealedFamilies[family].request]], body }
}

async function sealLayer(layer: Layer, call: Message, { hpke, key, family, date, pass }: Sealed): Promise<Envelope> {
  const head = headOf(call, date, pass)
  if (family === 'standard') return sealWhole(layer, { hpke, key }, head, call.body as Bytes)
  const sealer = await sealRequestChunks(hpke, key.config, key.suite, layer.labels.chunked)
  const body =
    call.body instanceof Uint8Array
      ? await storedChunks(layer, sealer, key, head, call.body)
      : liveChunks(layer, sealer, head, call.body)
  // In both directions a layer's chunks are of one size at most, so a longer one is none of its sender's.
  return { family, body, opener: () => sealer.response({ maxChunk: layer.chunk }) }
}

/** OHTTP-C11: a Date, but only to the minute, so that it does not tell one client's clock from another's. */
function headOf({ method, url, headers }: Message, date: number, pass: string | undefined): RequestHead {
  const minute = new Date(Math.floor(date / 60_000) * 60_000).toUTCString()
  return {
    method,
    scheme: 'https',
    authority: url.host,
    path: `${url.pathname}${url.search}`,
    headers: [...headers, ...(pass === undefined ? [] : [['authorization', pass] as const]), ['date', minute]],
  }
}

async function sealWhole(
  layer: Layer,
  { hpke, key }: Pick<Sealed, 'hpke' | 'key'>,
  head: RequestHead,
  content: Bytes,
): Promise<Envelope> {
  const length = whole(head, content, 0).length + requestOverhead(key.config.kem, key.suite)
  const padded = whole(head, content, layer.size(length) - length)
  const sealed = await sealRequest(hpke, key.config, key.suite, padded, layer.labels.standard)
  return { family: 'standard', body: sealed.message, open: (message) => sealed.openResponse(message) }
}

function whole(head: RequestHead, content: Bytes, padding: number): Bytes {
  return encode({ kind: 'request', framing: 'known', ...head, content, trailers: [], padding })
}

/** A request in memory goes out at once and ends on a bucket, as in the standard family; only its answer streams. */
async function storedChunks(
  layer: Layer,
  sealer: RequestChunkSealer,
  key: SealingKey,
  head: RequestHead,
  content: Bytes,
): Promise<Bytes> {
  const plain = whole(head, content, 0)
  const plan = chunkPlan(plain.length, sealer.head.length, key.suite.aead.tagLength, layer)
  const padded = whole(head, content, plan.plaintext - plain.length)
  const parts: Uint8Array[] = [sealer.head]
  let at = 0
  for (const length of plan.chunks) parts.push(await sealer.seal(padded.subarray(at, (at += length))))
  parts.push(await sealer.final(padded.subarray(at)))
  return concat(...parts)
}

/** A stream: each piece sealed in the tick it arrives in, so that an inner chunk is one outer chunk; the final one is only the end. */
async function* liveChunks(
  layer: Layer,
  sealer: RequestChunkSealer,
  head: RequestHead,
  content: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield sealer.head
  for (const part of cut(encodeRequestHead(head), layer.chunk)) yield await sealer.seal(part)
  for await (const piece of content) {
    // 4 octets at most tell the length of a Binary HTTP chunk of this size.
    for (const part of cut(piece, layer.chunk - 4)) yield await sealer.seal(encodeContent(part))
  }
  yield await sealer.final(encodeEnd())
}

function* cut(bytes: Uint8Array, length: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}
