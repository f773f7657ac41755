/** Streams of the profile `mixed`: whatever a client takes of one, its gateway does not see it. wire.md, privacy.md N02. */
import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { createRelay } from '../../relay/app.ts'
import {
  bodyOf,
  complete,
  ask,
  goodOnGrid,
  httpGateway,
  mixingOf,
  post,
  rawGateway,
  relayTo,
  until,
  wait,
} from './harness.ts'
import {
  arrive,
  body,
  chunked,
  MiB,
  open,
  period,
  piecemeal,
  pouring,
  request,
  send,
  stalled,
  standing,
  streamed,
  ticking,
} from './mixed-harness.ts'

describe('streams', () => {
  test('begin at a tick, and then come as they come', async () => {
    let stream: ServerResponse | undefined
    const gateway = await httpGateway((request, response) => {
      request.resume()
      stream = response
      response.writeHead(200, streamed).write('first ')
    })
    const clock = standing()
    const relay = await relayTo(gateway.port, { mixing: { tick: period, now: clock.now } })
    const client = send(relay, post(chunked, body(1)))
    await until(() => relay.sizes.length === 1)
    clock.next()
    await until(() => stream !== undefined)
    await wait(2 * period)
    expect(client.heard()).toBe('')
    clock.next()
    await until(() => client.heard().includes('first '))
    stream?.write('second ')
    await until(() => client.heard().includes('second '))
    stream?.end('third')
    await until(() => complete(client.heard()))
    expect(relay.outcomes).toEqual(['served'])
  })

  test('that end before they began are whole, and those that break off before are a 502', async () => {
    let breaking = false
    const gateway = await httpGateway((request, response) => {
      request.resume().on('end', () => {
        response.writeHead(200, streamed)
        if (breaking) response.write('x', () => response.destroy())
        else response.end('all of it')
      })
    })
    const relay = await relayTo(gateway.port, { mixing: {} })
    expect(bodyOf(await ask(relay.port, post(chunked, body(1))))).toContain('all of it')
    breaking = true
    const clock = standing()
    const slow = await relayTo(gateway.port, { mixing: { tick: period, now: clock.now } })
    const client = send(slow, post(chunked, body(2)))
    await until(() => slow.sizes.length === 1)
    clock.next()
    await until(() => slow.outcomes.length === 1)
    await ticking(clock, () => complete(client.heard()))
    expect(client.heard()).toContain('HTTP/1.1 502 ')
  })

  test('of many small pieces are kept in few large ones, since a piece takes room of its own', async () => {
    const pieces = Array.from({ length: 10_000 }, (_, at) => Buffer.from(`${at} `))
    const { forward } = piecemeal(pieces)
    const mirror = { read: () => Promise.resolve(undefined) }
    const mixing = mixingOf({ tick: 10 })
    const relay = createRelay({ routes: [{ path: '/', forward, mirror }], admission: open, mixing })
    const response = await relay.fetch(request('/', body(1), chunked))
    const chunks: Uint8Array[] = []
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) chunks.push(chunk)
    expect(Buffer.concat(chunks).equals(Buffer.concat(pieces))).toBe(true)
    expect(chunks.length).toBeLessThan(500)
  })

  const most = 24 * MiB
  test.each<[string, object, boolean]>([
    ['in mixed', { mixing: { memory: 256 * MiB, answer: 64 * MiB } }, true],
    ['in direct, which is why this is a test at all', {}, false],
  ])('N02: a client that takes nothing stalls the gateway or not: %s', async (_what, options, given) => {
    const { port, state } = await pouring(most)
    const relay = await relayTo(port, options)
    const client = send(relay, post(chunked, body(1)))
    client.socket.pause()
    if (given) await until(() => state.finished)
    else await stalled(state)
    expect(state.finished).toBe(given)
    client.socket.resume()
    await until(() => client.heard().length > most && complete(client.heard()), 20_000)
    expect(bodyOf(client.heard()).replaceAll(/[^x]/g, '').length).toBe(most)
  })

  test('N19: a client too far behind is cut off, and the gateway is read on as if nothing had happened', async () => {
    const { port, state } = await pouring(most)
    const mixing = { memory: 256 * MiB, answer: MiB }
    const relay = await relayTo(port, { mixing, limits: { drainBytes: 64 * MiB } })
    const client = send(relay, post(chunked, body(1)))
    client.socket.pause()
    await until(() => state.finished)
    expect(relay.met).toEqual(['backlog'])
    expect(relay.outcomes).toEqual(['cut'])
    expect(state.broken).toBe(false)
    client.socket.resume()
    await client.closed
    expect(complete(client.heard())).toBe(false)
    await until(() => relay.active() === 0)
  })

  test('N01: an answer that nobody waits for is let go with all the others, not a while after its client left', async () => {
    const gateway = await httpGateway((request, response) => {
      request.resume()
      response.writeHead(200, streamed).write('x')
    })
    const drainTime = 500
    const relay = await relayTo(gateway.port, { pool: { connections: 2 }, mixing: { tick: 10, drainTime } })
    const closed: number[] = []
    gateway.server.on('request', (_request, response: ServerResponse) => {
      response.once('close', () => closed.push(Math.floor(Date.now() / drainTime)))
    })
    const clients = [send(relay, post(chunked, body(1))), send(relay, post(chunked, body(2)))]
    await until(() => clients.every(({ heard }) => heard().includes('x')))
    await until(() => Date.now() % drainTime < 60)
    const began = Math.floor(Date.now() / drainTime)
    clients[0]?.socket.resetAndDestroy()
    await wait(drainTime / 3)
    clients[1]?.socket.resetAndDestroy()
    await until(() => closed.length === 2)
    expect(closed).toEqual([began + 2, began + 2])
  })
})

describe('room', () => {
  test('is there for as many answers as there are shares, and whoever finds none is told at once', async () => {
    const gateway = await rawGateway(() => goodOnGrid)
    const clock = standing()
    const relay = await relayTo(gateway.port, { mixing: { tick: period, now: clock.now, memory: MiB } })
    const clients = await arrive(relay, [1, 2])
    expect(await ask(relay.port, post({}, body(3)))).toContain('HTTP/1.1 503 ')
    expect(relay.met).toEqual(['memory'])
    await ticking(clock, () => clients.every(({ heard }) => complete(heard())))
    for (const { socket } of clients) socket.destroy()
    const later = send(relay, post({}, body(4)))
    await ticking(clock, () => complete(later.heard()))
    expect(later.heard()).toContain('HTTP/1.1 200 ')
  })

  test('that is full of what others have not taken is made by whoever keeps most', async () => {
    const { port, state } = await pouring(16 * MiB)
    const mixing = { memory: 64 * MiB, answer: 16 * MiB }
    const relay = await relayTo(port, { pool: { connections: 8 }, mixing, limits: { drainBytes: 64 * MiB } })
    const slow = Array.from({ length: 8 }, (_, at) => send(relay, post(chunked, body(at))))
    for (const { socket } of slow) socket.pause()
    await until(() => state.ended === 8, 20_000)
    expect(new Set(relay.met)).toEqual(new Set(['memory']))
    expect(relay.met.length).toBeLessThan(8)
    expect(state.broken).toBe(false)
    const quick = send(relay, post(chunked, body('quick')))
    await until(() => complete(quick.heard()), 20_000)
    expect(quick.heard()).toContain('HTTP/1.1 200 ')
  })
})
