/**
 * A relay and gateway in one, over loopback HTTP, on the project's own gateway-side functions: it keeps everything it
 * was sent, opens what it can open, and misbehaves where a test says so.
 */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeRequest } from '../../../shared/bhttp/decode.ts'
import { encode, encodeContent, encodeEnd, encodeResponseHead } from '../../../shared/bhttp/encode.ts'
import type { DecodedRequest, Field } from '../../../shared/bhttp/message.ts'
import { concat, fromLatin1, utf8, type Bytes } from '../../../shared/bytes.ts'
import { aes128Gcm, hkdfSha256, x25519, type Kem } from '../../../shared/hpke/suites.ts'
import { mediaTypes } from '../../../shared/http/media-types.ts'
import { RequestChunkOpener } from '../../../shared/ohttp/chunked.ts'
import { createGatewayKey, type GatewayKey } from '../../../shared/ohttp/gateway-key.ts'
import { serializeKeyConfigs } from '../../../shared/ohttp/key-config.ts'
import { openRequest } from '../../../shared/ohttp/request.ts'
import { operator, type Operator } from './operator.ts'

/** What the application behind the gateway answers. */
export type AppAnswer = {
  readonly status?: number
  readonly headers?: readonly Field[]
  readonly content?: string | Uint8Array | AsyncIterable<string>
}

/** What stood on the wire, before anything was opened. */
export type Received = {
  readonly method: string
  readonly path: string
  readonly rawHeaders: readonly string[]
  readonly body: Bytes
}

export type Misbehaviour = (request: Received, response: ServerResponse) => boolean | Promise<boolean>

export type Town = {
  readonly url: string
  readonly operator: Operator
  readonly received: Received[]
  readonly opened: DecodedRequest[]
  key: GatewayKey
  bundle: string | Uint8Array
  app: (request: DecodedRequest, count: number) => AppAnswer
  /** Answers in place of the pair; true means that it did. */
  onBundle: Misbehaviour
  onPost: Misbehaviour
  /** Alters a sealed answer on its way: the pieces that would be written. */
  alter: (pieces: Bytes[]) => Bytes[]
  /** Alters Binary HTTP before it is sealed: a gateway or an app that writes it wrongly. */
  alterInside: (plain: Bytes) => Bytes
  /** Answers a browser from anywhere, as wire.md has it. */
  cors: boolean
  /** Closes the connection instead of ending a streamed answer. */
  cut: boolean
  publish(changes?: { readonly serial?: number; readonly key?: GatewayKey }): Promise<void>
  posts(): Received[]
  everythingItSaw(): string
  close(): Promise<void>
}

export function gatewayKey(keyId = 1, kem: Kem = x25519): GatewayKey {
  return createGatewayKey({ keyId, kem, suites: [{ kdf: hkdfSha256, aead: aes128Gcm }] })
}

export async function town(people?: Operator): Promise<Town> {
  const own = people ?? (await operator())
  const state: Town = {
    url: '',
    operator: own,
    received: [],
    opened: [],
    key: gatewayKey(),
    bundle: '',
    app: () => ({ content: 'hello' }),
    onBundle: () => false,
    onPost: () => false,
    alter: (pieces) => pieces,
    alterInside: (plain) => plain,
    cors: false,
    cut: false,
    async publish({ serial = 7, key = state.key } = {}) {
      state.key = key
      state.bundle = await own.bundle({ serial, keys: serializeKeyConfigs([key.config]) })
    },
    posts: () => state.received.filter(({ method }) => method === 'POST'),
    everythingItSaw: () =>
      state.received
        .map((one) => [one.method, one.path, ...one.rawHeaders, fromLatin1(one.body)].join('\n'))
        .join('\n'),
    close: () => Promise.resolve(),
  }
  await state.publish()
  const served = await serve((incoming, outgoing) => void answer(state, incoming, outgoing))
  return Object.assign(state, served)
}

/** Any listener on a loopback port of its own. */
export async function serve(listener: RequestListener): Promise<{ url: string; close: () => Promise<void> }> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(town: Town, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { method = '', url: path = '', rawHeaders } = incoming
  const parts: Uint8Array[] = []
  const received = (): Received => ({ method, path, rawHeaders, body: concat(...parts) })
  try {
    for await (const part of incoming as AsyncIterable<Uint8Array>) parts.push(part)
  } catch {
    town.received.push(received())
    return
  }
  const request = received()
  town.received.push(request)
  if (town.cors) for (const [name, value] of corsFields) outgoing.setHeader(name, value)
  if (method === 'OPTIONS') outgoing.writeHead(204).end()
  if (method === 'OPTIONS') return
  const misbehave = method === 'GET' ? town.onBundle : town.onPost
  if (await misbehave(request, outgoing)) return
  if (method === 'GET') outgoing.writeHead(200, { 'content-type': mediaTypes.bundle }).end(town.bundle)
  else if (incoming.headers['content-type'] === mediaTypes.request) standard(town, request.body, outgoing)
  else await chunked(town, request.body, outgoing)
}

const corsFields = [
  ['access-control-allow-origin', '*'],
  ['access-control-allow-methods', 'GET, POST'],
  ['access-control-allow-headers', 'content-type, incremental, authorization'],
] as const

function find(town: Town): (keyId: number) => GatewayKey | undefined {
  return (keyId) => (keyId === town.key.config.keyId ? town.key : undefined)
}

function standard(town: Town, body: Bytes, outgoing: ServerResponse): void {
  const request = openRequest(find(town), body)
  const { status = 200, headers = [], content = '' } = called(town, request.content)
  if (typeof content !== 'string' && !(content instanceof Uint8Array)) throw new TypeError('a standard answer is whole')
  const bytes = typeof content === 'string' ? utf8(content) : content
  const message = { kind: 'response', framing: 'known', informational: [], status, headers } as const
  const plain = encode({ ...message, content: bytes, trailers: [], padding: 100 })
  outgoing.writeHead(200, { 'content-type': mediaTypes.response })
  for (const piece of town.alter([request.sealResponse(town.alterInside(plain))])) outgoing.write(piece)
  outgoing.end()
}

async function chunked(town: Town, body: Bytes, outgoing: ServerResponse): Promise<void> {
  const opener = new RequestChunkOpener(find(town))
  const plain = concat(...opener.push(body), ...opener.end())
  const { status = 200, headers = [], content = '' } = called(town, plain)
  const sealer = opener.response()
  outgoing.writeHead(200, { 'content-type': mediaTypes.chunkedResponse, incremental: '?1' })
  const write = async (...pieces: Bytes[]): Promise<void> => {
    for (const piece of town.alter(pieces)) if (!outgoing.write(piece)) await drained(outgoing)
  }
  await write(sealer.head, sealer.seal(town.alterInside(encodeResponseHead({ status, headers }))))
  for await (const piece of piecesOf(content)) {
    if (outgoing.destroyed) return
    await write(sealer.seal(town.alterInside(encodeContent(piece))))
  }
  if (town.cut) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    outgoing.destroy()
    return
  }
  await write(sealer.final(encodeEnd()))
  outgoing.end()
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      outgoing.off('drain', go).off('close', go)
      resolve()
    }
    outgoing.on('drain', go).on('close', go)
  })
}

function called(town: Town, plain: Uint8Array): AppAnswer {
  const request = decodeRequest(plain)
  town.opened.push(request)
  return town.app(request, town.opened.length)
}

async function* piecesOf(content: NonNullable<AppAnswer['content']>): AsyncGenerator<Uint8Array> {
  const whole = typeof content === 'string' ? utf8(content) : content
  if (whole instanceof Uint8Array) yield* whole.length > 0 ? [whole] : []
  else for await (const piece of whole) yield utf8(piece)
}
