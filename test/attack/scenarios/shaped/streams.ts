/** Streamed answers through a pair that sends them as cells, and what two observers note of each. privacy.md 2.7 and 4.4. */
import type { RequestListener } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { powerOfTwo } from '../../../../shared/shaping/buckets.ts'
import { lognormal } from '../../../leaktest/stats/draws.ts'
import type { Piece as Seen, StreamTrial } from '../../../leaktest/types.ts'
import type { Stage } from '../../frame/stage.ts'
import { until } from '../../frame/until.ts'
import { appOrigin, openApp } from '../../pair/app.ts'
import { tap, type Piece } from '../../roles/tap.ts'
import { asked } from '../../roles/wire.ts'

/** Milliseconds from one cell to the next. */
export const period = 50

/** Kinds of answers: octets of a token, milliseconds between two, and how many there are. */
export const topics = [
  { octets: 4, gap: 25, tokens: 24 },
  { octets: 9, gap: 40, tokens: 15 },
  { octets: 28, gap: 60, tokens: 10 },
  { octets: 12, gap: 35, tokens: 28 },
] as const

export type Streaming = {
  /** One answer of each of these topics, all at once: what was seen of them, in the same order. */
  readonly together: (wanted: readonly number[]) => Promise<readonly StreamTrial[]>
  /** Lengths of the sealed chunks of one answer, as they stand in the clear on the client's link. */
  readonly chunks: (topic: number) => Promise<readonly number[]>
}

/** `width`: how many clients there are, each on a link of its own. */
export async function streaming(stage: Stage, width: number): Promise<Streaming> {
  const cells = stage.profile === 'paced' ? { cells: { period: `${period}ms` } } : {}
  const app = await openApp(stage, telling(stage))
  const cvm = await stage.subject.cvm(stage, { app })
  const cvmLinks = { connections: width + 4 }
  const gateway = await stage.subject.gateway(stage, { cvmPort: cvm.port, settings: cells, cvm: cvmLinks })
  await gateway.ready()
  const linkB = await tap(stage, gateway.port)
  const relay = await stage.subject.relay(stage, { gateway: linkB.url, settings: cells })
  await until(async () => (await asked(`${relay.url}/.well-known/asunder-bundle`)).status === 200)
  const links = await Promise.all(Array.from({ length: width }, () => tap(stage, relay.port)))
  const clients = links.map(({ url }) => stage.subject.client(stage, { relay: `${url}/`, family: 'chunked' }))
  const ask = async (at: number, topic: number): Promise<void> => {
    const answer = await clients[at]?.fetch(`${appOrigin}/${topic}`)
    const text = (await answer?.text()) ?? ''
    const [, ...told] = text.split('data: ')
    const wanted = topics[topic]?.tokens
    if (told.length !== wanted) throw new Error(`${told.length} of ${wanted ?? 0} tokens came through`)
  }
  const together = async (wanted: readonly number[]): Promise<readonly StreamTrial[]> => {
    const before = links.map(({ pieces }) => pieces.length)
    const beforeB = linkB.pieces.length
    await Promise.all(wanted.map((topic, at) => ask(at, topic)))
    const passed = linkB.pieces.slice(beforeB)
    return wanted.map((topic, at) => trialOf(topic, fromServer(links[at]?.pieces.slice(before[at]) ?? []), passed))
  }
  // The first answer of a client comes after its keys, and would not be alike.
  await Promise.all(clients.map((_, at) => ask(at, 0)))
  return {
    together,
    async chunks(topic) {
      const [link] = links
      const before = link?.pieces.length ?? 0
      await ask(0, topic)
      return chunksIn(bodyOf(fromServer(link?.pieces.slice(before) ?? [])))
    },
  }
}

function telling({ dice }: Stage): RequestListener {
  const rng = dice.fork('app')
  return (request, response) => {
    const topic = topics[Number(request.url?.slice(1))]
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const tell = async (): Promise<void> => {
      for (let left = topic?.tokens ?? 0; left > 0; left--) {
        response.write(`data: ${'x'.repeat(topic?.octets ?? 0)}\n\n`)
        await sleep(lognormal(rng, topic?.gap ?? 0, 0.5))
      }
      response.end()
    }
    tell().catch(() => response.destroy())
  }
}

function fromServer(pieces: readonly Piece[]): readonly Piece[] {
  return pieces.filter(({ from }) => from === 'server')
}

function trialOf(topic: number, a: readonly Piece[], passed: readonly Piece[]): StreamTrial {
  const start = a[0]?.t ?? 0
  // Without the two heads, outer and inner, which are long and the same for all.
  const seen = (pieces: readonly Piece[]): readonly Seen[] =>
    pieces.slice(2).map(({ t, bytes }) => ({ t: t - (passed[0]?.t ?? 0), octets: bytes.length }))
  return { topic, start: start - (passed[0]?.t ?? 0), tokens: [], a: seen(a), b: seen(onLinkB(bodyOf(a), passed)) }
}

/** The same answer on the other link: the nonce that it begins with says which, to us. */
function onLinkB(body: Buffer, passed: readonly Piece[]): readonly Piece[] {
  const nonce = body.subarray(0, 16)
  const first = passed.findIndex(({ from, bytes }) => from === 'server' && bytes.includes(nonce))
  const connection = passed[first]?.connection
  if (connection === undefined) throw new Error('a stream was not seen on link B')
  return fromServer(passed.slice(first)).filter((piece) => piece.connection === connection)
}

/** The content of an answer, out of its HTTP chunks. RFC 9112 §7.1. */
function bodyOf(pieces: readonly Piece[]): Buffer {
  const all = Buffer.concat(pieces.map(({ bytes }) => bytes))
  const parts: Buffer[] = []
  for (let at = all.indexOf('\r\n\r\n') + 4; at < all.length;) {
    const end = all.indexOf('\r\n', at)
    const length = parseInt(all.toString('latin1', at, end), 16)
    if (!(length > 0)) break
    parts.push(all.subarray(end + 2, end + 2 + length))
    at = end + 2 + length + 2
  }
  return Buffer.concat(parts)
}

/** Octets of each sealed chunk behind the nonce, by the lengths in front of them. draft-ietf-ohai-chunked-ohttp-08 §3. */
function chunksIn(body: Buffer): readonly number[] {
  const lengths: number[] = []
  for (let at = 16; at < body.length;) {
    const first = body[at] ?? 0
    const width = 1 << (first >> 6)
    let length = first & 0x3f
    for (const octet of body.subarray(at + 1, at + width)) length = 256 * length + octet
    // The last one has no length: it is what is left.
    const last = first === 0
    const octets = last ? body.length - at : width + length
    lengths.push(octets)
    at += octets
  }
  return lengths
}

/** What is left to see of a stream in cells: the tick in which it begins, and its length to a factor of two. */
export function classOf({ a, start }: StreamTrial): string {
  return `${Math.floor(start / period)} ${cellsOf({ a })}`
}

/** To a factor of two. */
export function cellsOf({ a }: Pick<StreamTrial, 'a'>): number {
  return powerOfTwo(a.length + 2)
}
