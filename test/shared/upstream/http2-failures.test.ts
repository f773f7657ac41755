/** What becomes of an exchange over HTTP/2 that is not answered as it should be. RFC 9113 §5.4, §6.8, §8.7; OHTTP-R7, HOP-8. */
import { once } from 'node:events'
import { constants, createSecureServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { utf8 } from '../../../shared/bytes.ts'
import { collect } from '../../../shared/upstream/exchange.ts'
import { gateway, listener, own, pool, said, sealed, streamed } from './http2-town.ts'

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

  test('a field that is there twice is a list, and so is no type of ours', async () => {
    const other = await foreign((stream) => {
      stream.respond({ 'content-type': ['message/ohttp-res', 'text/html'] as never })
      stream.end('x')
    })
    const answer = await collect(pool(other.port).forward, sealed('opaque'), 10)
    expect(typeof answer === 'string' ? answer : [answer.status, answer.field('content-type')]).toEqual([
      200,
      'message/ohttp-res, text/html',
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
      if (left-- > 0) {
        notTaken(stream)
        return
      }
      stream.respond({ ':status': 200 })
      stream.end('sealed')
    })
    expect(await said(pool(other.port).forward, sealed('opaque'))).toBe(heard)
    expect(other.asked()).toBe(asked)
  })

  test('but not what was streamed: some of it may be gone', async () => {
    const other = await foreign(notTaken)
    const body = streamed()
    expect(await said(pool(other.port).forward, { ...sealed(''), body })).toBe('broken')
    expect(other.asked()).toBe(1)
  })
})
