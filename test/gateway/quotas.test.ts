/** What one relay may ask for does not touch another's. wire.md "Errors": over the rate. */
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { gatewayMetrics } from '../../gateway/metrics.ts'
import { createQuotas, type Quota } from '../../gateway/quotas.ts'
import { certificatePem, pinOf, privateKeyPem, selfSigned } from '../../shared/upstream/certificate.ts'
import { trustOf } from '../../shared/upstream/dial.ts'
import { collect } from '../../shared/upstream/exchange.ts'
import { poolTo, type UpstreamPool } from '../../shared/upstream/node.ts'
import { listen } from '../../shared/upstream/serve.ts'
import { until } from '../relay/harness.ts'

type Asked = { readonly status: number | undefined; end(): void }

/** A request as Node gives it, of which only the head matters here. */
function arrived(method: string, headers: Record<string, readonly string[]> = {}) {
  const rawHeaders = Object.entries(headers).flatMap(([name, lines]) => lines.flatMap((line) => [name, line]))
  const incoming = Object.assign(new IncomingMessage(new Socket()), { method, rawHeaders })
  return { incoming, outgoing: new ServerResponse(incoming) }
}

function quotas(...all: Quota[]) {
  const clock = { now: 0 }
  const counted: string[] = []
  const gate = createQuotas(
    all,
    () => clock.now,
    (relay, verdict) => counted.push(`${relay} ${verdict}`),
  )
  const ask = (peer: string, method = 'POST'): Asked => {
    const env = arrived(method)
    return { status: gate(peer, env)?.status, end: () => void env.outgoing.emit('close') }
  }
  return { clock, counted, ask, gate }
}

describe('a quota', () => {
  test('of requests at a time is given back as each ends, however it ends', () => {
    const { ask } = quotas({ name: 'a', atOnce: 2 })
    const [one, two] = [ask('a'), ask('a')]
    expect([one.status, two.status, ask('a').status]).toEqual([undefined, undefined, 429])
    one.end()
    expect([ask('a').status, ask('a').status]).toEqual([undefined, 429])
  })

  test('of a rate is a burst, and then so many a second', () => {
    const { ask, clock } = quotas({ name: 'a', rate: { perSecond: 10, burst: 3 } })
    const statuses = () => [ask('a'), ask('a'), ask('a'), ask('a')].map(({ status }) => status)
    expect(statuses()).toEqual([undefined, undefined, undefined, 429])
    clock.now = 100
    expect(statuses()).toEqual([undefined, 429, 429, 429])
    clock.now = 10_000
    expect(statuses()).toEqual([undefined, undefined, undefined, 429])
  })

  test('that has no room at a time spends nothing of the rate', () => {
    const { ask } = quotas({ name: 'a', atOnce: 1, rate: { perSecond: 1, burst: 2 } })
    const one = ask('a')
    for (let n = 0; n < 10; n++) expect(ask('a').status).toBe(429)
    one.end()
    expect(ask('a').status).toBeUndefined()
  })

  test('of one relay is not spent by another, and none has what is not set', () => {
    const { ask, counted } = quotas({ name: 'a', atOnce: 1 }, { name: 'b' })
    expect([ask('a').status, ask('a').status]).toEqual([undefined, 429])
    for (let n = 0; n < 100; n++) expect(ask('b').status).toBeUndefined()
    expect([counted.slice(0, 3), counted.length]).toEqual([['a admitted', 'a limited', 'b admitted'], 102])
  })

  test('is not spent by lists and bundles, nor counted for them', () => {
    const { ask, counted } = quotas({ name: 'a', atOnce: 1 })
    for (let n = 0; n < 3; n++) expect(ask('a', 'GET').status).toBeUndefined()
    expect(counted).toEqual([])
  })

  test('RFC 10036 §4.2: a streamed request hears which limit it was', () => {
    const { gate } = quotas({ name: 'a', atOnce: 1 })
    const ask = (headers: Record<string, readonly string[]>) => gate('a', arrived('POST', headers))
    ask({})
    expect(ask({})?.fields['proxy-status']).toBeUndefined()
    expect(ask({ incremental: ['?1'] })?.fields['proxy-status']).toBe('asunder; error=connection_limit_reached')
  })
})

test('OPS-2: the counts have the names of the settings, before anybody comes, and no other can be made', async () => {
  const clock = { now: 60_000 }
  const gauges = {
    placement: 'front' as const,
    relays: ['a', 'b'],
    profile: 'direct' as const,
    free: () => 0,
    attested: () => true,
    ready: () => true,
    ends: () => ({}),
    fails: () => false,
  }
  const { metrics, asked, stop } = gatewayMetrics(
    gauges,
    () => clock.now,
    () => undefined,
  )
  onTestFinished(stop)
  for (let n = 0; n < 10; n++) asked('b', 'limited')
  clock.now += 60_000
  await metrics.begin()
  const lines = metrics
    .page()
    .split('\n')
    .filter((line) => line.startsWith('asunder_gateway_relay'))
  expect(lines.sort()).toEqual([
    'asunder_gateway_relay_requests_total{relay="a",verdict="admitted"} 0',
    'asunder_gateway_relay_requests_total{relay="a",verdict="limited"} 0',
    'asunder_gateway_relay_requests_total{relay="b",verdict="admitted"} 0',
    'asunder_gateway_relay_requests_total{relay="b",verdict="limited"} 10',
  ])
  expect(() => asked('c', 'limited')).toThrow(TypeError)
})

describe('on the wire', () => {
  const server = selfSigned({ commonName: 'gateway', use: 'server', names: ['127.0.0.1'] })
  const clients = ['a', 'b'].map((commonName) => selfSigned({ commonName, use: 'client' }))
  const pem = (one: (typeof clients)[number]) => ({ key: privateKeyPem(one), cert: certificatePem(one) })
  const pin = (one: (typeof clients)[number]) => [{ sha256: pinOf(one.privateKey), notAfter: Infinity }]

  test('the relay is known by its key, others go on, and the connection of one that was refused stays good', async () => {
    const held: (() => void)[] = []
    const gateway = await listen({
      fetch: () => new Promise((resolve) => held.push(() => resolve(new Response('sealed')))),
      host: '127.0.0.1',
      port: 0,
      tls: { ...pem(server), peers: clients.map((one) => ({ name: one.commonName, pins: pin(one) })) },
      gate: createQuotas([{ name: 'a', atOnce: 1 }, { name: 'b' }], Date.now, () => undefined),
    })
    onTestFinished(() => gateway.close(0))
    const [a, b] = clients.map((one) => {
      const trust = trustOf({ own: pem(one), pins: pin(server) })
      const pool = poolTo({
        origin: `https://127.0.0.1:${gateway.port}`,
        trust: () => trust,
        connections: 2,
        every: 60_000,
      })
      onTestFinished(() => pool.close())
      return pool
    }) as [UpstreamPool, UpstreamPool]
    const ask = async ({ forward }: UpstreamPool, content: number) => {
      const body = new Uint8Array(content)
      const answer = await collect(forward, { method: 'POST', path: '/', fields: [], body }, 1_000)
      return typeof answer === 'string' ? answer : `${answer.status} ${answer.field('retry-after') ?? ''}`.trim()
    }
    await until(() => a.open() === 2 && b.open() === 2)
    const first = ask(a, 10)
    await until(() => held.length === 1)
    const refused: string[] = []
    for (const content of [0, 10, 20_000, 10]) refused.push(await ask(a, content))
    expect(refused).toEqual(['429 1', '429 1', '429 1', '429 1'])
    const other = ask(b, 10)
    await until(() => held.length === 2)
    for (const answer of held) answer()
    expect([await first, await other]).toEqual(['200', '200'])
    const again = ask(a, 10)
    await until(() => held.length === 3)
    held[2]?.()
    expect([await again, a.open(), gateway.connections()]).toEqual(['200', 2, 4])
  })
})
