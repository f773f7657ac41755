/** Every limit of wire.md on the relay's own socket: what keeps it passes, what goes beyond meets it, and it is counted. */
import { connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { share } from '../../relay/room.ts'
import { limits as words, type Limit } from '../../relay/vocabulary.ts'
import { certificatePem, privateKeyPem, selfSigned } from '../../shared/upstream/certificate.ts'
import {
  answer,
  ask,
  complete,
  good,
  httpGateway,
  post,
  rawClient,
  rawGateway,
  relayTo,
  until,
  uploading,
  type TestRelayOptions,
} from '../relay/harness.ts'
import {
  type Deed,
  status,
  asked,
  untilClosed,
  behind,
  get,
  chunkedType,
  inChunks,
  under,
  onTheGrid,
  waiting,
  abandoned,
  connected,
  unread,
} from './deeds.ts'

type Row = {
  readonly limit: string
  readonly options: TestRelayOptions
  readonly keeps?: Deed
  readonly beyond: Deed
  readonly said: string
  /** how the limit is counted; nothing where the gateway is the one who met it */
  readonly met?: Limit
}

const small = { limits: { request: 1000 } }
const identity = selfSigned({ commonName: 'relay', use: 'server', names: ['127.0.0.1'] })
const tls = { key: privateKeyPem(identity), cert: certificatePem(identity) }
const never = 'a gateway that says nothing'
const long = 'a gateway that says a thousand and one octets'

const rows: readonly Row[] = [
  {
    limit: 'request, as its length says',
    options: small,
    keeps: asked(post({}, 'x'.repeat(1000))),
    beyond: asked(post({}, 'x'.repeat(1001))),
    said: '413 Payload Too Large',
    met: 'content',
  },
  {
    limit: 'request, as it comes',
    options: small,
    keeps: asked(inChunks('x'.repeat(600), 'x'.repeat(400))),
    beyond: asked(inChunks('x'.repeat(600), 'x'.repeat(401))),
    said: '413 Payload Too Large',
    met: 'content',
  },
  {
    limit: `stored answer: ${long}`,
    options: { limits: { answer: 1000 } },
    beyond: asked(post()),
    said: '502 Bad Gateway',
  },
  {
    limit: 'stream, upward',
    options: { limits: { stream: 1000 } },
    beyond: asked(uploading('x'.repeat(600), 'x'.repeat(401))),
    said: '413 Payload Too Large',
    met: 'content',
  },
  {
    limit: `stream, downward: ${long}`,
    options: { limits: { stream: 1000 } },
    beyond: async ({ port }) => (complete(await ask(port, post(chunkedType))) ? 'whole' : 'not whole'),
    said: 'not whole',
  },
  {
    limit: 'header section',
    options: { serve: { headerSection: 2048 } },
    keeps: asked(post({ x: 'y'.repeat(1800) })),
    beyond: asked(post({ x: 'y'.repeat(2048) })),
    said: '431 Request Header Fields Too Large',
    met: 'head',
  },
  {
    limit: 'fields',
    options: {},
    keeps: asked(get(...Array<string>(127).fill('x: y'))),
    beyond: asked(get(...Array<string>(128).fill('x: y'))),
    said: '431 Request Header Fields Too Large',
    met: 'head',
  },
  {
    limit: 'time for a head',
    options: { serve: { head: 200 } },
    beyond: untilClosed('POST / HTTP/1.1\r\nhost: x\r\n'),
    said: '408 Request Timeout',
    met: 'head',
  },
  {
    limit: 'time for a handshake',
    options: { tls, serve: { head: 200 } },
    beyond: untilClosed('\x16'),
    said: 'ended',
  },
  {
    limit: 'time for the first request',
    options: { serve: { head: 200 } },
    beyond: untilClosed(),
    said: '408 Request Timeout',
    met: 'head',
  },
  { limit: 'idle', options: { serve: { keepAlive: 100 } }, beyond: untilClosed(post()), said: '200 OK' },
  {
    limit: 'stall of an upload',
    options: { limits: { stall: 100 } },
    beyond: untilClosed(post({ 'content-length': '100' }, 'half')),
    said: '408 Request Timeout',
    met: 'stall',
  },
  {
    limit: 'stall of an upload that is passed on',
    options: { limits: { stall: 100 } },
    beyond: untilClosed(uploading('half')),
    said: '408 Request Timeout',
    met: 'stall',
  },
  {
    limit: 'stall of a reader of a stored answer: a gateway that says 16 MiB',
    options: { limits: { stall: 100 } },
    beyond: unread(post()),
    said: 'ended',
  },
  {
    limit: `first byte: ${never}`,
    options: { pool: { firstByte: 100 } },
    beyond: asked(post()),
    said: '504 Gateway Timeout',
  },
  {
    limit: `drain, in time: ${never}`,
    options: { limits: { drainTime: 100 } },
    beyond: async (relay) => {
      for (const client of await under(1, post())(relay)) client.socket.resetAndDestroy()
      await until(() => relay.abandoned() === 1)
      await until(() => relay.active() === 0)
      return 'let go'
    },
    said: 'let go',
  },
  {
    limit: `drain, budget of a bucket: ${never}`,
    options: { limits: { abandoned: 2, drainTime: 5_000 } },
    beyond: behind(abandoned, asked(post())),
    said: '503 Service Unavailable',
    met: 'abandoned',
  },
  {
    limit: 'connections',
    options: { serve: { connections: 2 } },
    keeps: asked(post()),
    beyond: behind(connected(2), untilClosed(post())),
    said: 'ended',
    met: 'connections',
  },
  {
    limit: 'connections of a bucket',
    options: { limits: { connections: 2 } },
    keeps: asked(post()),
    beyond: behind(connected(2), untilClosed(post())),
    said: 'ended',
    met: 'bucket-connections',
  },
  {
    limit: `requests of a bucket under way: ${never}`,
    options: { limits: { exchanges: 2 } },
    beyond: behind(under(2, post()), asked(post())),
    said: '503 Service Unavailable',
    met: 'exchanges',
  },
  {
    limit: `uploads that are passed on: ${never}`,
    options: { limits: { incremental: 1 } },
    beyond: behind(under(1, uploading('x')), asked(uploading('x'))),
    said: '429 Too Many Requests',
    met: 'incremental',
  },
  {
    limit: `requests that wait for a connection: ${never}`,
    options: { pool: { connections: 1, queue: 0 } },
    beyond: behind(under(1, post()), asked(post())),
    said: '503 Service Unavailable',
    met: 'busy',
  },
  {
    limit: 'requests that wait for a tick',
    options: { mixing: { tick: 60_000, requests: 1 } },
    beyond: behind(waiting, asked(onTheGrid())),
    said: '503 Service Unavailable',
    met: 'batch',
  },
  {
    limit: `room for answers that are kept: ${never}`,
    options: { mixing: { tick: 5, memory: 2 * share } },
    beyond: behind(under(1, onTheGrid()), asked(onTheGrid())),
    said: '503 Service Unavailable',
    met: 'memory',
  },
  {
    limit: 'what one reader leaves of a kept stream: 16 MiB',
    options: { mixing: { tick: 5, answer: 1 << 20 } },
    beyond: unread(onTheGrid(chunkedType)),
    said: 'ended',
    met: 'backlog',
  },
  {
    limit: 'rate',
    options: { rate: { perSecond: 0.01, burst: 1 } },
    beyond: behind(({ port }) => ask(port, post()), asked(post())),
    said: '429 Too Many Requests',
    met: 'rate',
  },
  {
    limit: `requests ahead of the answer: ${never}`,
    options: {},
    beyond: untilClosed(post(), post(), post()),
    said: 'ended',
    met: 'pipelined',
  },
]

async function gatewayFor(limit: string): Promise<number> {
  if (limit.endsWith(never)) return (await rawGateway(() => undefined)).port
  const octets = limit.endsWith(long) ? 1001 : limit.endsWith('16 MiB') ? 16 << 20 : 0
  if (octets === 0) return (await rawGateway(() => good)).port
  const { port } = await httpGateway((request, response) => {
    const standard = request.headers['content-type'] === 'message/ohttp-req'
    const type = standard ? 'message/ohttp-res' : 'message/ohttp-chunked-res'
    response.writeHead(200, { 'content-type': type })
    // What streams has begun before it is too much.
    if (!standard) response.write('begun')
    request.resume().on('end', () => setTimeout(() => response.end(Buffer.alloc(octets)), standard ? 0 : 50))
  })
  return port
}

describe('each limit, on the socket', () => {
  test.each(rows)('$limit', async ({ limit, options, keeps, beyond, said, met }) => {
    const relay = await relayTo(await gatewayFor(limit), options)
    if (keeps !== undefined) {
      expect(await keeps(relay)).not.toBe(said)
      await until(() => relay.connections() === 0)
      expect(relay.met).toEqual([])
    }
    expect(await beyond(relay)).toBe(said)
    if (met === undefined) expect(relay.met).toEqual([])
    else await until(() => relay.met.includes(met))
    expect(new Set(relay.met)).toEqual(new Set(met === undefined ? [] : [met]))
  })

  test('every limit that is counted is met by somebody here', () => {
    expect(new Set(rows.flatMap(({ met }) => met ?? []))).toEqual(new Set(words))
  })
})

test('RFC 9112 §9.3.2: one request that comes ahead of the answer is taken up after it, in order', async () => {
  const gateway = await rawGateway((text) => answer('200 OK', { 'content-type': 'message/ohttp-res' }, text.slice(-1)))
  const relay = await relayTo(gateway.port)
  const client = rawClient(relay.port)
  client.socket.write(post({}, 'a') + post({ connection: 'close' }, 'b'))
  await client.closed
  expect(client.heard().match(/\r\n\r\n./g)).toEqual(['\r\n\r\na', '\r\n\r\nb'])
  expect(relay.met).toEqual([])
})

test('a limit of one network leaves room for another', async () => {
  const gateway = await rawGateway(() => good)
  const relay = await relayTo(gateway.port, { limits: { connections: 1 } })
  await connected(1)(relay)
  const from = (localAddress: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: relay.port, localAddress })
      socket.on('error', () => undefined).on('close', () => resolve('ended'))
      socket.once('data', (data) => resolve(status(data.toString('latin1'))))
      onTestFinished(() => void socket.destroy())
      socket.write(post())
    })
  expect(await from('127.0.0.2')).toBe('ended')
  expect(await from('127.10.0.1')).toBe('200 OK')
})
