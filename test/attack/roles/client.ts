/** cliX: a client that holds the gateway's key list and keeps no rule beyond it. */
import { decodeResponse } from '../../../shared/bhttp/decode.ts'
import { encode } from '../../../shared/bhttp/encode.ts'
import type { BinaryRequest, DecodedResponse, Field } from '../../../shared/bhttp/message.ts'
import { fromUtf8, utf8, type Bytes } from '../../../shared/bytes.ts'
import { nodeHpke } from '../../../shared/hpke/node.ts'
import { mediaTypes } from '../../../shared/http/media-types.ts'
import { sealRequestChunks } from '../../../shared/ohttp/chunked.ts'
import { parseKeyConfigs, selectKey, type Selection } from '../../../shared/ohttp/key-config.ts'
import { sealRequest, type SealedRequest } from '../../../shared/ohttp/request.ts'
import { asked, type Answered, type Asking } from './wire.ts'

export type Inside = Partial<Pick<BinaryRequest, 'method' | 'scheme' | 'authority' | 'path'>> & {
  readonly headers?: readonly Field[]
  readonly content?: string | Uint8Array
  /** null leaves it out */
  readonly date?: number | null
  readonly padding?: number
}

/** An outer answer, and what was inside if it opened. */
export type Told = { readonly outer: Answered; readonly inner: DecodedResponse | undefined; readonly text: string }

export type Intruder = {
  readonly key: Selection
  readonly seal: (inside?: Inside | Uint8Array) => Promise<SealedRequest>
  /** Posts octets as they are. */
  readonly post: (
    message: Uint8Array,
    more?: Asking & { readonly path?: string; readonly type?: string },
  ) => Promise<Answered>
  readonly ask: (inside?: Inside | Uint8Array, more?: Parameters<Intruder['post']>[1]) => Promise<Told>
}

export const keyPath = '/.well-known/ohttp-gateway'

/** `at`: a gateway or a relay; both take what is sealed at `/`, and both show the keys. */
export async function intruder(at: string, now: () => number = Date.now): Promise<Intruder> {
  const { status, body } = await asked(`${at}${keyPath}`)
  if (status !== 200) throw new Error(`the key list is not to be had: ${status}`)
  const key = selectKey(parseKeyConfigs(Uint8Array.from(body)), (kem, suite) => nodeHpke.supports(kem, suite))
  return intruderWith(key, at, now)
}

export function intruderWith(key: Selection, at: string, now: () => number = Date.now): Intruder {
  const seal: Intruder['seal'] = (inside = {}) => {
    const content = inside instanceof Uint8Array ? inside : binaryRequest({ date: now(), ...inside })
    return sealRequest(nodeHpke, key.config, key.suite, content)
  }
  const post: Intruder['post'] = (message, { path = '/', type = mediaTypes.request, fields, ...more } = {}) =>
    asked(`${at}${path}`, { method: 'POST', body: message, fields: { 'content-type': type, ...fields }, ...more })
  const ask: Intruder['ask'] = async (inside, more) => {
    const sealed = await seal(inside)
    return opened(await post(sealed.message, more), sealed)
  }
  return { key, seal, post, ask }
}

export async function opened(outer: Answered, sealed: Pick<SealedRequest, 'openResponse'>): Promise<Told> {
  const inner = await openedOrNot(outer, sealed)
  return { outer, inner, text: inner === undefined ? '' : fromUtf8(inner.content) }
}

async function openedOrNot(
  { status, body }: Answered,
  sealed: Pick<SealedRequest, 'openResponse'>,
): Promise<DecodedResponse | undefined> {
  if (status !== 200) return undefined
  try {
    return decodeResponse(await sealed.openResponse(Uint8Array.from(body)))
  } catch {
    return undefined
  }
}

export function binaryRequest({ date = Date.now(), content = '', padding = 0, headers = [], ...rest }: Inside): Bytes {
  const dated: Field[] = date === null ? [] : [['date', new Date(date).toUTCString()]]
  return encode({
    ...{
      kind: 'request',
      framing: 'known',
      method: 'GET',
      scheme: 'https',
      authority: 'app.asunder.example',
      path: '/',
    },
    ...rest,
    headers: [...dated, ...headers],
    content: typeof content === 'string' ? utf8(content) : content,
    trailers: [],
    padding,
  })
}

/** A chunked request in pieces: the head of the encapsulation, then a piece for every part of the Binary HTTP. */
export async function sealedChunks({ key }: Intruder, parts: readonly Uint8Array[]): Promise<Bytes[]> {
  const sealer = await sealRequestChunks(nodeHpke, key.config, key.suite)
  const pieces = [sealer.head]
  for (const part of parts.slice(0, -1)) pieces.push(await sealer.seal(part))
  pieces.push(await sealer.final(parts.at(-1) ?? new Uint8Array()))
  return pieces
}

/** Our own encoder refuses what an attacker writes, so this writes it octet by octet. RFC 9292 §3.1. */
export function handwritten({
  method = 'GET',
  scheme = 'https',
  authority = 'app.asunder.example',
  path = '/',
  headers = [],
}: Inside): Bytes {
  const text = (value: string): Buffer => {
    const bytes = Buffer.from(value, 'latin1')
    return Buffer.concat([length(bytes.length), bytes])
  }
  const section = Buffer.concat(headers.flatMap(([name, value]) => [text(name), text(value)]))
  const head = [method, scheme, authority, path].map(text)
  return Uint8Array.from(Buffer.concat([Buffer.of(0), ...head, length(section.length), section, Buffer.of(0, 0)]))
}

function length(value: number): Buffer {
  return value < 64 ? Buffer.of(value) : Buffer.of(0x40 | (value >> 8), value & 0xff)
}
