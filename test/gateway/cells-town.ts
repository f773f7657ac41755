/** A gateway whose clock a test moves, and somebody who hears its cells. */
import type { RequestListener, ServerResponse } from 'node:http'
import { setImmediate as soon } from 'node:timers/promises'
import { _iterSSEMessages as foreignEvents } from 'openai/core/streaming'
import { inCells } from '../../gateway/cell-reply.ts'
import { decodeResponse } from '../../shared/bhttp/decode.ts'
import type { DecodedResponse } from '../../shared/bhttp/message.ts'
import { concat } from '../../shared/bytes.ts'
import { ticksByHand } from '../shared/shaping/by-hand.ts'
import { ChunkedClient, town, type Inside, type Town, type TownOptions } from './town.ts'

export type Made = Town & { readonly hand: ReturnType<typeof ticksByHand> }

export async function paced(options: TownOptions & { readonly held?: number } = {}): Promise<Made> {
  const { held = 65_536, ...rest } = options
  const hand = ticksByHand()
  const place = await town({ ...rest, stream: inCells({ ticks: hand.ticks, held }) })
  return Object.assign(place, { hand })
}

export type Heard = { readonly sizes: readonly number[]; readonly message: DecodedResponse }

/** Everything up to the clean end, the clock going on all the while. */
export async function heard(place: Made, { outer, client }: Asked): Promise<Heard> {
  const pieces = await collected(place, outer)
  const plaintexts = [...(await client.opener.push(concat(...pieces))), ...(await client.opener.end())]
  return { sizes: pieces.map(({ length }) => length), message: decodeResponse(concat(...plaintexts)) }
}

export async function collected(place: Made, outer: Response): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = []
  const reading = (async () => {
    for await (const piece of outer.body as AsyncIterable<Uint8Array>) pieces.push(piece)
  })()
  await until(place, reading)
  return pieces
}

/** Ticks until it has settled. */
export async function until<T>(place: Made, work: Promise<T>): Promise<T> {
  const state = { settled: false }
  const settle = (): void => void (state.settled = true)
  work.then(settle, settle)
  while (!state.settled) {
    place.hand.clock.pass(100)
    await soon()
  }
  return work
}

export function readerOf({ body }: Response): ReadableStreamDefaultReader<Uint8Array> {
  if (body === null) throw new TypeError('no content')
  return body.getReader() as ReadableStreamDefaultReader<Uint8Array>
}

export type Asked = { readonly client: ChunkedClient; readonly outer: Response }

export async function asked(place: Made, inside: Inside = {}): Promise<Asked> {
  const client = await ChunkedClient.to(place.key)
  await client.whole(inside)
  return { client, outer: await until(place, client.send(place.app)) }
}

export const events = { 'content-type': 'text/event-stream' }

/** An app that says these events, one at a time, when it is asked to. */
export function telling(): { handler: RequestListener; say(text: string): void; out(): ServerResponse } {
  let out: ServerResponse | undefined
  const there = (): ServerResponse => {
    if (out === undefined) throw new TypeError('nobody asked')
    return out
  }
  return {
    handler: (_, outgoing) => (out = outgoing.writeHead(200, events)).flushHeaders(),
    say: (text) => void there().write(text),
    out: there,
  }
}

export async function readEvents(text: string): Promise<unknown[]> {
  const seen: unknown[] = []
  for await (const { event, data } of foreignEvents(new Response(text), new AbortController())) seen.push([event, data])
  return seen
}

/** Waits for real sockets, while the clock stands. */
export const aMoment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60))
