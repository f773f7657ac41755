/** From the naive gateway onward: HTTP/1.1 written by hand for whole messages, piped for streams; to whichever host was named. */
import { request as askSecurely, type RequestOptions } from 'node:https'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import type { Field, ResponseHead } from '../../../shared/bhttp/message.ts'
import { appOrigin } from '../pair/app.ts'
import type { Lax } from './bhttp.ts'

type Whole = ResponseHead & { readonly content: Buffer }

/** The relay's own fields go along: "the app may want to know". */
function linesOf({ headers, content }: Lax, outer: IncomingHttpHeaders, host: string): string[] {
  const own = headers.map(([name, value]) => `${name}: ${value}`)
  const from = Object.entries(outer)
    .filter(
      ([name]) =>
        !['host', 'content-length', 'content-type', 'transfer-encoding', 'connection', 'trailer'].includes(name),
    )
    .map(([name, value]) => `${name}: ${String(value)}`)
  const framed = isFramed(headers)
  return [
    `host: ${host}`,
    ...own,
    ...from,
    ...(framed ? ['connection: keep-alive'] : [`content-length: ${content.length}`, 'connection: close']),
  ]
}

function isFramed(headers: Lax['headers']): boolean {
  return headers.some(([name]) => name === 'content-length' || name === 'transfer-encoding')
}

export function byHand(asked: Lax, outer: IncomingHttpHeaders, cvmPort: number): Promise<Whole> {
  const { method, scheme, authority, path, content } = asked
  const ours = `${scheme}://${authority}` === appOrigin
  const url = ours ? undefined : new URL(`${scheme}://${authority}`)
  const at = { host: url?.hostname.replace(/[[\]]/g, '') ?? '127.0.0.1', port: Number(url?.port ?? cvmPort) || 80 }
  const socket = ours ? connectSecurely({ ...at, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] }) : connect(at)
  const head = `${method} ${path} HTTP/1.1\r\n${linesOf(asked, outer, authority).join('\r\n')}\r\n\r\n`
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    socket.on('error', reject)
    socket.on('data', (part: Buffer) => parts.push(part))
    socket.on('close', () => resolve(wholeOf(Buffer.concat(parts))))
    socket.setTimeout(isFramed(asked.headers) ? 200 : 3_000, () => socket.destroy())
    socket.write(Buffer.concat([Buffer.from(head, 'latin1'), content]))
  })
}

function wholeOf(bytes: Buffer): Whole {
  const text = bytes.toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  const [first = '', ...lines] = text.slice(0, Math.max(end, 0)).split('\r\n')
  const headers = lines.map((line): Field => {
    const [name = '', ...value] = line.split(':')
    return [name.toLowerCase(), value.join(':').trim()]
  })
  const kept = headers.filter(([name]) => !['connection', 'transfer-encoding', 'keep-alive'].includes(name))
  const chunked = headers.some(([name, value]) => name === 'transfer-encoding' && value === 'chunked')
  const body = bytes.subarray(end + 4)
  const content = chunked ? Buffer.from(unchunked(body.toString('latin1')), 'latin1') : body
  return { status: Number(first.split(' ')[1] ?? 502), headers: kept, content }
}

function unchunked(text: string): string {
  const size = parseInt(text, 16)
  const start = text.indexOf('\r\n') + 2
  return size > 0 ? text.slice(start, start + size) + unchunked(text.slice(start + size + 2)) : ''
}

type Sink = {
  readonly head: (head: ResponseHead) => void
  readonly piece: (bytes: Buffer) => boolean
  readonly reader: ServerResponse
}

/** Piped: a reader that stops stops the CVM, and one that leaves leaves there too. */
export function streamed(asked: Lax, outer: IncomingHttpHeaders, cvmPort: number, to: Sink): Promise<void> {
  const { method, path, headers, content } = asked
  const options: RequestOptions = {
    method,
    path,
    host: '127.0.0.1',
    port: cvmPort,
    rejectUnauthorized: false,
    agent: false,
  }
  return new Promise((resolve, reject) => {
    const outgoing = askSecurely({ ...options, headers: { ...Object.fromEntries(headers), ...fieldsFrom(outer) } })
    outgoing.on('error', reject)
    outgoing.on('response', (incoming) => {
      to.head({ status: incoming.statusCode ?? 502, headers: pairsOf(incoming) })
      incoming.on('data', (bytes: Buffer) => {
        if (!to.piece(bytes)) incoming.pause()
      })
      to.reader.on('drain', () => incoming.resume())
      incoming.on('end', resolve)
      incoming.on('error', reject)
    })
    to.reader.on('close', () => outgoing.destroy())
    outgoing.end(content)
  })
}

function fieldsFrom({ 'x-forwarded-for': from }: IncomingHttpHeaders): Record<string, string> {
  return from === undefined ? {} : { 'x-forwarded-for': String(from) }
}

function pairsOf({ rawHeaders }: IncomingMessage): Field[] {
  return rawHeaders.flatMap((name, at): Field[] =>
    at % 2 === 0 ? [[name.toLowerCase(), rawHeaders[at + 1] ?? '']] : [],
  )
}
