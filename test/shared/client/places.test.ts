/** Connections to the relay: enough for many streams, bounded in number and in the wait for one. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { places } from '../../../shared/client/places.ts'
import { undiciTransport } from '../../../shared/client/transport-undici.ts'
import { codeOf, visitor } from './clients.ts'
import { answering } from './misbehaviour.ts'
import { town, type Misbehaviour, type Town } from './town.ts'

const target = 'https://app.asunder.example/v1/notes'

let pair: Town

beforeEach(async () => {
  pair = await town()
})

afterEach(() => pair.close())

async function* endless(): AsyncGenerator<string> {
  for (;;) {
    yield 'more '
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** A head, a byte, and then nothing. */
const hanging =
  (status: number): Misbehaviour =>
  (_request, response) =>
    response.writeHead(status).write('a') || true

test('forty streams at once all have their heads, and a caller may come and go', async () => {
  pair.app = () => ({ content: endless() })
  const fetch = visitor(pair, { family: 'chunked' })
  const answers = await Promise.all(Array.from({ length: 40 }, () => fetch(target)))
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 40 }, () => 200))
  await Promise.all(answers.map(async (answer) => answer.body?.cancel()))
  await fetch.close()
})

test('places go to the first who asked, and come back once', async () => {
  const { signal } = new AbortController()
  const two = places(2, 5_000)
  const order: string[] = []
  const a = await two.take(signal)
  const b = await two.take(signal)
  const c = two.take(signal).then((leave) => (order.push('c'), leave))
  const d = two.take(signal).then((leave) => (order.push('d'), leave))
  a()
  a()
  await c
  await new Promise((resolve) => setTimeout(resolve, 5))
  expect(order).toEqual(['c'])
  b()
  await d
  expect(order).toEqual(['c', 'd'])
})

test('a wait ends with its time or its signal, and takes no place with it', async () => {
  const one = places(1, 20)
  const stop = new AbortController()
  const leave = await one.take(stop.signal)
  await expect(one.take(stop.signal)).rejects.toMatchObject({ code: 'NO_FREE_CONNECTION' })
  const waiting = one.take(stop.signal)
  stop.abort(new Error('gone'))
  await expect(waiting).rejects.toThrow('gone')
  leave()
  await expect(one.take(new AbortController().signal)).resolves.toBeTypeOf('function')
})

test('a request that finds every connection streaming is told so in time, and served once one is let go', async () => {
  const transport = undiciTransport({ relay: new URL(pair.url), connections: 1, patience: 50 })
  pair.onPost = hanging(200)
  const stop = new AbortController()
  const request = { url: new URL(pair.url), fields: {}, signal: stop.signal }
  await transport.send({ ...request, method: 'POST' })
  const second = { ...request, method: 'GET', signal: new AbortController().signal } as const
  await expect(transport.send(second)).rejects.toMatchObject({ code: 'NO_FREE_CONNECTION' })
  stop.abort()
  await expect.poll(() => transport.send(second).then(({ status }) => status)).toBe(200)
  await transport.close?.()
})

test('a refused bundle does not keep the connection that it came on', async () => {
  pair.onBundle = hanging(503)
  const fetch = visitor(pair, { connections: 1 })
  expect(await codeOf(fetch(target))).toBe('bundle-unavailable')
  pair.onBundle = answering(429)
  expect(await codeOf(fetch(target))).toBe('rate-limited')
  await fetch.close()
})
