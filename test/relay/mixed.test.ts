/** Profile `mixed`: requests and answers leave at ticks in random order, and clients cannot slow a gateway down. wire.md. */
import { describe, expect, test } from 'vitest'
import { shuffled } from '../../shared/shaping/shuffle.ts'
import { createRelay } from '../../relay/app.ts'
import { numbers } from './dice.ts'
import {
  answer,
  ask,
  bodyOf,
  complete,
  goodOnGrid,
  head,
  httpGateway,
  mixingOf,
  post,
  rawGateway,
  relayTo,
  sealed,
  until,
  uploading,
  wait,
} from './harness.ts'
import { arrive, body, nameOf, open, period, recorded, request, standing, ticking } from './mixed-harness.ts'

describe('requests', () => {
  const all = Array.from({ length: 16 }, (_, at) => at)

  test('wait for the tick after they are complete, and leave in the order of the dice', async () => {
    const seen: string[] = []
    const gateway = await rawGateway((request) => (seen.push(nameOf(request)), goodOnGrid))
    const clock = standing()
    const relay = await relayTo(gateway.port, { mixing: { tick: period, now: clock.now, dice: numbers(5) } })
    await arrive(relay, all)
    await wait(2 * period)
    expect(seen).toEqual([])
    clock.next()
    await until(() => seen.length === all.length)
    expect(seen.map(Number)).toEqual(shuffled(all, numbers(5)))
    expect(seen.map(Number)).not.toEqual(all)
  })

  test('to one gateway from all routes are one batch', async () => {
    const seen: string[] = []
    const { forward, done } = recorded((name) => seen.push(name))
    const clock = standing()
    const mixing = mixingOf({ tick: period, now: clock.now, dice: numbers(3) })
    const mirror = { read: () => Promise.resolve(undefined) }
    const routes = [
      { path: '/', forward, mirror },
      { name: 'second', path: '/', forward, mirror },
    ] as const
    const relay = createRelay({ routes, admission: open, mixing })
    const paths = all.map((one) => (one % 2 === 0 ? '/' : '/r/second'))
    const answers = all.map((one) => relay.fetch(request(paths[one] ?? '/', body(one))))
    await wait(2 * period)
    expect(seen).toEqual([])
    clock.next()
    await until(() => seen.length === all.length)
    expect(seen.map(Number)).toEqual(shuffled(all, numbers(3)))
    await until(() => done() === all.length)
    clock.next()
    for (const one of answers) expect((await one).status).toBe(200)
  })

  test('leave two relays to one gateway at the same moment, whenever each of them began', async () => {
    const seen: string[] = []
    const gateway = await rawGateway((request) => (seen.push(nameOf(request)), goodOnGrid))
    const clock = { now: 1_000_000_003 }
    const mixing = { tick: period, now: (): number => clock.now }
    const first = await relayTo(gateway.port, { mixing })
    await arrive(first, [1])
    clock.now += 44
    const second = await relayTo(gateway.port, { mixing })
    await arrive(second, [2])
    clock.now = 1_000_000_049
    await wait(2 * period)
    expect(seen).toEqual([])
    clock.now = 1_000_000_050
    await until(() => seen.length === 2)
  })

  test('that find the batch full are refused with the constant 503, and nothing leaves early', async () => {
    const gateway = await rawGateway(() => goodOnGrid)
    const clock = standing()
    const relay = await relayTo(gateway.port, { mixing: { tick: period, now: clock.now, requests: 2 } })
    const clients = await arrive(relay, [1, 2])
    const refused = await ask(relay.port, post({}, body(3)))
    expect(head(refused)).toEqual([
      'HTTP/1.1 503 Service Unavailable',
      'date: <minute>',
      'content-type: application/problem+json',
      'cache-control: no-store',
      'retry-after: 1',
      'content-length: 65',
    ])
    expect(gateway.heard).toEqual([])
    expect(relay.met).toEqual(['batch'])
    await ticking(clock, () => clients.every(({ heard }) => complete(heard())))
    expect(relay.outcomes).toEqual(['limited', 'served', 'served'])
  })

  test('of more octets than may wait are refused too', async () => {
    const gateway = await rawGateway(() => goodOnGrid)
    const clock = standing()
    const relay = await relayTo(gateway.port, { mixing: { tick: period, now: clock.now, octets: 2047 } })
    await arrive(relay, [1])
    expect(await ask(relay.port, post({}, body(2)))).toContain('503')
    expect(relay.met).toEqual(['batch'])
  })

  test.each([
    [1024, 200],
    [1023, 400],
    [1025, 400],
    [4096, 200],
    [300_000, 400],
    [303_104, 200],
  ])('of %d octets are answered with %d: sizes off the grid would be marks', async (length, status) => {
    const gateway = await rawGateway(() => goodOnGrid)
    const relay = await relayTo(gateway.port, { mixing: {} })
    const text = await ask(relay.port, post({}, 'x'.repeat(length)))
    expect(text).toContain(`HTTP/1.1 ${status} `)
    expect(gateway.heard.length).toBe(status === 200 ? 1 : 0)
    if (status === 400) expect(bodyOf(text)).toBe('{"type":"about:blank","title":"Bad Request","status":400}')
  })

  test('that are off the grid are for direct', async () => {
    const gateway = await rawGateway(() => goodOnGrid)
    const relay = await relayTo(gateway.port)
    expect(await ask(relay.port, post({}, 'x'.repeat(1023)))).toContain('200')
  })

  test('INC-2: that are to be passed on as they arrive are refused, in the words of RFC 10036', async () => {
    const gateway = await rawGateway(() => goodOnGrid)
    const relay = await relayTo(gateway.port, { mixing: {} })
    const text = await ask(relay.port, uploading('a', 'b'))
    expect(text).toContain('HTTP/1.1 501 ')
    expect(text).toContain('proxy-status: asunder; error=incremental_refused')
    expect(gateway.heard).toEqual([])
  })

  test('whose client leaves while they wait are sent all the same, and read to the end of their answers', async () => {
    let finished = 0
    const gateway = await httpGateway((request, response) => {
      request.resume()
      response.writeHead(200, { 'content-type': 'message/ohttp-res' })
      response.end(sealed, () => finished++)
    })
    const clock = standing()
    const relay = await relayTo(gateway.port, { mixing: { tick: period, now: clock.now } })
    const [client] = await arrive(relay, [1])
    client?.socket.resetAndDestroy()
    await until(() => relay.abandoned() === 1)
    expect(finished).toBe(0)
    clock.next()
    await until(() => finished === 1 && relay.active() === 0)
    await until(() => relay.abandoned() === 0)
  })
})

describe('answers', () => {
  const failures: [string, string, number][] = [
    ['of a request that was served', goodOnGrid, 200],
    ['that the gateway is busy', answer('503 Busy', { 'retry-after': '1' }), 503],
    ['that the gateway cannot open it', answer('400 Bad', { 'content-type': 'application/problem+json' }, '{}'), 502],
    ['that make no sense', answer('302 Found', { location: 'x' }), 502],
  ]
  test.each(failures)('%s wait for a tick', async (_what, text, status) => {
    const gateway = await rawGateway(() => text)
    const clock = standing()
    const relay = await relayTo(gateway.port, { mixing: { tick: period, now: clock.now } })
    const [client] = await arrive(relay, [1])
    clock.next()
    await until(() => relay.outcomes.length === 1)
    await wait(2 * period)
    expect(client?.heard()).toBe('')
    clock.next()
    await until(() => complete(client?.heard() ?? ''))
    expect(client?.heard()).toContain(`HTTP/1.1 ${status} `)
  })

  test.each([1023, 1025, 5000, 300_001])(
    'G08: of %i octets are refused: sizes off the grid would be marks',
    async (octets) => {
      const fields = { 'content-type': 'message/ohttp-res' }
      const gateway = await rawGateway(() => answer('200 OK', fields, '.'.repeat(octets)))
      const relay = await relayTo(gateway.port, { mixing: { tick: period } })
      expect(await ask(relay.port, post({}, body(1)))).toContain('HTTP/1.1 502 ')
      expect(relay.outcomes).toEqual(['off-grid'])
    },
  )

  test('of one tick go back in the order of the dice, not in that of the gateway', async () => {
    const { forward, done } = recorded(() => undefined)
    const clock = standing()
    const dice = numbers(11)
    const mirror = { read: () => Promise.resolve(undefined) }
    const mixing = mixingOf({ tick: period, now: clock.now, dice })
    const relay = createRelay({ routes: [{ path: '/', forward, mirror }], admission: open, mixing })
    const order: number[] = []
    const all = Array.from({ length: 16 }, (_, at) => at)
    const answers = all.map(async (one) => {
      const response = await relay.fetch(request('/', body(one)))
      order.push(Number((await response.text()).replace(/\.+$/, '')))
    })
    await wait(2 * period)
    clock.next()
    await until(() => done() === all.length)
    await wait(2 * period)
    expect(order).toEqual([])
    clock.next()
    await Promise.all(answers)
    const again = numbers(11)
    // The gateway is asked in one random order and answers in it; the second batch is shuffled once more.
    expect(order).toEqual(shuffled(shuffled(all, again), again))
  })
})
