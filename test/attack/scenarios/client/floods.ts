/** C07, C08, C10, C11, C13: a client that costs more than it should. privacy.md 3.5, house.md on stores and streams. */
import type { RequestListener } from 'node:http'
import { gzipSync } from 'node:zlib'
import { mediaTypes } from '../../../../shared/http/media-types.ts'
import { blocked, contained, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { happens } from '../../frame/until.ts'
import { hello } from '../../pair/app.ts'
import { binaryRequest, intruder, sealedChunks } from '../../roles/client.ts'
import { gatewayX } from '../../roles/gateway.ts'
import { asked, line, statusOf } from '../../roles/wire.ts'
import { besieged, demand, gatewayAnswers, isServed, pairAnswers, secret } from '../common.ts'

const onGateway = {
  ...inFront,
  score: 'B',
  expects: ['BLOCKED'],
  subject: ['gateway'],
  control: gatewayAnswers,
  quick: true,
} as const
const given = 'a client that pays for what it sends, and wants others to pay more'

export const floodScenarios: readonly Scenario[] = [
  {
    ...onGateway,
    id: 'C07',
    severity: 2,
    quick: false,
    title: 'a bomb that unpacks itself',
    given,
    does: 'sends 20 kB of gzip that unpack to 20 MB',
    shows: 'nobody on the way unpacks: the app is handed what was sent, octet for octet',
    attack: bomb,
  },
  {
    ...onGateway,
    id: 'C08',
    severity: 4,
    quick: false,
    title: 'more than anybody should send',
    given,
    does: 'declares 2^50 octets; then sends chunks without end',
    shows: '413 before it ends: the declared length is not believed, the stream is cut at the limit',
    attack: oversize,
  },
  {
    ...onGateway,
    id: 'C10',
    severity: 4,
    score: 'T',
    expects: ['CONTAINED'],
    quick: false,
    title: 'a hundred uploads that never end',
    given,
    does: 'begins a hundred requests and sends no more of them',
    shows: 'honest requests are served meanwhile, and the idle ones are ended',
    attack: idle,
  },
  {
    ...onGateway,
    id: 'C11',
    severity: 4,
    expects: ['CONTAINED'],
    quick: false,
    title: 'a reader that stops',
    given,
    does: 'asks for an endless streamed answer, four times, and reads none of it',
    shows: 'the gateway holds a bounded part, ends the exchange at its deadline, and others get the CVM again',
    attack: stopped,
  },
  {
    ...onGateway,
    id: 'C13',
    severity: 4,
    score: 'T',
    expects: ['BLOCKED'],
    subject: ['relay'],
    control: pairAnswers,
    title: 'junk that costs the gateway a key agreement each',
    given,
    does: 'posts 120 well-formed pieces of junk at once through the relay',
    shows: 'the relay’s limit for one address stops most of them before they cost anything; another address is served',
    attack: junk,
  },
]

async function bomb(stage: Stage): Promise<Finding> {
  // An app that has read everything before it answers.
  const answer: RequestListener = (request, response) => void request.on('end', () => hello(request, response))
  const { cli, app } = await besieged(stage, { answer })
  const packed = gzipSync(Buffer.alloc(20_000_000))
  await cli
    .ask({ method: 'POST', headers: [['content-encoding', 'gzip']], content: Uint8Array.from(packed) })
    .catch(() => undefined)
  await happens(() => app.asked.length > 0, 2_000)
  const handed = app.asked[0]?.body.length ?? 0
  if (handed > packed.length) return exposed(`${packed.length} octets became ${handed} on the way`)
  demand(handed === packed.length, 'the app was handed all of it')
  return blocked(`${packed.length} octets in, ${handed} out`)
}

async function oversize(stage: Stage): Promise<Finding> {
  const { cli, gateway } = await besieged(stage, { gateway: { settings: { limits: { request: 65_536 } } } })
  const head = `POST / HTTP/1.1\r\nhost: gateway\r\ncontent-type: ${mediaTypes.request}\r\n`
  const declared = line(stage, gateway.port)
  declared.socket.write(`${head}content-length: ${2 ** 50}\r\n\r\n`)
  const early = await happens(() => statusOf(declared.heard()) === 413, 1_500)
  const endless = line(stage, gateway.port)
  endless.socket.write(`${head}transfer-encoding: chunked\r\n\r\n`)
  const piece = `10000\r\n${'x'.repeat(0x10000)}\r\n`
  for (let sent = 0; sent < 40 && !endless.ended(); sent++) endless.socket.write(piece)
  const cut = await happens(() => endless.ended() || statusOf(endless.heard()) === 413, 1_500)
  demand(isServed(await cli.ask({})), 'others are served')
  if (!early || !cut) return exposed(`${early ? 'chunks without end' : 'a declared length of 2^50'} went on unanswered`)
  return blocked('413 to the declared length at once; 2.6 MB of chunks were cut')
}

async function idle(stage: Stage): Promise<Finding> {
  const { cli, gateway } = await besieged(stage, { gateway: { settings: { limits: { stall: '400ms' } } } })
  const head = `POST / HTTP/1.1\r\nhost: gateway\r\ncontent-type: ${mediaTypes.request}\r\ncontent-length: 500\r\n\r\n`
  const lines = Array.from({ length: 100 }, () => line(stage, gateway.port))
  for (const { socket } of lines) socket.write(`${head}x`)
  demand(isServed(await cli.ask({ method: 'POST', content: secret })), 'an honest request is served meanwhile')
  const over = await happens(() => lines.every(({ ended, heard }) => ended() || heard() !== ''), 3_000)
  const held = lines.filter(({ ended, heard }) => !ended() && heard() === '').length
  if (!over) return exposed(`${held} of 100 idle uploads are held on to`)
  return contained('an honest request was served; all hundred were ended at their deadline')
}

async function stopped(stage: Stage): Promise<Finding> {
  const ends: boolean[] = []
  const settings = { limits: { stall: '500ms' } }
  const { cli, gateway, app } = await besieged(stage, { gateway: { settings, cvm: { connections: 4 } } })
  app.answer = (request, response) => {
    if (request.url !== '/endless') return void response.writeHead(200, { 'content-length': 5 }).end('hello')
    response.on('close', () => ends.push(true))
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    }
    response.writeHead(200).on('drain', more)
    more()
  }
  const lines = []
  for (let at = 0; at < 4; at++) {
    const pieces = await sealedChunks(cli, [binaryRequest({ path: '/endless' })])
    const one = line(stage, gateway.port)
    one.socket.pause()
    const body = Buffer.concat(pieces)
    one.socket.write(
      `POST / HTTP/1.1\r\nhost: gateway\r\ncontent-type: ${mediaTypes.chunkedRequest}\r\ncontent-length: ${body.length}\r\n\r\n`,
    )
    one.socket.write(body)
    lines.push(one)
  }
  const freed = await happens(() => ends.length === 4, 4_000)
  if (!freed) return exposed(`${4 - ends.length} of 4 exchanges are held open for a reader who reads nothing`)
  demand(await happens(async () => isServed(await cli.ask({})), 3_000), 'others are served again')
  return contained('all four were ended at their deadline; then another was served')
}

async function junk(stage: Stage): Promise<Finding> {
  const gateway = await gatewayX(stage, { onRequest: () => ({ status: 400, fields: {}, body: '' }) })
  const settings = { rate: { perSecond: 1, burst: 10 } }
  const relay = await stage.subject.relay(stage, { gateway: gateway.url, settings })
  const cli = await intruder(gateway.url)
  const { message } = await cli.seal({})
  const fields = { 'content-type': mediaTypes.request }
  const body = message.with(50, 1)
  await Promise.all(
    Array.from({ length: 120 }, () => asked(relay.url, { method: 'POST', fields, body }).catch(() => undefined)),
  )
  const cost = gateway.posts().length
  const other = await asked(relay.url, { method: 'POST', fields, body, from: '127.77.0.1' })
  demand(other.status === 400 || other.status === 502, `another address is let through, but ${other.status}`)
  const measure = { metric: 'pieces of junk that reached the gateway', value: cost, n: 120, gate: 20 }
  return blocked(`${cost} of 120 reached the gateway; another address got through`, measure)
}
