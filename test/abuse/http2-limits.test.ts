/**
 * Every limit of a connection that speaks HTTP/2, on its socket: what goes beyond ends the request or the connection, is
 * told without a word of anybody's, and nobody else's connection notices. RFC 9113 §10.5; CVE-2019-9512, -9515, -9518,
 * CVE-2023-44487, CVE-2024-27316.
 */
import type { ConnectionOptions } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { certificatePem, pinOf, privateKeyPem, selfSigned } from '../../shared/upstream/certificate.ts'
import { listen, type ListenOptions, type Listening } from '../../shared/upstream/serve.ts'
import { until } from '../relay/harness.ts'
import { asking, block, frame, frameTypes as types, speaker, type Frame } from '../shared/upstream/frames.ts'

const gateway = selfSigned({ commonName: 'gateway', use: 'server', names: ['127.0.0.1'] })
const relay = selfSigned({ commonName: 'relay', use: 'client' })
const own = (identity: typeof relay) => ({ key: privateKeyPem(identity), cert: certificatePem(identity) })

const [endStream, endHeaders] = [1, 4]
const whole = endStream | endHeaders

type Door = Listening & { readonly met: string[]; asked: number }

async function door(limits: ListenOptions['limits'], fetch?: ListenOptions['fetch']): Promise<Door> {
  const met: string[] = []
  const count = { asked: 0 }
  const server = await listen({
    fetch: (request, env) => {
      count.asked++
      return fetch?.(request, env) ?? new Response('sealed')
    },
    host: '127.0.0.1',
    port: 0,
    http: ['2'],
    tls: {
      ...own(gateway),
      peers: [{ name: 'relay', pins: [{ sha256: pinOf(relay.privateKey), notAfter: Infinity }] }],
    },
    limits,
    limited: (limit) => met.push(limit),
  })
  onTestFinished(() => server.close(0))
  return Object.assign(count, server, { met })
}

type Peer = Awaited<ReturnType<typeof speaker>>
const peer = (server: Door, options: ConnectionOptions = {}): Promise<Peer> =>
  speaker({ port: server.port, ...own(relay), ...options })

const odd = (n: number): number => 2 * n + 1
const head = (stream: number, flags = whole, fields = block(asking())): Buffer =>
  frame(types.headers, stream, flags, fields)
const statusOf = (frames: readonly Frame[], stream: number): string => {
  const answer = frames.find((one) => one.type === types.headers && one.stream === stream)
  // RFC 7541 Appendix A: 200, 400, 404 are in the table; the others are three digits, Huffman coded or not.
  return answer === undefined ? 'none' : ({ 0x88: '200', 0x8c: '400', 0x8d: '404' }[statusOctet(answer)] ?? 'other')
}
// Behind the two octets that say that nothing is kept, where they are.
const statusOctet = ({ payload }: Frame): number => payload.find((octet) => octet !== 0x20) ?? 0

type Flood = {
  readonly what: string
  readonly limits?: ListenOptions['limits']
  readonly fetch?: ListenOptions['fetch']
  readonly does: (peer: Peer) => void
  readonly met?: readonly string[]
}

const never = (): Promise<Response> => new Promise(() => undefined)
const many = (count: number, one: (n: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, n) => one(n)))
const reset = (stream: number): Buffer => frame(types.reset, stream, 0, Buffer.from([0, 0, 0, 8]))

const floods: readonly Flood[] = [
  {
    what: 'requests that are taken back as soon as they are made',
    fetch: never,
    does: ({ socket }) => socket.write(many(2_000, (n) => Buffer.concat([head(odd(n)), reset(odd(n))]))),
  },
  {
    what: 'streams beyond those that are advertised',
    limits: { streams: 2 },
    fetch: never,
    does: ({ socket }) => socket.write(many(500, (n) => head(odd(n)))),
  },
  {
    what: 'a head that never ends',
    does: ({ socket }) => {
      const part = block([['x', 'y'.repeat(50)]])
      socket.write(head(1, endStream))
      socket.write(many(2_000, () => frame(types.continuation, 1, 0, part)))
    },
  },
  {
    what: 'pings',
    does: ({ socket }) => socket.write(many(500, () => frame(types.ping, 0, 0, new Uint8Array(8)))),
    met: ['pipelined'],
  },
  {
    what: 'settings',
    does: ({ socket }) => socket.write(many(500, () => frame(types.settings, 0))),
    met: ['pipelined'],
  },
  {
    what: 'contents of nothing',
    fetch: never,
    does: ({ socket }) => {
      socket.write(head(1, endHeaders, block(asking('/', 'POST'))))
      socket.write(many(2_000, () => frame(types.data, 1)))
    },
  },
  { what: 'words that are no frames', does: ({ socket }) => socket.write('POST / HTTP/1.1\r\nhost: x\r\n\r\n') },
  { what: 'silence after the handshake', limits: { head: 150 }, does: () => undefined },
  {
    what: 'pings alone',
    limits: { head: 150 },
    does: ({ socket }) => drip(socket, frame(types.ping, 0, 0, new Uint8Array(8))),
  },
  {
    what: 'silence after a request',
    limits: { keepAlive: 150 },
    does: ({ socket }) => socket.write(head(1)),
  },
  {
    what: 'a head that stands still',
    limits: { head: 150 },
    does: ({ socket }) => socket.write(head(1, endStream).subarray(0, 20)),
  },
]

function drip(socket: Peer['socket'], bytes: Buffer): void {
  const timer = setInterval(() => socket.write(bytes), 20)
  socket.once('close', () => clearInterval(timer))
}

describe('ends the connection, and no other:', () => {
  test.each(floods)('$what', async ({ limits, fetch, does, met = [] }) => {
    const server = await door({ ...limits }, fetch)
    const other = await peer(server)
    const bad = await peer(server)
    does(bad)
    await until(() => bad.ended())
    expect(server.met).toEqual(met)
    // Whatever it was told on the way is a number, and at most a sentence of the library that is the same for everybody.
    const goodbyes = bad.frames().filter(({ type }) => type === types.goaway)
    expect(['', 'too large frame size', undefined]).toContain(goodbyes.at(-1)?.payload.toString('latin1', 8))
    if (limits?.head !== undefined) return
    other.socket.write(head(1))
    if (fetch === undefined) await until(() => statusOf(other.frames(), 1) === '200')
    else await until(() => server.asked > 0)
    expect(other.ended()).toBe(false)
  })

  test('taking back some now and then is nobody’s harm', async () => {
    const server = await door({})
    const one = await peer(server)
    for (let n = 0; n < 20; n++) one.socket.write(Buffer.concat([head(odd(n)), reset(odd(n))]))
    one.socket.write(head(odd(20)))
    await until(() => statusOf(one.frames(), odd(20)) === '200')
  })
})

describe('ends the request, and not its neighbour on the connection:', () => {
  const resets = (frames: readonly Frame[]): readonly number[] =>
    frames.filter(({ type }) => type === types.reset).map(({ stream }) => stream)

  test('a head of more octets than the limit', async () => {
    const server = await door({ headerSection: 2_048 })
    const one = await peer(server)
    one.socket.write(head(1, whole, block([...asking(), ['x', 'y'.repeat(3_000)]])))
    one.socket.write(head(3, whole, block([...asking(), ['x', 'y'.repeat(1_000)]])))
    await until(() => statusOf(one.frames(), 3) === '200')
    // A peer that has taken note of our settings, as this one has not, is not even told.
    expect([statusOf(one.frames(), 1), server.asked, server.met]).toEqual(['other', 1, ['head']])
  })

  test('one field too many is told so; many too many are not', async () => {
    const server = await door({ fields: 4 })
    const one = await peer(server)
    const fields = (count: number) =>
      block([...asking(), ...Array.from({ length: count }, (): [string, string] => ['x', 'y'])])
    one.socket.write(Buffer.concat([head(1, whole, fields(4)), head(3, whole, fields(5)), head(5, whole, fields(9))]))
    await until(() => resets(one.frames()).length > 0)
    await until(() => statusOf(one.frames(), 3) !== 'none')
    expect([1, 3].map((stream) => statusOf(one.frames(), stream))).toEqual(['200', 'other'])
    expect([resets(one.frames()).includes(5), server.asked, server.met]).toEqual([true, 1, ['head']])
  })

  test('an answer that nobody takes', async () => {
    const server = await door({ stall: 150 }, () => new Response('x'.repeat(1 << 20)))
    const one = await peer(server)
    one.socket.write(head(1))
    await until(() => resets(one.frames()).includes(1))
    expect(one.ended()).toBe(false)
  })
})
