/**
 * HTTP/2 between the operators: our pool, our listener, and a wire between them that shows what was said inside TLS.
 * RFC 9113, RFC 7541; wire.md "Heads are constants"; OHTTP-R7, HOP-8; privacy.md P10.
 */
import { once } from 'node:events'
import { constants, createSecureServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { fromUtf8, utf8 } from '../../../shared/bytes.ts'
import { certificatePem, pinOf, privateKeyPem, selfSigned } from '../../../shared/upstream/certificate.ts'
import { trustOf } from '../../../shared/upstream/dial.ts'
import { collect, type UpstreamRequest } from '../../../shared/upstream/exchange.ts'
import { poolTo, type PoolOptions, type UpstreamPool } from '../../../shared/upstream/node.ts'
import { listen, type ListenOptions, type Listening } from '../../../shared/upstream/serve.ts'
import { answerTo } from '../../../shared/upstream/answer.ts'
import { until } from '../../relay/harness.ts'
import { frameTypes as types, framesOf, preface, type Frame } from './frames.ts'

const gateway = selfSigned({ commonName: 'gateway', use: 'server', names: ['127.0.0.1'] })
const relay = selfSigned({ commonName: 'relay', use: 'client' })
const own = (identity: typeof relay) => ({ key: privateKeyPem(identity), cert: certificatePem(identity) })
const pin = (identity: typeof relay) => ({ sha256: pinOf(identity.privateKey), notAfter: Infinity })

async function listener(fetch: ListenOptions['fetch'], options: Partial<ListenOptions> = {}): Promise<Listening> {
  const tls = { ...own(gateway), peers: [{ name: 'relay', pins: [pin(relay)] }] }
  const server = await listen({ fetch, host: '127.0.0.1', port: 0, tls, http: ['1.1', '2'], ...options })
  onTestFinished(() => server.close(0))
  return server
}

function pool(port: number, options: Partial<PoolOptions> = {}): UpstreamPool {
  const trust = trustOf({ own: own(relay), pins: [pin(gateway)] })
  const made = poolTo({
    origin: `https://127.0.0.1:${port}`,
    trust: () => trust,
    http: '2',
    ...{ connections: 1, streams: 16, every: 10 },
    ...options,
  })
  onTestFinished(() => made.close())
  return made
}

const sealed = (content: string, fields: readonly string[] = []): UpstreamRequest => ({
  method: 'POST',
  path: '/.well-known/ohttp-gateway',
  fields: ['content-type', 'message/ohttp-req', ...fields],
  body: utf8(content),
})

async function said(forward: UpstreamPool['forward'], request: UpstreamRequest, max = 1 << 24): Promise<unknown> {
  const answer = await collect(forward, request, max)
  return typeof answer === 'string' ? answer : `${answer.status} ${fromUtf8(answer.body)}`
}

/** Stands between the two with the gateway's key and the relay's, and reads what passes. */
async function wire(to: number): Promise<{ port: number; frames: (from: 'relay' | 'gateway') => readonly Frame[] }> {
  const heard = { relay: [] as Buffer[], gateway: [] as Buffer[] }
  const server = createTlsServer({
    ...own(gateway),
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
  })
  server.on('secureConnection', (near) => {
    const far = connectTls({ port: to, ...own(relay), rejectUnauthorized: false, ALPNProtocols: ['h2'] })
    for (const socket of [near, far])
      socket.on('error', () => undefined).on('close', () => (near.destroy(), far.destroy()))
    near.on('data', (bytes: Buffer) => heard.relay.push(bytes)).pipe(far)
    far.on('data', (bytes: Buffer) => heard.gateway.push(bytes)).pipe(near)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  return {
    port: (server.address() as AddressInfo).port,
    frames: (from) => framesOf(heard[from], from === 'relay' ? preface.length : 0),
  }
}

describe('what passes between them', () => {
  test('is one and the same head for every request of a length, whoever came before, and none of it is kept', async () => {
    const server = await listener(async (request) => new Response(await request.text()))
    const between = await wire(server.port)
    const { forward } = pool(between.port)
    for (const content of ['first', 'longer than that', 'again', 'other', 'longer than thIs']) {
      expect(await said(forward, sealed(content))).toBe(`200 ${content}`)
    }
    for (const side of ['relay', 'gateway'] as const) {
      const frames = between.frames(side)
      const heads = frames.filter(({ type }) => type === types.headers).map(({ payload }) => payload.toString('hex'))
      // The first begins by saying that nothing is kept (RFC 7541 §6.3): two octets.
      const told = heads.map((head) => head.replace(/^20/, ''))
      expect([told[2], told[3], told[4]]).toEqual([told[0], told[0], told[1]])
      expect(new Set(told).size).toBe(2)
      expect(frames.filter(({ type }) => type === types.priority)).toEqual([])
      // SETTINGS_HEADER_TABLE_SIZE = 0
      expect(frames.find(({ type }) => type === types.settings)?.payload.toString('hex')).toContain('000100000000')
    }
  })

  test('are exactly the fields of wire.md, and no further pseudo-field', async () => {
    const seen: string[][] = []
    const server = await listener((_, { incoming }) => {
      seen.push(incoming.rawHeaders)
      return new Response('')
    })
    const { forward } = pool(server.port)
    await said(forward, sealed('opaque'))
    const body = (async function* () {
      yield utf8('part')
    })()
    await said(forward, { ...sealed('', ['incremental', '?1']), body })
    const authority = `127.0.0.1:${server.port}`
    const line = [':method', 'POST', ':scheme', 'https', ':authority', authority, ':path', '/.well-known/ohttp-gateway']
    expect(seen).toEqual([
      [...line, 'content-type', 'message/ohttp-req', 'content-length', '6'],
      [...line, 'content-type', 'message/ohttp-req', 'incremental', '?1'],
    ])
  })

  test('an answer says of the connection nothing, and of the time the minute', async () => {
    const heads: unknown[] = []
    const server = await listener(() => new Response('sealed', { headers: { 'content-type': 'message/ohttp-res' } }))
    const { forward } = pool(server.port)
    const answer = await collect(forward, sealed('opaque'), 100)
    if (typeof answer === 'string') throw new Error(answer)
    for (const name of ['connection', 'keep-alive', 'content-type', 'content-length']) heads.push(answer.field(name))
    expect(heads).toEqual([undefined, undefined, 'message/ohttp-res', '6'])
    expect(answer.field('date')).toMatch(/:00 GMT$/)
  })
})

describe('exchanges of one connection', () => {
  test('run beside each other, as many as are set, and the others wait', async () => {
    const open: (() => void)[] = []
    const server = await listener(async () => {
      await new Promise<void>((resolve) => open.push(resolve))
      return new Response('sealed')
    })
    const upstream = pool(server.port, { streams: 4 })
    const answers = Array.from({ length: 6 }, () => said(upstream.forward, sealed('opaque')))
    await until(() => open.length === 4)
    expect([upstream.active(), server.connections()]).toEqual([6, 1])
    for (const go of open.splice(0)) go()
    await until(() => open.length === 2)
    for (const go of open) go()
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['200 sealed']))
    expect(server.connections()).toBe(1)
  })

  test('are no more than the other side takes', async () => {
    const open: (() => void)[] = []
    const fetch = async (): Promise<Response> => {
      await new Promise<void>((resolve) => open.push(resolve))
      return new Response('sealed')
    }
    const server = await listener(fetch, { limits: { streams: 2 } })
    const { forward } = pool(server.port, { streams: 16 })
    const answers = Array.from({ length: 5 }, () => said(forward, sealed('opaque')))
    for (const most of [2, 2, 1]) {
      await until(() => open.length === most)
      for (const go of open.splice(0)) go()
    }
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['200 sealed']))
  })

  test('do not wait for one whose reader has stopped, and that one does not run ahead of its reader', async () => {
    const MiB = 1 << 20
    let written = 0
    const server = await listener((request, env) => {
      if (request.headers.get('incremental') === null) return new Response('x'.repeat(MiB))
      const more = (): void => {
        while (written < 64 * MiB && answer.write(new Uint8Array(65_536))) written += 65_536
      }
      const answer = answerTo({ env }, 60_000, { drained: more, left: () => undefined })
      answer.head(200, {})
      more()
      return answer.response
    })
    const { forward } = pool(server.port)
    let got = 0
    const flow = forward(sealed('', ['incremental', '?1']), {
      head: () => undefined,
      data: (bytes) => {
        got += bytes.length
        flow.pause()
      },
      end: () => undefined,
      fail: () => undefined,
    })
    await until(() => got > 0)
    for (let n = 0; n < 8; n++) expect(await said(forward, sealed('opaque'))).toBe(`200 ${'x'.repeat(MiB)}`)
    expect(got).toBeLessThan(MiB)
    expect(written).toBeLessThan(2 * MiB)
    flow.abort()
  })

  test('are drawn among connections at random, and keep their number', async () => {
    const seen = new Map<unknown, number>()
    const server = await listener((_, { incoming }) => {
      const { session } = (incoming as unknown as { stream: ServerHttp2Stream }).stream
      seen.set(session, (seen.get(session) ?? 0) + 1)
      return new Response('sealed')
    })
    const upstream = pool(server.port, { connections: 4 })
    await until(() => upstream.open() === 4)
    for (let n = 0; n < 200; n++) await said(upstream.forward, sealed('opaque'))
    expect([seen.size, server.connections()]).toEqual([4, 4])
    for (const count of seen.values()) expect(count).toBeGreaterThan(20)
  })

  test('go on where they are when the connection is replaced, by age and by trust', async () => {
    const open: (() => void)[] = []
    let sessions = new Set<unknown>()
    const server = await listener(async (request, { incoming }) => {
      sessions.add((incoming as unknown as { stream: ServerHttp2Stream }).stream.session)
      if ((await request.text()) === 'long') await new Promise<void>((resolve) => open.push(resolve))
      return new Response('sealed')
    })
    const upstream = pool(server.port, { lifetime: 200 })
    const long = said(upstream.forward, sealed('long'))
    await until(() => open.length === 1)
    await until(() => server.connections() === 2)
    sessions = new Set()
    expect(await said(upstream.forward, sealed('short'))).toBe('200 sealed')
    upstream.renew()
    await until(() => upstream.open() === 1)
    expect(await said(upstream.forward, sealed('short'))).toBe('200 sealed')
    open[0]?.()
    expect([await long, sessions.size]).toEqual(['200 sealed', 2])
  })
})

/** A foreign gateway on Node's own HTTP/2, whose way to answer is the test's. */
async function foreign(answer: (stream: ServerHttp2Stream) => void): Promise<{ port: number; asked: () => number }> {
  let asked = 0
  const server = createSecureServer({ ...own(gateway), strictSingleValueFields: false })
  server.on('stream', (stream: ServerHttp2Stream) => {
    asked++
    stream.on('error', () => undefined)
    answer(stream)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const sessions = new Set<{ destroy(): void }>()
  server.on('session', (session) => sessions.add(session))
  onTestFinished(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, asked: () => asked }
}

describe('OHTTP-R7, HOP-8: what was not answered is never asked again, and no part passes for the whole', () => {
  const begun = (stream: ServerHttp2Stream, fields: object, then: () => void): void => {
    stream.respond({ ':status': 200, ...fields })
    stream.write('part', () => setTimeout(then, 20))
  }
  test.each<[string, (stream: ServerHttp2Stream) => void]>([
    ['refused before it was looked at', (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM)],
    ['reset before an answer', (stream) => stream.destroy(new Error('gone'))],
    ['ended before an answer', (stream) => stream.close(constants.NGHTTP2_NO_ERROR)],
    ['reset in the middle', (stream) => begun(stream, {}, () => stream.destroy(new Error('gone')))],
    ['reset before its length', (stream) => begun(stream, { 'content-length': 10 }, () => stream.destroy())],
    ['ended before its length', (stream) => begun(stream, { 'content-length': 10 }, () => stream.end())],
    ['left with its connection', (stream) => begun(stream, {}, () => stream.session?.destroy())],
    [
      'goodbye that does not take it',
      (stream) => stream.session?.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM),
    ],
  ])('%s', async (_, answer) => {
    const other = await foreign(answer)
    expect(await said(pool(other.port).forward, sealed('opaque'))).toBe('broken')
    expect(other.asked()).toBe(1)
  })

  test('silence, at first and in the middle, is too late', async () => {
    const mute = await foreign((stream) => void stream.resume())
    expect(await said(pool(mute.port, { firstByte: 60 }).forward, sealed('opaque'))).toBe('timeout')
    const halting = await foreign((stream) => begun(stream, {}, () => undefined))
    expect(await said(pool(halting.port, { stall: 60 }).forward, sealed('opaque'))).toBe('timeout')
  })

  test('an answer before the whole of the request is the answer, and the rest is not sent', async () => {
    let released = false
    const other = await foreign((stream) => {
      stream.respond({ ':status': 413 })
      stream.end('enough')
    })
    const body = (async function* () {
      try {
        yield utf8('part')
        await new Promise(() => undefined)
      } finally {
        released = true
      }
    })()
    const { forward } = pool(other.port)
    expect(await said(forward, { ...sealed(''), body })).toBe('413 enough')
    expect(await said(forward, sealed('opaque'))).toBe('413 enough')
    expect(released).toBe(false)
  })

  test('a field that is there twice is not there', async () => {
    const other = await foreign((stream) => {
      stream.respond({ 'content-type': ['message/ohttp-res', 'text/html'] as never })
      stream.end('x')
    })
    const answer = await collect(pool(other.port).forward, sealed('opaque'), 10)
    expect(typeof answer === 'string' ? answer : [answer.status, answer.field('content-type')]).toEqual([
      200,
      undefined,
    ])
  })

  test('who speaks no HTTP/2 is asked nothing', async () => {
    let asked = 0
    const only = await listener(() => new Response(String(asked++)), { http: ['1.1'] })
    expect(await said(pool(only.port).forward, sealed('opaque'))).toBe('broken')
    expect(asked).toBe(0)
  })
})

describe('RFC 9113 §8.7: what crossed a goodbye, and was not taken, is asked once more', () => {
  const notTaken = (stream: ServerHttp2Stream): void => {
    stream.session?.goaway(constants.NGHTTP2_NO_ERROR)
    setImmediate(() => stream.close(constants.NGHTTP2_REFUSED_STREAM))
  }
  test.each<[string, number, unknown, number]>([
    ['on another connection', 1, '200 sealed', 2],
    ['and not twice', 9, 'broken', 2],
  ])('%s', async (_, goodbyes, heard, asked) => {
    let left = goodbyes
    const other = await foreign((stream) => {
      if (left-- > 0) return notTaken(stream)
      stream.respond({ ':status': 200 })
      stream.end('sealed')
    })
    expect(await said(pool(other.port).forward, sealed('opaque'))).toBe(heard)
    expect(other.asked()).toBe(asked)
  })

  test('but not what was streamed: some of it may be gone', async () => {
    const other = await foreign(notTaken)
    const body = (async function* () {
      yield utf8('part')
    })()
    expect(await said(pool(other.port).forward, { ...sealed(''), body })).toBe('broken')
    expect(other.asked()).toBe(1)
  })
})

test.each(['1.1', '2'] as const)('a gateway that goes answers whatever it has taken, over %s', async (http) => {
  let taken = 0
  const first = await listener(async (request) => {
    taken++
    return new Response(await request.text())
  })
  const upstream = pool(first.port, http === '2' ? {} : { http, streams: 1, connections: 8 })
  await until(() => upstream.open() > 0)
  const answers: Promise<unknown>[] = []
  const more = setInterval(() => answers.push(said(upstream.forward, sealed('opaque'))), 1)
  await until(() => answers.length > 50)
  const closing = first.close(2_000)
  const before = answers.length
  await until(() => answers.length > before + 50)
  clearInterval(more)
  await closing
  const heard = await Promise.all(answers)
  expect(new Set(heard)).toEqual(new Set(['200 opaque', 'broken']))
  expect([taken, taken >= 50]).toEqual([heard.filter((answer) => answer !== 'broken').length, true])
})
