/** relayX: a relay that does with a request, and with its answer, what its script says. Without a script it is honest. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { request as askOver } from 'node:http'
import type { Stage } from '../frame/stage.ts'
import { asked, type Answered } from './wire.ts'
import { loopback } from './trap.ts'

/** What a client sent, and nobody has opened. */
export type Letter = {
  readonly number: number
  readonly method: string
  readonly path: string
  readonly rawHeaders: readonly string[]
  readonly field: (name: string) => string | undefined
  readonly body: Buffer
}

export type Onward = { path: string; fields: Record<string, string>; body: Buffer }
export type Reply = {
  status: number
  fields: Readonly<Record<string, string | readonly string[]>>
  body: Uint8Array | string
}

export type RelayScript = {
  /** May answer in the gateway's place: a reply, or `hang up`. Nothing: the letter goes on. */
  readonly onRequest?: (letter: Letter, response: ServerResponse) => Replied | Promise<Replied>
  /** What goes to the gateway; may be called with any number of letters and changes them in place. */
  readonly onForward?: (onward: Onward, letter: Letter) => void | Promise<void>
  readonly onResponse?: (reply: Reply, letter: Letter) => Reply | Promise<Reply>
  /** A streamed answer, piece by piece: what is written instead of each. */
  readonly onChunk?: (piece: Buffer, count: number) => readonly Uint8Array[]
}
type Replied = Reply | 'hang up' | 'answered' | undefined

export type RelayX = { readonly url: string; readonly port: number; readonly letters: readonly Letter[] }

/** `at`: the port; 0 takes a free one. */
export async function relayX(
  stage: Pick<Stage, 'defer'>,
  gateway: string,
  script: RelayScript = {},
  at = 0,
): Promise<RelayX> {
  const letters: Letter[] = []
  const listener: RequestListener = (request, response) => {
    handle(request, response, { gateway, script, letters }).catch(() => response.destroy())
  }
  const { port } = await loopback(stage, listener, at)
  return { url: `http://127.0.0.1:${port}/`, port, letters }
}

type Office = { readonly gateway: string; readonly script: RelayScript; readonly letters: Letter[] }

async function handle(request: IncomingMessage, response: ServerResponse, office: Office): Promise<void> {
  const { letters, script } = office
  const letter = await letterOf(request, letters)
  const replied = await script.onRequest?.(letter, response)
  if (replied === 'answered') return
  if (replied === 'hang up') return void response.destroy()
  if (replied !== undefined) {
    deliver(response, replied)
    return
  }
  const onward = forwarded(letter)
  await script.onForward?.(onward, letter)
  if (script.onChunk !== undefined && letter.method === 'POST') {
    streamed(response, onward, office)
    return
  }
  const answer = replyOf(await asked(office.gateway + onward.path, { method: letter.method, ...onward }))
  deliver(response, (await script.onResponse?.(answer, letter)) ?? answer)
}

async function letterOf(request: IncomingMessage, letters: Letter[]): Promise<Letter> {
  const parts: Buffer[] = []
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
  const { method = '', url: path = '', rawHeaders, headers } = request
  const field = (name: string): string | undefined => headers[name]?.toString()
  const letter = { number: letters.length, method, path, rawHeaders, field, body: Buffer.concat(parts) }
  letters.push(letter)
  return letter
}

function forwarded({ path, method, body, field }: Letter): Onward {
  const type = field('content-type')
  return { path, body, fields: method === 'POST' && type !== undefined ? { 'content-type': type } : {} }
}

function replyOf({ status, field, body }: Answered): Reply {
  const type = field('content-type')
  return { status, fields: type === undefined ? {} : { 'content-type': type }, body }
}

export function deliver(response: ServerResponse, { status, fields, body }: Reply): void {
  response.writeHead(status, fields as Record<string, string | string[]>).end(body)
}

function streamed(response: ServerResponse, onward: Onward, { gateway, script }: Office): void {
  const outgoing = askOver(gateway + onward.path, { method: 'POST', headers: onward.fields, agent: false })
  outgoing.on('error', () => response.destroy())
  outgoing.on('response', (incoming) => {
    let count = 0
    response.writeHead(incoming.statusCode ?? 502, { 'content-type': incoming.headers['content-type'] })
    incoming.on('data', (piece: Buffer) => {
      for (const changed of script.onChunk?.(piece, count++) ?? [piece]) response.write(changed)
    })
    incoming.on('end', () => response.end())
    incoming.on('error', () => response.destroy())
  })
  outgoing.end(onward.body)
}
