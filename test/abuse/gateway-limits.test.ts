/** Every limit of wire.md on the sockets of the gateway and of the agent inside the CVM: what goes beyond is ended or told. */
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { connect as connectTcp, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { limits as words, type Limit } from '../../gateway/vocabulary.ts'
import { fromUtf8 } from '../../shared/bytes.ts'
import { attest } from '../../gateway/binding.ts'
import { startMachine, type Handler, type Machine, type MachineOptions } from '../gateway/cvm/machine.ts'
import { dial } from '../gateway/cvm/peers.ts'
import { askThrough, opened } from '../gateway/settled.ts'
import { binaryRequest, hello } from '../gateway/town.ts'
import { ask, head, post, rawClient, until } from '../relay/harness.ts'

type Gateway = Awaited<ReturnType<typeof opened>>
/** One thing that somebody does: the outer status, or `ended`, or the inner status behind `inner`. */
type Deed = (gateway: Gateway) => Promise<string>
type Row = {
  readonly limit: string
  readonly settings: object
  readonly app?: RequestListener
  readonly keeps?: Deed
  readonly beyond: Deed
  readonly said: string
  readonly met?: Limit
}

const status = (text: string): string => (text === '' ? 'ended' : (head(text)[0] ?? '').replace('HTTP/1.1 ', ''))
const asked =
  (text: string): Deed =>
  async ({ service }) =>
    status(await ask(service.port, text))

const untilClosed =
  (...parts: readonly string[]): Deed =>
  async ({ service }) => {
    const client = rawClient(service.port)
    for (const part of parts) client.socket.write(part)
    await client.closed
    return status(client.heard())
  }

const opens: Deed = async ({ url }) => told(await askThrough(url))

function told({ outer, inner }: Awaited<ReturnType<typeof askThrough>>): string {
  if (inner === undefined) return String(outer.status)
  const limit = /"limit":(\d+)/.exec(fromUtf8(inner.content))?.[1]
  return `inner ${inner.status}${limit === undefined ? '' : ` limit ${limit}`}`
}

const opensWith =
  (fields: number): Deed =>
  async ({ url }) => {
    const headers = Array.from({ length: fields }, (_, i): [string, string] => [`x-${i}`, 'y'])
    return told(await askThrough(url, binaryRequest({ date: Date.now(), headers })))
  }

const later = (milliseconds: number): RequestListener => {
  return (_, out) => void setTimeout(() => out.end('late'), milliseconds)
}
const says = (octets: number): RequestListener => {
  return (_, out) => void out.end(Buffer.alloc(octets))
}
const get = (...lines: string[]): string => ['GET / HTTP/1.1', 'host: x', ...lines, '', ''].join('\r\n')

/** As many requests under way as there are leases. */
const whileLeased =
  (deed: Deed): Deed =>
  async (gateway) => {
    const waiting = Array.from({ length: 4 }, () => askThrough(gateway.url))
    await new Promise((resolve) => setTimeout(resolve, 150))
    const said = await deed(gateway)
    await Promise.all(waiting)
    return said
  }

const rows: readonly Row[] = [
  {
    limit: 'request',
    settings: { limits: { request: 1000 } },
    keeps: asked(post({}, 'x'.repeat(1000))),
    beyond: asked(post({}, 'x'.repeat(1001))),
    said: '413 Payload Too Large',
  },
  {
    limit: 'stored answer of the CVM',
    settings: { limits: { answer: 1000 } },
    app: says(1001),
    beyond: opens,
    said: 'inner 502',
  },
  {
    limit: 'header section',
    settings: { limits: { headerSection: 2048 } },
    keeps: asked(post({ x: 'y'.repeat(1800) })),
    beyond: asked(post({ x: 'y'.repeat(2048) })),
    said: '431 Request Header Fields Too Large',
    met: 'head',
  },
  {
    limit: 'fields',
    settings: { limits: { fields: 10 } },
    keeps: asked(get(...Array<string>(9).fill('x: y'))),
    beyond: asked(get(...Array<string>(10).fill('x: y'))),
    said: '431 Request Header Fields Too Large',
    met: 'head',
  },
  {
    limit: 'time for a head',
    settings: { limits: { head: 200 } },
    beyond: untilClosed('POST / HTTP/1.1\r\nhost: x\r\n'),
    said: '408 Request Timeout',
    met: 'head',
  },
  { limit: 'idle', settings: { limits: { idle: 100 } }, beyond: untilClosed(get()), said: '405 Method Not Allowed' },
  {
    limit: 'stall of an upload',
    settings: { limits: { stall: 100 } },
    beyond: untilClosed(post({ 'content-length': '100' }, 'half')),
    said: '408 Request Timeout',
  },
  {
    limit: 'first byte of the CVM',
    settings: { cvm: { firstByte: 100 } },
    app: later(3_000),
    beyond: opens,
    said: 'inner 504',
  },
  {
    limit: 'connections',
    settings: { connections: 1 },
    beyond: async (gateway) => {
      await once(rawClient(gateway.service.port).socket, 'connect')
      return untilClosed(get())(gateway)
    },
    said: 'ended',
    met: 'connections',
  },
  {
    limit: 'requests ahead of the answer',
    settings: {},
    beyond: async ({ service }) => {
      const client = rawClient(service.port)
      client.socket.write(get().repeat(3))
      await client.closed
      // The first may have been answered before the others came.
      return (client.heard().match(/HTTP\/1\.1/g) ?? []).length < 3 ? 'ended' : 'all answered'
    },
    said: 'ended',
    met: 'pipelined',
  },
  {
    limit: 'fields of what was opened',
    settings: {},
    keeps: opensWith(100),
    beyond: opensWith(129),
    said: 'inner 413 limit 128',
    met: 'content',
  },
  { limit: 'leases', settings: {}, app: later(400), beyond: whileLeased(opens), said: '503', met: 'leases' },
  {
    limit: 'claims of the replay store',
    settings: { store: { claims: 10 } },
    keeps: opens,
    beyond: async (gateway) => {
      for (let i = 0; i < 9; i++) await opens(gateway)
      return opens(gateway)
    },
    said: 'inner 503',
    met: 'store',
  },
]

/** milliseconds until the gateway's minute ends: within them everything here has happened */
const soon = 2_500

async function gatewayWith({ app = hello, settings }: Row): Promise<Gateway> {
  const gateway = await opened(app, { ...settings, life: 300_000 })
  gateway.clock.ahead = 120_000 - soon - (Date.now() % 60_000)
  return gateway
}

const metBy = ({ lines }: Gateway): unknown[] =>
  lines.filter(({ event }) => event === 'limited').map(({ limit }) => limit)

describe('each limit, on the socket of the gateway', () => {
  test.each(rows)('$limit', async (row) => {
    const gateway = await gatewayWith(row)
    if (row.keeps !== undefined) expect(await row.keeps(gateway)).not.toBe(row.said)
    expect(await row.beyond(gateway)).toBe(row.said)
    if (row.met === undefined) return
    expect(metBy(gateway)).toEqual([])
    await vi.waitFor(() => expect(metBy(gateway)).toEqual([row.met]), { timeout: soon + 2_000 })
  })

  test('every limit that is counted is met by somebody here', () => {
    expect(new Set(rows.flatMap(({ met }) => met ?? []))).toEqual(new Set(words))
  })
})

type Peer = (machine: Machine, connected: (socket: Socket) => Socket) => Promise<Socket>

describe('each limit, on the socket of the agent', () => {
  const attested: Peer = async (machine, connected) => {
    const socket = await dial(machine.port, { ...machine.clientTls, minVersion: 'TLSv1.3' })
    await attest(socket, machine)
    return connected(socket)
  }
  const request = (...lines: string[]): string => ['POST /v1 HTTP/1.1', 'host: x', ...lines, '', ''].join('\r\n')
  const stuck: Handler = (_, response) => void response.write('begun')

  test.each<[string, MachineOptions, Peer]>([
    [
      'time for a handshake',
      { agent: { attestWithin: 200 } },
      (machine, connected) => Promise.resolve(connected(connectTcp({ host: '127.0.0.1', port: machine.port }))),
    ],
    [
      'time until evidence was shown',
      { agent: { attestWithin: 200 } },
      async (machine, connected) =>
        connected(await dial(machine.port, { ...machine.clientTls, minVersion: 'TLSv1.3' })),
    ],
    [
      'header section',
      {},
      async (machine, connected) => {
        const socket = await attested(machine, connected)
        socket.write(request(`x: ${'y'.repeat(70_000)}`))
        return socket
      },
    ],
    [
      'connections',
      { agent: { connections: 1 } },
      async (machine, connected) => {
        await attested(machine, (socket) => socket)
        return connected(connectTcp({ host: '127.0.0.1', port: machine.port }))
      },
    ],
    [
      'drain',
      { handler: stuck },
      async (machine, connected) => {
        const socket = await attested(machine, connected)
        socket.write(request('content-length: 0'))
        await until(() => machine.reached.length === 1)
        void machine.agent.close(100)
        return socket
      },
    ],
  ])('%s: the connection ends', async (_, options, peer) => {
    const machine = await startMachine(options)
    onTestFinished(() => machine.stop())
    let ended = false
    const socket = await peer(machine, (one) => {
      one.on('error', () => undefined).on('close', () => (ended = true))
      return one.resume()
    })
    onTestFinished(() => void socket.destroy())
    await until(() => ended)
  })
})
