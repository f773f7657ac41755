/** N01-N03, N06, N19: somebody on the client’s link marks a request, and an ally on the other link looks for the mark. privacy.md 4.2. */
import { setTimeout as sleep } from 'node:timers/promises'
import { families, mediaTypes } from '../../../../shared/http/media-types.ts'
import { blocked, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { happens, until } from '../../frame/until.ts'
import { intruder } from '../../roles/client.ts'
import { gatewayX, type GatewayScript } from '../../roles/gateway.ts'
import { tap } from '../../roles/tap.ts'
import { line } from '../../roles/wire.ts'
import { demand, pairAnswers } from '../common.ts'

const onRelay = {
  ...inFront,
  score: 'B',
  expects: ['BLOCKED'],
  subject: ['relay'],
  control: pairAnswers,
  quick: true,
} as const
const given = 'somebody holds the client’s link, and an ally watches the gateway’s'

export const networkTagScenarios: readonly Scenario[] = [
  {
    ...onRelay,
    id: 'N01',
    severity: 8,
    title: 'a reset that the gateway can see',
    given,
    does: 'resets the client’s connection while it waits',
    shows: 'the gateway sees nothing: the exchange goes on to its end, and the answer is thrown away',
    attack: resetTag,
  },
  {
    ...onRelay,
    id: 'N02',
    severity: 4,
    score: 'T',
    quick: false,
    title: 'a reader slowed down until the gateway notices',
    given,
    does: 'stops the client’s acknowledgements in the middle of a stored answer of 12 MiB',
    shows: 'the relay takes the whole answer at its own pace: handed over as fast as for a client that reads',
    attack: watermark,
  },
  {
    ...onRelay,
    profiles: ['mixed'],
    id: 'N19',
    severity: 4,
    quick: false,
    title: 'the same in a streamed answer',
    given,
    does: 'stops the client’s acknowledgements in the middle of a streamed answer of 12 MiB',
    shows:
      'in mixed the relay takes the stream at its own pace; in direct a stream waits for its reader, as SECURITY.md says',
    attack: streamWatermark,
  },
  {
    ...onRelay,
    id: 'N03',
    severity: 8,
    title: 'an upload dripped on in a rhythm',
    given,
    does: 'lets the client’s request through in twelve pieces, 25 ms apart',
    shows: 'the gateway is sent the whole of it at once',
    attack: drip,
  },
  {
    ...onRelay,
    id: 'N06',
    severity: 4,
    title: 'an upload cut at sixty percent',
    given,
    does: 'ends the client’s connection in the middle of its request',
    shows: 'nothing of it reaches the gateway’s link',
    attack: truncated,
  },
]

type Held = { readonly script: GatewayScript; readonly left: () => boolean | undefined; readonly began: () => boolean }

/** A gateway that thinks for a while, and notes whether the other side left meanwhile. */
function thinking(): Held {
  let began = false
  let left: boolean | undefined
  const onRequest: GatewayScript['onRequest'] = (_letter, response) => {
    began = true
    response.on('close', () => (left = !response.writableFinished))
    setTimeout(() => {
      response.writeHead(200, { 'content-type': families.standard.response, 'content-length': 4 }).end('done')
    }, 250)
    return 'answered'
  }
  return { script: { onRequest }, left: () => left, began: () => began }
}

const head = (length: number, type: string = mediaTypes.request): string =>
  `POST / HTTP/1.1\r\nhost: relay\r\ncontent-type: ${type}\r\ncontent-length: ${length}\r\n\r\n`

async function resetTag(stage: Stage): Promise<Finding> {
  const { script, left, began } = thinking()
  const gateway = await gatewayX(stage, script)
  const relay = await stage.subject.relay(stage, { gateway: gateway.url })
  const { message } = await (await intruder(gateway.url)).seal({})
  const victim = line(stage, relay.port)
  victim.socket.write(Buffer.concat([Buffer.from(head(message.length)), message]))
  await until(began)
  victim.socket.resetAndDestroy()
  await until(() => left() !== undefined, 2_000)
  return left() === true ? exposed('the gateway saw the client leave') : blocked('the exchange went on to its end')
}

type Family = (typeof families)[keyof typeof families]

const size = 12 * 1024 * 1024

async function watermark(stage: Stage): Promise<Finding> {
  const reading = await handedOver(stage, true)
  const stopped = await handedOver(stage, false)
  demand(reading.whole, 'a client that reads is handed all of it')
  const measure = {
    metric: 'share that the gateway could not hand over',
    value: 1 - stopped.octets / reading.octets,
    n: 2,
    gate: 0.05,
  }
  return blocked(`${reading.octets} octets for one who reads, ${stopped.octets} for one who does not`, measure)
}

async function streamWatermark(stage: Stage): Promise<Finding> {
  const reading = await handedOver(stage, true, families.chunked)
  const stopped = await handedOver(stage, false, families.chunked)
  demand(reading.whole, 'a client that reads is handed all of it')
  if (stopped.whole) return blocked(`${size} octets for both`)
  const held = Math.round((size - stopped.octets) / 2 ** 20)
  return exposed(`the gateway could not hand over ${held} of 12 MiB`)
}

/** How much of a large stored answer the gateway got rid of. */
async function handedOver(
  stage: Stage,
  reads: boolean,
  family: Family = families.standard,
): Promise<{ readonly octets: number; readonly whole: boolean }> {
  const done = { octets: 0, whole: false }
  const onRequest: GatewayScript['onRequest'] = (_letter, response) => {
    response.writeHead(200, { 'content-type': family.response, 'content-length': size })
    const piece = Buffer.alloc(65_536)
    const handed = (): number => {
      done.octets += piece.length
      done.whole = done.octets >= size
      return done.octets
    }
    const more = (sent: number): void => {
      if (sent < size && !response.destroyed) response.write(piece, () => more(handed()))
      else response.end()
    }
    more(0)
    return 'answered'
  }
  const gateway = await gatewayX(stage, { onRequest })
  const settings = { limits: { answer: 2 * size, stream: 2 * size } }
  const relay = await stage.subject.relay(stage, { gateway: gateway.url, settings })
  const cli = await intruder(gateway.url)
  const bare = await cli.seal({})
  const { message } = await cli.seal({ padding: 1024 - bare.message.length })
  const victim = line(stage, relay.port)
  if (!reads) victim.socket.pause()
  victim.socket.write(Buffer.concat([Buffer.from(head(message.length, family.request)), message]))
  await happens(() => done.whole, 1_500)
  return done
}

async function onLinkB(stage: Stage) {
  const gateway = await gatewayX(stage)
  const linkB = await tap(stage, gateway.port)
  const relay = await stage.subject.relay(stage, { gateway: linkB.url })
  const { message } = await (await intruder(gateway.url)).seal({ content: 'x'.repeat(900), method: 'POST' })
  return { gateway, linkB, relay, message }
}

async function drip(stage: Stage): Promise<Finding> {
  const { linkB, relay, message, gateway } = await onLinkB(stage)
  const victim = line(stage, relay.port)
  victim.socket.write(head(message.length))
  const step = Math.ceil(message.length / 12)
  for (let at = 0; at < message.length; at += step) {
    victim.socket.write(message.subarray(at, at + step))
    await sleep(25)
  }
  await until(() => gateway.posts().length === 1)
  const post = linkB.pieces.findIndex(
    ({ from, bytes }) => from === 'client' && bytes.toString('latin1').startsWith('POST'),
  )
  const times = linkB.pieces
    .slice(post)
    .filter(({ from }) => from === 'client')
    .map(({ t }) => t)
  const spread = Math.round((times.at(-1) ?? 0) - (times[0] ?? 0))
  const measure = {
    metric: 'from the first octet of the request on link B to its last, ms',
    value: spread,
    n: times.length,
    gate: 100,
  }
  return blocked(`300 ms on the client’s link, ${times.length} pieces on the gateway’s`, measure)
}

async function truncated(stage: Stage): Promise<Finding> {
  const { linkB, relay, message } = await onLinkB(stage)
  const victim = line(stage, relay.port)
  const part = Buffer.from(message.subarray(0, Math.floor(message.length * 0.6)))
  victim.socket.write(Buffer.concat([Buffer.from(head(message.length)), part]))
  await sleep(60)
  victim.socket.end()
  await happens(victim.ended, 1_000)
  const leaked = linkB.heard('client').includes(part.toString('latin1').slice(0, 64))
  if (leaked) return exposed('the beginning of the request was passed on')
  return blocked(`nothing on the gateway’s link; the client was told ${victim.heard().slice(9, 12) || 'nothing'}`)
}
