/**
 * HTTP/2 between the operators: our pool, our listener, and a wire between them that shows what was said inside TLS.
 * RFC 9113, RFC 7541; wire.md "Heads are constants"; OHTTP-R7, HOP-8; privacy.md P10.
 */
import { once } from 'node:events'
import type { ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { collect } from '../../../shared/upstream/exchange.ts'
import { answerTo } from '../../../shared/upstream/answer.ts'
import { until } from '../../relay/harness.ts'
import { frameTypes as types, framesOf, preface, type Frame } from './frames.ts'
import { gateway, listener, own, pool, relay, said, sealed, streamed } from './http2-town.ts'

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
    const body = streamed()
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
