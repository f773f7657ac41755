/** A relay that shapes its traffic, messages of one size through it, and somebody who notes when each passes. privacy.md 2.5. */
import { setTimeout as sleep } from 'node:timers/promises'
import { families, mediaTypes } from '../../../../shared/http/media-types.ts'
import { arrivals } from '../../../leaktest/stats/draws.ts'
import type { Trial, Window } from '../../../leaktest/types.ts'
import type { Stage } from '../../frame/stage.ts'
import type { RelayOptions, Served } from '../../pair/subject.ts'
import { intruder } from '../../roles/client.ts'
import { gatewayX } from '../../roles/gateway.ts'
import { tap } from '../../roles/tap.ts'
import { asked } from '../../roles/wire.ts'

/** Milliseconds from tick to tick: what relays have where nothing else is set. */
export const tick = 50
/** Octets of every message, in both directions. */
export const size = 1024

/** Milliseconds since 1970, when a message was seen whole. */
type Seen = { in: number; out: number; resp: number; back: number }

export type Watched = {
  readonly relay: Served
  /** Sends one message on a connection of its own, and gives what was seen of it. */
  readonly exchange: () => Promise<Seen>
  /** when the gateway had each message, in order */
  readonly arrived: readonly number[]
}

export type WatchOptions = {
  readonly settings?: RelayOptions['settings']
  /** milliseconds that the gateway takes for its answer */
  readonly service?: () => number
}

export async function watched(stage: Stage, { settings, service = () => 0 }: WatchOptions = {}): Promise<Watched> {
  const seen = new Map<string, Seen>()
  const arrived: number[] = []
  const note = (mark: Buffer, at: keyof Seen): void => {
    const one = seen.get(mark.toString('hex'))
    if (one !== undefined) one[at] = Date.now()
  }
  const gateway = await gatewayX(stage, {
    onRequest: ({ body }, response) => {
      const mark = markOf(body)
      arrived.push(Date.now())
      note(mark, 'out')
      setTimeout(() => {
        note(mark, 'resp')
        const fields = { 'content-type': families.standard.response, 'content-length': size }
        response.writeHead(200, fields).end(Buffer.concat([mark, Buffer.alloc(size - mark.length)]))
      }, service())
      return 'answered'
    },
  })
  const relay = await stage.subject.relay(stage, { gateway: gateway.url, ...(settings && { settings }) })
  // Below TLS, where somebody on the client's link would be; what it reads there only says which message is which.
  const linkA = await tap(stage, relay.port, {
    onPiece({ from, bytes }) {
      const message = bytes.subarray(Math.max(0, bytes.length - size))
      if (from === 'client') note(markOf(message), 'in')
      else note(message.subarray(0, markLength), 'back')
      return bytes
    },
  })
  const cli = await intruder(gateway.url)
  const bare = await cli.seal({})
  const exchange = async (): Promise<Seen> => {
    const { message } = await cli.seal({ padding: size - bare.message.length })
    const one = { in: NaN, out: NaN, resp: NaN, back: NaN }
    seen.set(markOf(Buffer.from(message)).toString('hex'), one)
    const fields = { 'content-type': mediaTypes.request }
    const { status } = await asked(linkA.url, { method: 'POST', body: message, fields })
    if (status !== 200) throw new Error(`an exchange ended with ${status}`)
    return one
  }
  return { relay, exchange, arrived }
}

const markLength = 16

/** A part of the encapsulated key, which no two messages share. */
function markOf(message: Buffer): Buffer {
  return message.subarray(7, 7 + markLength)
}

export type Crowd = { readonly windows: readonly Window[]; readonly probes: Window; readonly perSecond: number }

/** Windows of 64 exchanges that come as they come, and others of the attacker's own to learn from. */
export async function crowd(stage: Stage, { exchange }: Watched, windows: number, perSecond: number): Promise<Crowd> {
  const width = 64
  const count = (windows + 1) * width
  const times = arrivals(stage.dice.fork('arrivals'), count, 1000 / perSecond)
  const begun = Date.now()
  const all = await Promise.all(
    times.map(async (at) => {
      await sleep(Math.max(0, begun + at - Date.now()))
      return exchange()
    }),
  )
  const trials = all.map((seen, client) => trialOf(seen, client)).sort((one, other) => one.times.in - other.times.in)
  const [probes = [], ...rest] = Array.from({ length: windows + 1 }, (_, at) =>
    trials.slice(at * width, (at + 1) * width),
  )
  const [first, last] = [trials[0]?.times.in ?? 0, trials.at(-1)?.times.in ?? 0]
  return { windows: rest, probes, perSecond: (1000 * (count - 1)) / (last - first) }
}

function trialOf(times: Seen, client: number): Trial {
  const sizes = { raw: size, a: size, b: size }
  if (Object.values(times).some(Number.isNaN)) throw new Error('an exchange was not seen')
  return { client, intent: 0, request: sizes, response: sizes, times, upstream: 0 }
}

/** Best guess at which of those that leave at a tick is which: (1 - e^-LT) / (LT). privacy.md 0.7. */
export function floorOf(perSecond: number): number {
  const load = (perSecond * tick) / 1000
  return (1 - Math.exp(-load)) / load
}
