/** Plain HTTP/1.1 as attackers use it: every field of an answer in its order and case, and sockets written by hand. */
import { connect, type Socket } from 'node:net'
import { request as ask, type OutgoingHttpHeaders } from 'node:http'
import { request as askSecurely, type RequestOptions } from 'node:https'
import { connect as connectSecurely, type ConnectionOptions } from 'node:tls'
import type { Stage } from '../frame/stage.ts'
import { until } from '../frame/until.ts'

export type Answered = {
  readonly status: number
  readonly reason: string
  /** names as they were written, in order */
  readonly rawHeaders: readonly string[]
  readonly field: (name: string) => string | undefined
  readonly body: Buffer
}

export type Asking = {
  readonly method?: string
  readonly fields?: OutgoingHttpHeaders
  readonly body?: Uint8Array | string
  /** address of this machine to come from */
  readonly from?: string
  /** for https */
  readonly tls?: Pick<RequestOptions, 'ca' | 'key' | 'cert' | 'rejectUnauthorized'>
}

/** One request on a connection of its own. Rejects when no complete answer comes. */
export function asked(
  url: string,
  { method = 'GET', fields = {}, body, from, tls = {} }: Asking = {},
): Promise<Answered> {
  const options = {
    method,
    headers: fields,
    agent: false,
    ...(from === undefined ? {} : { localAddress: from }),
    ...tls,
  }
  return new Promise((resolve, reject) => {
    const outgoing = url.startsWith('https:') ? askSecurely(url, options) : ask(url, options)
    outgoing.on('error', reject)
    outgoing.on('response', (incoming) => {
      const parts: Buffer[] = []
      incoming.on('data', (part: Buffer) => parts.push(part))
      incoming.on('error', reject)
      incoming.on('end', () => {
        const { statusCode: status = 0, statusMessage: reason = '', rawHeaders, headers } = incoming
        const field = (name: string): string | undefined => headers[name]?.toString()
        resolve({ status, reason, rawHeaders, field, body: Buffer.concat(parts) })
      })
    })
    outgoing.end(body)
  })
}

export type Line = {
  readonly socket: Socket
  /** latin1 */
  readonly heard: () => string
  readonly ended: () => boolean
}

/** A bare connection to a port on this machine. */
export function line({ defer }: Pick<Stage, 'defer'>, port: number, tls?: ConnectionOptions): Line {
  const host = '127.0.0.1'
  const socket = tls === undefined ? connect({ host, port, noDelay: true }) : connectSecurely({ host, port, ...tls })
  let text = ''
  let ended = false
  socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')))
  socket.on('error', () => undefined)
  socket.on('close', () => (ended = true))
  defer(() => socket.destroy())
  return { socket, heard: () => text, ended: () => ended }
}

/** Writes, and gives what came back until an answer was complete or the connection over. */
export async function said(stage: Pick<Stage, 'defer'>, port: number, text: string | Buffer): Promise<string> {
  const { socket, heard, ended } = line(stage, port)
  socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text)
  await until(() => isWhole(heard()) || ended())
  socket.destroy()
  return heard()
}

/** Whether a text holds an answer to its end, informational ones before it left aside. */
export function isWhole(text: string): boolean {
  const final = text.replace(/^(?:HTTP\/1\.1 1\d\d .*\r\n(?:.+\r\n)*\r\n)+/, '')
  const end = final.indexOf('\r\n\r\n')
  if (end < 0) return false
  const head = final.slice(0, end)
  const body = final.slice(end + 4)
  if (/^transfer-encoding: *chunked/im.test(head)) return /(^|\r\n)0\r\n(?:.+\r\n)*\r\n$/.test(body)
  return body.length >= Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
}

export function statusOf(text: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0)
}
