/** gwX: a gateway that holds real keys, opens what it is sent, and answers as its script says. Without a script it is honest. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { decodeRequest } from '../../../shared/bhttp/decode.ts'
import { encode, encodeContent, encodeEnd, encodeResponseHead } from '../../../shared/bhttp/encode.ts'
import type { DecodedRequest, Field } from '../../../shared/bhttp/message.ts'
import { concat, utf8, type Bytes } from '../../../shared/bytes.ts'
import { families, mediaTypes } from '../../../shared/http/media-types.ts'
import { RequestChunkOpener } from '../../../shared/ohttp/chunked.ts'
import type { GatewayKey } from '../../../shared/ohttp/gateway-key.ts'
import { openRequest } from '../../../shared/ohttp/request.ts'
import type { Stage } from '../frame/stage.ts'
import { bundleOver, isBundle, isKeyList, newKey, shown, shownKeys } from './directory.ts'
import { deliver, type Letter, type Reply } from './relay.ts'
import { loopback } from './trap.ts'

/** What the app behind it says, before it is sealed. */
export type Said = {
  readonly status?: number
  readonly headers?: readonly Field[]
  readonly content?: string | Uint8Array
  /** a streamed answer goes out in these pieces; `content` is left aside */
  readonly pieces?: readonly string[]
  /** octets of padding after a whole answer */
  readonly padding?: number
}

export type GatewayScript = {
  readonly keys?: readonly GatewayKey[]
  /** Bundles and key lists: a reply of its own, or nothing for the usual one. */
  readonly onFetch?: (letter: Letter) => Reply | undefined | Promise<Reply | undefined>
  /** A sealed request, not opened yet: a reply of its own, or nothing. */
  readonly onRequest?: (letter: Letter, response: ServerResponse) => Reply | 'answered' | undefined
  /** What an opened request is answered with. */
  readonly onForward?: (request: DecodedRequest, count: number) => Said
  /** The outer answer, sealed. */
  readonly onResponse?: (reply: Reply, letter: Letter) => Reply
  /** The pieces of a streamed answer, sealed: what is written instead. */
  readonly onChunk?: (pieces: readonly Bytes[]) => readonly Uint8Array[]
}

export type GatewayX = {
  readonly url: string
  readonly port: number
  readonly letters: readonly Letter[]
  /** everything that it could open */
  readonly opened: readonly DecodedRequest[]
  readonly posts: () => readonly Letter[]
}

type Desk = {
  readonly stage: Pick<Stage, 'people' | 'defer'>
  readonly script: GatewayScript
  readonly keys: readonly GatewayKey[]
  readonly bundle: string
  readonly letters: Letter[]
  readonly opened: DecodedRequest[]
}

export async function gatewayX(stage: Pick<Stage, 'people' | 'defer'>, script: GatewayScript = {}): Promise<GatewayX> {
  const keys = script.keys ?? [newKey()]
  const desk: Desk = { stage, script, keys, bundle: await bundleOver(keys, stage.people), letters: [], opened: [] }
  const { port } = await loopback(stage, (request, response) => {
    serve(request, response, desk).catch(() => response.destroy())
  })
  const { letters, opened } = desk
  const posts = (): readonly Letter[] => letters.filter(({ method }) => method === 'POST')
  return { url: `http://127.0.0.1:${port}`, port, letters, opened, posts }
}

async function serve(request: IncomingMessage, response: ServerResponse, desk: Desk): Promise<void> {
  const { script } = desk
  const letter = await read(request, desk.letters)
  if (letter.method === 'GET') {
    deliver(response, (await script.onFetch?.(letter)) ?? usual(letter, desk))
    return
  }
  const own = script.onRequest?.(letter, response)
  if (own === 'answered') return
  if (own !== undefined) {
    deliver(response, own)
    return
  }
  if (letter.field('content-type') === mediaTypes.request) standard(letter, response, desk)
  else chunked(letter, response, desk)
}

/** Keeps the letter from its first octet on, since a script may answer before its last. */
async function read(request: IncomingMessage, letters: Letter[]): Promise<Letter> {
  const { method = '', url: path = '', rawHeaders, headers } = request
  const parts: Buffer[] = []
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
  const field = (name: string): string | undefined => headers[name]?.toString()
  const letter = { number: letters.length, method, path, rawHeaders, field, body: Buffer.concat(parts) }
  letters.push(letter)
  return letter
}

function usual(letter: Letter, { keys, bundle }: Desk): Reply {
  if (isBundle(letter)) return shown(bundle, { 'cache-control': 'max-age=600' })
  return isKeyList(letter) ? shownKeys(keys) : { status: 404, fields: {}, body: '' }
}

const finder =
  (keys: readonly GatewayKey[]) =>
  (keyId: number): GatewayKey | undefined =>
    keys.find(({ config }) => config.keyId === keyId)

function standard(letter: Letter, response: ServerResponse, desk: Desk): void {
  const request = openRequest(finder(desk.keys), letter.body)
  const { status = 200, headers = [], content = 'hello', padding = 64 } = answerTo(decodeRequest(request.content), desk)
  const message = { kind: 'response', framing: 'known', informational: [], status, headers, trailers: [] } as const
  const bytes = typeof content === 'string' ? utf8(content) : content
  const body = request.sealResponse(encode({ ...message, content: bytes, padding }))
  const reply = { status: 200, fields: { 'content-type': families.standard.response }, body }
  deliver(response, desk.script.onResponse?.(reply, letter) ?? reply)
}

function chunked(letter: Letter, response: ServerResponse, desk: Desk): void {
  const opener = new RequestChunkOpener(finder(desk.keys))
  const {
    status = 200,
    headers = [],
    pieces = ['hello'],
  } = answerTo(decodeRequest(concat(...opener.push(letter.body), ...opener.end())), desk)
  const sealer = opener.response()
  const sealed = [
    sealer.head,
    sealer.seal(encodeResponseHead({ status, headers })),
    ...pieces.map((piece) => sealer.seal(encodeContent(utf8(piece)))),
    sealer.final(encodeEnd()),
  ]
  response.writeHead(200, { 'content-type': families.chunked.response, incremental: '?1' })
  for (const piece of desk.script.onChunk?.(sealed) ?? sealed) response.write(piece)
  response.end()
}

function answerTo(request: DecodedRequest, { script, opened }: Desk): Said {
  opened.push(request)
  return script.onForward?.(request, opened.length) ?? {}
}
