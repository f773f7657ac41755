/**
 * The hop between the operators: each believes a key that the other has told it, and whoever has another one learns
 * nothing and is told nothing. RFC 9458 §6.2.2, trust.md 1, OHTTP-R16, OHTTP-R21. Both ends are looked at from outside.
 */
import { once } from 'node:events'
import { connect as connectTcp, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { connect as connectTls, createServer as createTlsServer, type TlsOptions, type TLSSocket } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { utf8 } from '../../../shared/bytes.ts'
import { certificatePem, issuedBy, pinOf, privateKeyPem, selfSigned } from '../../../shared/upstream/certificate.ts'
import type { Identity } from '../../../shared/upstream/certificate.ts'
import { alpn, trustOf, type HttpVersion, type TrustOptions } from '../../../shared/upstream/dial.ts'
import { collect } from '../../../shared/upstream/exchange.ts'
import { poolTo, type UpstreamPool } from '../../../shared/upstream/node.ts'
import type { Pin } from '../../../shared/upstream/pins.ts'
import { listen, type Listening } from '../../../shared/upstream/serve.ts'
import type { ServeTls, TurnedAway } from '../../../shared/upstream/tls-door.ts'
import { until } from '../../relay/harness.ts'
import { asking, block, frame, frameTypes as types, framesOf, preface } from './frames.ts'

const authority = selfSigned({ commonName: 'authority', use: 'authority' })
const gateway = issuedBy(authority, { commonName: 'gateway', use: 'server', names: ['127.0.0.1'] })
const nextGateway = selfSigned({ commonName: 'gateway', use: 'server', names: ['127.0.0.1'] })
const relay = issuedBy(authority, { commonName: 'relay', use: 'client' })
const nextRelay = selfSigned({ commonName: 'relay', use: 'client' })
const stranger = issuedBy(authority, { commonName: 'relay', use: 'client' })
const ca = certificatePem(authority)

const pem = (identity: Identity) => ({ key: privateKeyPem(identity), cert: certificatePem(identity) })
const pinned = (identity: Identity, notAfter = Infinity): Pin => ({ sha256: pinOf(identity.privateKey), notAfter })
const requests: Record<HttpVersion, Uint8Array> = {
  '1.1': utf8('POST / HTTP/1.1\r\nhost: gateway\r\ncontent-length: 6\r\n\r\nopaque'),
  '2': Buffer.concat([utf8(preface), frame(types.settings, 0), frame(types.headers, 1, 5, block(asking('/', 'POST')))]),
}

type Gateway = Listening & { readonly asked: string[]; readonly turned: string[]; now: number }

/** A gateway that lets in the relay with this pin alone. */
async function gatewayFor(tls: Partial<ServeTls>): Promise<Gateway> {
  const asked: string[] = []
  const turned: string[] = []
  const clock = { now: 1_000 }
  const server = await listen({
    fetch: (asking) => {
      asked.push(asking.method)
      return new Response('sealed')
    },
    host: '127.0.0.1',
    port: 0,
    tls: { ...pem(gateway), ...tls },
    http: ['1.1', '2'],
    turned: (why) => turned.push(why),
    now: () => clock.now,
  })
  onTestFinished(() => server.close(0))
  return Object.assign(clock, server, { asked, turned })
}

/** Says the request as soon as it may, and collects whatever comes back until the end. */
async function told(
  socket: Socket | TLSSocket,
  ready: 'connect' | 'secureConnect',
  http: HttpVersion,
): Promise<string> {
  let heard = ''
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => undefined)
  socket.on('data', (bytes: Buffer) => (heard += bytes.toString('latin1')))
  socket.once(ready, () => socket.write(requests[http]))
  await closed(socket)
  return heard
}

const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()))

function dialled(port: number, own: Identity | undefined, http: HttpVersion, options: object = {}): Promise<string> {
  const shown = own === undefined ? {} : pem(own)
  const said = { ...shown, ALPNProtocols: [alpn[http]], ...options }
  return told(connectTls({ host: '127.0.0.1', port, ca, ...said }), 'secureConnect', http)
}

const versions: readonly HttpVersion[] = ['1.1', '2']

describe.each(versions)('over %s, whoever comes to a gateway that pins its relay', (http) => {
  test.each<[string, Partial<ServeTls>, Identity | undefined, object, TurnedAway]>([
    [
      'with another key, of the same authority and name',
      { peers: [{ name: 'a', pins: [pinned(relay)] }] },
      stranger,
      {},
      'stranger',
    ],
    ['with a pin that ended', { peers: [{ name: 'a', pins: [pinned(relay, 1_000)] }] }, relay, {}, 'stranger'],
    ['without a certificate', { peers: [{ name: 'a', pins: [pinned(relay)] }] }, undefined, {}, 'stranger'],
    ['by older TLS', { peers: [{ name: 'a', pins: [pinned(relay)] }] }, relay, { maxVersion: 'TLSv1.2' }, 'tls-failed'],
    [
      'pinned, but not of the authority that is asked for besides',
      { clientCa: ca, peers: [{ name: 'a', pins: [pinned(nextRelay)] }] },
      nextRelay,
      {},
      'tls-failed',
    ],
    ['where no relay is named', { peers: [] }, relay, {}, 'stranger'],
  ])('%s is not heard, and counted', async (_, tls, own, options, why) => {
    const server = await gatewayFor(tls)
    expect([await dialled(server.port, own, http, options), server.asked]).toEqual(['', []])
    await until(() => server.turned.length > 0)
    expect(server.turned).toEqual([why])
  })

  test('with another key is let go before it says a word', async () => {
    const server = await gatewayFor({ peers: [{ name: 'a', pins: [pinned(relay)] }] })
    const socket = connectTls({
      host: '127.0.0.1',
      port: server.port,
      ca,
      ALPNProtocols: [alpn[http]],
      ...pem(stranger),
    })
    socket.on('error', () => undefined).resume()
    await closed(socket)
    expect(server.asked).toEqual([])
  })

  test('in plaintext is not heard', async () => {
    const server = await gatewayFor({ peers: [{ name: 'a', pins: [pinned(relay)] }] })
    const heard = await told(connectTcp({ host: '127.0.0.1', port: server.port }), 'connect', http)
    // At most an alert: type 21.
    expect([heard.slice(0, 1).replace('\x15', ''), server.asked]).toEqual(['', []])
    expect(heard).not.toContain('HTTP')
  })

  test('with the key that it pins is served, with or without an authority', async () => {
    for (const clientCa of [undefined, ca]) {
      const server = await gatewayFor({ clientCa, peers: [{ name: 'a', pins: [pinned(relay)] }] })
      const { status } = await asked(poolFor(http, server.port, { ca, own: pem(relay), pins: [pinned(gateway)] }))
      expect([status, server.asked]).toEqual([200, ['POST']])
    }
  })

  test('on a connection that was good is not heard any more once its pin ends', async () => {
    const server = await gatewayFor({ peers: [{ name: 'a', pins: [pinned(relay, 2_000)] }] })
    const socket = connectTls({ host: '127.0.0.1', port: server.port, ca, ALPNProtocols: [alpn[http]], ...pem(relay) })
    let heard = ''
    socket.on('data', (bytes: Buffer) => (heard += bytes.toString('latin1'))).on('error', () => undefined)
    socket.write(requests[http])
    await until(() => heard.endsWith('sealed') || heard.includes('sealed\0'))
    expect(server.turned).toEqual([])
    server.now = 2_000
    heard = ''
    socket.write(http === '1.1' ? requests[http] : frame(types.headers, 3, 5, block(asking('/', 'POST'))))
    await closed(socket)
    expect([heard.includes('sealed'), server.asked]).toEqual([false, ['POST']])
    // In HTTP/2 a stream is taken back and the connection said goodbye to; nothing that has a head.
    const kinds = framesOf([Buffer.from(heard, 'latin1')]).map(({ type }) => type)
    if (http === '1.1') expect(heard).toBe('')
    else expect(kinds).not.toContain(types.headers)
  })
})

function poolFor(http: HttpVersion, port: number, trust: TrustOptions | (() => TrustOptions)): UpstreamPool {
  const origin = `https://127.0.0.1:${port}`
  const current = typeof trust === 'function' ? trust : () => trust
  const pool = poolTo({ origin, http, trust: () => trustOf(current()), connections: 2, every: 10, now: () => 1_000 })
  onTestFinished(() => pool.close())
  return pool
}

async function asked(pool: UpstreamPool): Promise<{ readonly status: number | string }> {
  const body = utf8('opaque')
  const answer = await collect(pool.forward, { method: 'POST', path: '/', fields: [], body }, 100)
  return { status: typeof answer === 'string' ? answer : answer.status }
}

/** What a server that is somebody else hears inside TLS, and how many came to it. */
async function imposter(options: TlsOptions): Promise<{ port: number; heard: () => string; came: () => number }> {
  let [heard, came] = ['', 0]
  const server = createTlsServer({ ALPNProtocols: ['http/1.1', 'h2'], ...options }, (socket) => {
    came++
    socket.on('error', () => undefined).on('data', (bytes: Buffer) => (heard += bytes.toString('latin1')))
  })
  server.on('tlsClientError', () => came++)
  return { port: await listening(server), heard: () => heard, came: () => came }
}

async function listening(server: Server): Promise<number> {
  const sockets: Socket[] = []
  server.on('connection', (socket: Socket) => sockets.push(socket.on('error', () => undefined)))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

describe.each(versions)('over %s, a relay that pins its gateway, and finds', (http) => {
  test.each<[string, TlsOptions, TrustOptions]>([
    ['another key, of the same authority and name', pem(gateway), { ca, pins: [pinned(nextGateway)] }],
    ['a key whose pin ended', pem(gateway), { ca, pins: [pinned(gateway, 1_000)] }],
    ['the key, but not of its authority', pem(nextGateway), { ca, pins: [pinned(nextGateway)] }],
    ['older TLS', { ...pem(gateway), maxVersion: 'TLSv1.2' }, { ca, pins: [pinned(gateway)] }],
    ['a protocol that was not asked for', { ...pem(gateway), ALPNProtocols: ['h3'] }, { ca, pins: [pinned(gateway)] }],
  ])('%s, says nothing', async (_, shown, trust) => {
    const other = await imposter(shown)
    const pool = poolFor(http, other.port, { ...trust, own: pem(relay) })
    expect(await asked(pool)).toEqual({ status: 'broken' })
    await until(() => other.came() > 0)
    expect([other.heard(), pool.open()]).toEqual(['', 0])
  })

  test('plaintext, says nothing but that it wants TLS', async () => {
    let heard = ''
    const port = await listening(
      createServer((socket) => {
        socket.on('data', (bytes: Buffer) => {
          heard += bytes.toString('latin1')
          socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
        })
      }),
    )
    expect(await asked(poolFor(http, port, { ca, own: pem(relay), pins: [pinned(gateway)] }))).toEqual({
      status: 'broken',
    })
    // Handshake records alone: type 22.
    expect([heard.charCodeAt(0), heard.includes('POST')]).toEqual([22, false])
  })

  test('the key, asks, also where no authority knows it', async () => {
    const server = await gatewayFor(pem(nextGateway))
    expect(await asked(poolFor(http, server.port, { pins: [pinned(nextGateway)] }))).toEqual({ status: 200 })
    expect(await asked(poolFor(http, server.port, { ca }))).toEqual({ status: 'broken' })
    expect(server.asked).toEqual(['POST'])
  })
})

test.each(versions)(
  'over %s, trust.md 1: both sides replace their keys while requests come, and not one is lost',
  async (http) => {
    const server = await gatewayFor({ peers: [{ name: 'a', pins: [pinned(relay)] }] })
    let trust: TrustOptions = { own: pem(relay), pins: [pinned(gateway)] }
    const pool = poolFor(http, server.port, () => trust)
    const statuses: (number | string)[] = []
    let going = true
    onTestFinished(() => void (going = false))
    const load = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (going) {
          statuses.push((await asked(pool)).status)
          await nextTurn()
        }
      }),
    )
    const step = async (change: () => void): Promise<void> => {
      change()
      const from = statuses.length
      await until(() => statuses.length > from + 40)
    }
    const shows = (identity: Identity, ...relays: Identity[]) => {
      server.trust({ ...pem(identity), peers: [{ name: 'a', pins: relays.map((one) => pinned(one)) }] })
    }
    const turns = (own: Identity, ...gateways: Identity[]): void => {
      trust = { own: pem(own), pins: gateways.map((one) => pinned(one)) }
      pool.renew()
    }
    await step(() => undefined)
    await step(() => shows(gateway, relay, nextRelay))
    await step(() => turns(nextRelay, gateway, nextGateway))
    await until(() => server.connections() === 2)
    await step(() => shows(nextGateway, nextRelay))
    await step(() => turns(nextRelay, nextGateway))
    going = false
    await load
    expect(new Set(statuses)).toEqual(new Set([200]))
    // And the old keys are worth nothing on either side.
    expect(await dialled(server.port, relay, http, { rejectUnauthorized: false })).toBe('')
    expect(await asked(poolFor(http, server.port, { own: pem(nextRelay), pins: [pinned(gateway)] }))).toEqual({
      status: 'broken',
    })
  },
)

test.each(versions)('over %s, what does not fit together is not taken, and changes nothing', async (http) => {
  const server = await gatewayFor({ peers: [{ name: 'a', pins: [pinned(relay)] }] })
  const wrong = { key: privateKeyPem(nextGateway), cert: certificatePem(gateway) }
  expect(() => server.trust({ ...wrong, peers: [{ name: 'a', pins: [pinned(stranger)] }] })).toThrow(
    expect.objectContaining({ code: 'insecure-configuration' }),
  )
  expect(await asked(poolFor(http, server.port, { ca, own: pem(relay) }))).toEqual({ status: 200 })
  expect(await dialled(server.port, stranger, http)).toBe('')
})
