import { describe, expect, test } from 'vitest'
import { fromUtf8, utf8 } from '../../../shared/bytes.ts'
import { collect, type UpstreamRequest } from '../../../shared/upstream/exchange.ts'
import { fetchTo } from '../../../shared/upstream/fetch.ts'

const request: UpstreamRequest = {
  method: 'POST',
  path: '/g?x=1',
  fields: ['content-type', 'a/b'],
  body: utf8('opaque'),
}
const to = (fetch: (request: Request) => Promise<Response>, options = {}) =>
  fetchTo({ fetch, origin: 'https://gw.example', ...options })

test('OHTTP-R1, OHTTP-R2: what is asked is what is fetched, redirects are not followed', async () => {
  const seen: unknown[] = []
  const forward = to(async (asked) => {
    const fields = Object.fromEntries(asked.headers)
    seen.push([asked.method, asked.url, asked.redirect, fields, await asked.text()])
    return new Response('sealed', { status: 201, headers: { 'x-a': 'b' } })
  })
  const answer = await collect(forward, request, 100)
  if (typeof answer === 'string') throw new Error(answer)
  expect([answer.status, answer.field('x-a'), fromUtf8(answer.body)]).toEqual([201, 'b', 'sealed'])
  expect(seen).toEqual([['POST', 'https://gw.example/g?x=1', 'manual', { 'content-type': 'a/b' }, 'opaque']])
})

test('parts are streamed', async () => {
  async function* parts(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(utf8('one'))
    yield utf8('two')
  }
  const forward = to(async (asked) => new Response(await asked.text()))
  const answer = await collect(forward, { ...request, body: parts() }, 100)
  expect(typeof answer === 'string' ? answer : fromUtf8(answer.body)).toBe('onetwo')
})

describe('failures', () => {
  const never = (asked: Request): Promise<Response> =>
    new Promise((_, reject) => asked.signal.addEventListener('abort', () => reject(new Error('aborted'))))

  test('an answer beyond the limit is too large', async () => {
    expect(
      await collect(
        to(() => Promise.resolve(new Response('12345'))),
        request,
        4,
      ),
    ).toBe('too-large')
  })

  test('no connection is broken', async () => {
    expect(
      await collect(
        to(() => Promise.reject(new Error('refused'))),
        request,
        4,
      ),
    ).toBe('broken')
  })

  test('no head in time is a timeout', async () => {
    expect(await collect(to(never, { firstByte: 20 }), request, 4)).toBe('timeout')
  })

  test('an answer that breaks off is broken', async () => {
    const cut = new ReadableStream({ start: (controller) => controller.error(new Error('reset')) })
    expect(
      await collect(
        to(() => Promise.resolve(new Response(cut))),
        request,
        4,
      ),
    ).toBe('broken')
  })

  test('an exchange that is let go is broken', async () => {
    const failed = await new Promise((resolve) => {
      const nothing = (): void => undefined
      const flow = to(never)(request, { head: nothing, data: nothing, end: nothing, fail: resolve })
      setTimeout(() => flow.abort(), 10)
    })
    expect(failed).toBe('broken')
  })
})

test('a paused exchange gives nothing until it is resumed', async () => {
  const pieces = ['one', 'two', 'three'].map(utf8)
  const body = new ReadableStream({
    pull(controller) {
      const piece = pieces.shift()
      if (piece === undefined) controller.close()
      else controller.enqueue(piece)
    },
  })
  const seen: string[] = []
  let ended = false
  const flow = to(() => Promise.resolve(new Response(body)))(request, {
    head: () => undefined,
    data(bytes) {
      seen.push(fromUtf8(bytes))
      flow.pause()
    },
    end: () => void (ended = true),
    fail: () => undefined,
  })
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(seen).toEqual(['one'])
  flow.resume()
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(seen).toEqual(['one', 'two'])
  flow.resume()
  await new Promise((resolve) => setTimeout(resolve, 20))
  flow.resume()
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect([seen.length, ended]).toEqual([3, true])
})
