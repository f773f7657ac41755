/**
 * A gateway as one writes it in an afternoon: it opens whatever comes, believes what is inside, keeps no memory of it,
 * and says exactly what went wrong, to the sender and in its log.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { decodeRequest } from '../../../shared/bhttp/decode.ts'
import { encode, encodeContent, encodeEnd, encodeResponseHead } from '../../../shared/bhttp/encode.ts'
import { concat } from '../../../shared/bytes.ts'
import { families, mediaTypes } from '../../../shared/http/media-types.ts'
import { aeads, hkdfSha256, x25519 } from '../../../shared/hpke/suites.ts'
import { RequestChunkOpener } from '../../../shared/ohttp/chunked.ts'
import { createGatewayKey, type GatewayKey } from '../../../shared/ohttp/gateway-key.ts'
import { openRequest } from '../../../shared/ohttp/request.ts'
import { serializeKeyConfigs } from '../../../shared/ohttp/key-config.ts'
import type { Stage } from '../frame/stage.ts'
import type { Gateway, GatewayOptions } from '../pair/subject.ts'
import { bundleOver } from '../roles/directory.ts'
import { laxRequest, type Lax } from './bhttp.ts'
import { byHand, streamed } from './onward.ts'
import { naiveDoor } from './tokens.ts'

type State = {
  readonly key: GatewayKey
  readonly bundle: string
  readonly cvmPort: number
  readonly lines: string[]
  readonly counts: Map<string, number>
  readonly refused: ReturnType<typeof naiveDoor>
}

export async function naiveGateway(stage: Stage, options: GatewayOptions): Promise<Gateway> {
  const { cvmPort, tls = false, rest, settings = {} } = options
  const { people, defer } = stage
  const key = keyAt(rest)
  const bundle = await bundleOver([key], people)
  const state: State = { key, bundle, cvmPort, lines: [], counts: new Map(), refused: naiveDoor(settings['tokens']) }
  const handle = (request: IncomingMessage, response: ServerResponse): void => void serve(request, response, state)
  const file = (name: string): Buffer => readFileSync(people.file('gateway', name))
  const server = tls
    ? createSecureServer({ key: file('server.key'), cert: file('server.pem') }, handle)
    : createServer(handle)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = (): Promise<void> => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(() => resolve()))
  }
  defer(close)
  const { port } = server.address() as AddressInfo
  const metrics = (): Promise<string> => Promise.resolve([...state.counts].map((row) => row.join(' ')).join('\n'))
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`
  return { port, url, log: () => state.lines.join('\n'), metrics, close, ready: () => Promise.resolve() }
}

/** One key for ever, and in a file if there is a place for one. */
function keyAt(rest: string | undefined): GatewayKey {
  const file = rest === undefined ? undefined : join(rest, 'keys.json')
  const known = file !== undefined && existsSync(file)
  const privateKey = known ? Buffer.from(readFileSync(file, 'utf8'), 'hex') : randomBytes(32)
  if (file !== undefined && !known) writeFileSync(file, privateKey.toString('hex'))
  const suites = aeads.map((aead) => ({ kdf: hkdfSha256, aead }))
  return createGatewayKey({ keyId: 1, kem: x25519, suites, privateKey: Uint8Array.from(privateKey) })
}

async function serve(request: IncomingMessage, response: ServerResponse, state: State): Promise<void> {
  const { method = '', url = '', headers } = request
  note(request, state)
  try {
    if (method === 'GET') {
      show(url, response, state)
      return
    }
    const parts: Buffer[] = []
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
    const outer = { ...headers, ...request.trailers }
    if (headers['content-type'] === mediaTypes.chunkedRequest)
      await chunked(Buffer.concat(parts), outer, response, state)
    else await standard(Buffer.concat(parts), outer, response, state)
  } catch (error) {
    const why = error instanceof Error ? error : new Error('unknown')
    state.lines.push(why.stack ?? why.message)
    const status = why.message.includes('key') ? 404 : why.message.includes('tag') ? 422 : 500
    if (!response.headersSent) response.writeHead(status, { 'content-type': 'text/plain' }).end(why.message)
  }
}

function note({ method = '', url = '', headers, socket }: IncomingMessage, { lines, counts }: State): void {
  lines.push(`${socket.remoteAddress ?? ''} ${method} ${url} ${JSON.stringify(headers)}`)
  const series = `requests_total{method="${method}",path="${url}",type="${headers['content-type'] ?? ''}"}`
  counts.set(series, (counts.get(series) ?? 0) + 1)
}

function show(url: string, response: ServerResponse, { key, bundle }: State): void {
  if (url.includes('asunder-bundle')) response.writeHead(200, { 'content-type': mediaTypes.bundle }).end(bundle)
  else response.writeHead(200, { 'content-type': mediaTypes.keys }).end(serializeKeyConfigs([key.config]))
}

async function standard(
  body: Buffer,
  outer: IncomingMessage['headers'],
  response: ServerResponse,
  state: State,
): Promise<void> {
  const request = openRequest(() => state.key, body)
  const asked = inspected(laxRequest(request.content), state)
  const pass = asked.headers.find(([name]) => name === 'authorization')?.[1]
  const why = await state.refused?.(pass)
  const turnedAway = { status: 401, headers: [], content: Buffer.from(why ?? '') }
  const { status, headers, content } = why === undefined ? await byHand(asked, outer, state.cvmPort) : turnedAway
  const message = {
    kind: 'response',
    framing: 'known',
    informational: [],
    status,
    headers,
    content,
    trailers: [],
  } as const
  const sealed = request.sealResponse(encode({ ...message, padding: 0 }))
  response.writeHead(200, { 'content-type': families.standard.response }).end(sealed)
}

/** "For the abuse desk": what was asked goes into the log and the metrics, and packed contents are looked into. */
function inspected(asked: Lax, { lines, counts }: State): Lax {
  const { method, authority, path, headers } = asked
  const packed = headers.some(([name, value]) => name === 'content-encoding' && value === 'gzip')
  const content = packed ? gunzipSync(asked.content) : asked.content
  lines.push(`${method} ${authority}${path} ${JSON.stringify(headers)} ${content.subarray(0, 4096).toString('utf8')}`)
  const series = `inner_total{method="${method}",path="${path}"}`
  counts.set(series, (counts.get(series) ?? 0) + 1)
  return { ...asked, content }
}

async function chunked(
  body: Buffer,
  outer: IncomingMessage['headers'],
  response: ServerResponse,
  state: State,
): Promise<void> {
  const opener = new RequestChunkOpener(() => state.key)
  const asked = inspected(decoded(concat(...opener.push(body), ...opener.end())), state)
  const sealer = opener.response()
  response.writeHead(200, { 'content-type': families.chunked.response, incremental: '?1' })
  response.write(sealer.head)
  await streamed(asked, outer, state.cvmPort, {
    head: (head) => void response.write(sealer.seal(encodeResponseHead(head))),
    piece: (bytes) => response.write(sealer.seal(encodeContent(bytes))),
    reader: response,
  })
  response.end(sealer.final(encodeEnd()))
}

function decoded(bytes: Uint8Array): Lax {
  const request = decodeRequest(bytes)
  return { ...request, content: Buffer.from(request.content) }
}
