/** The client through the real relay and the real gateway, on loopback; behind them an app on HTTP that a test writes. */
import { connect, createServer, type AddressInfo } from 'node:net'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { paths } from '../../../gateway/app.ts'
import { publication } from '../../../gateway/publication.ts'
import { createAdmission, defaultLimits } from '../../../relay/admit.ts'
import { createRelay } from '../../../relay/app.ts'
import { createMirror } from '../../../relay/mirror.ts'
import { Reader, utf8 } from '../../../shared/bytes.ts'
import { mediaTypes } from '../../../shared/http/media-types.ts'
import { serializeKeyConfigs } from '../../../shared/ohttp/key-config.ts'
import { bucketNamer } from '../../../shared/limits/limiter.ts'
import {
  certificatePem,
  issuedBy,
  privateKeyPem,
  selfSigned,
  type Identity,
} from '../../../shared/upstream/certificate.ts'
import { poolTo } from '../../../shared/upstream/node.ts'
import { listen } from '../../../shared/upstream/serve.ts'
import { newKey, town as gatewayTown, type Town, type TownOptions } from '../../gateway/town.ts'
import { codeOf, visitor, type Visitor } from './clients.ts'
import { operator, startOfTest, type Operator } from './operator.ts'
import { town } from './town.ts'

const target = 'https://app.asunder.example/v1/notes'

let people: Operator

beforeEach(async () => {
  people = await operator()
})

type Relay = { readonly url: string; readonly outcomes: string[] }
type Pair = { readonly gateway: Town; readonly fetch: Visitor; readonly relay: Relay }

/** The real relay, its mirror filled. */
async function relayTo(gatewayPort: number): Promise<Relay> {
  const pool = poolTo({ origin: `http://127.0.0.1:${String(gatewayPort)}`, plaintextLoopback: true })
  const mirror = createMirror({ forward: pool.forward, now: Date.now })
  await mirror.start()
  const nameOf = bucketNamer({ salt: () => new Uint8Array(32), now: Date.now })
  const admission = createAdmission({ abandoned: defaultLimits.abandoned, nameOf, now: Date.now })
  const outcomes: string[] = []
  const tally = (outcome: string): void => void outcomes.push(outcome)
  const relay = createRelay({ routes: [{ path: paths.gateway, forward: pool.forward, mirror }], admission, tally })
  const server = await listen({ fetch: relay.fetch, host: '127.0.0.1', port: 0, plaintextLoopback: true })
  onTestFinished(async () => {
    mirror.stop()
    await server.close(0)
    await pool.close()
  })
  return { url: `http://127.0.0.1:${String(server.port)}/`, outcomes }
}

async function pair(options: TownOptions = {}): Promise<Pair> {
  const key = newKey()
  const note = utf8(await people.bundle({ keys: serializeKeyConfigs([key.config]) }))
  const bundle = publication(mediaTypes.bundle, note, startOfTest, startOfTest + 3_600_000)
  const gateway = await gatewayTown({ keys: [key], bundle: () => bundle, ...options })
  gateway.clock = Date.now()
  const server = await listen({ fetch: gateway.app.fetch, host: '127.0.0.1', port: 0, plaintextLoopback: true })
  const relay = await relayTo(server.port)
  const fetch = visitor({ url: relay.url, operator: people })
  onTestFinished(async () => {
    await fetch.close()
    await server.close(0)
  })
  return { gateway, relay, fetch }
}

test('a message passes the pair and its answer comes back, with no name of anybody on it', async () => {
  const { gateway, fetch } = await pair()
  const headers = { 'content-type': 'text/plain', 'user-agent': 'me/1.0', cookie: 'me=1' }
  const answer = await fetch(target, { method: 'POST', body: 'the dossier', headers })
  expect([answer.status, await answer.text(), answer.headers.get('x-model')]).toEqual([200, 'hello', 'llama'])
  expect(gateway.seen[0]).toMatchObject({ method: 'POST', url: '/v1/notes', body: 'the dossier' })
  const names = gateway.seen[0]?.headers.map(([name]) => name) ?? []
  expect(names).not.toEqual(expect.arrayContaining(['user-agent']))
  expect(names).not.toEqual(expect.arrayContaining(['cookie']))
})

test('tokens come through one by one', async () => {
  const steps: (() => void)[] = []
  const { fetch } = await pair({
    handler: (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      steps.push(
        () => void response.write('data: one\n\n'),
        () => void response.end('data: two\n\n'),
      )
      steps.shift()?.()
    },
  })
  const answer = await fetch(target, { headers: { accept: 'text/event-stream' } })
  const reader = answer.body?.getReader()
  const text = async (): Promise<string> => new TextDecoder().decode((await reader?.read())?.value as Uint8Array)
  expect(await text()).toBe('data: one\n\n')
  steps.shift()?.()
  expect(await text()).toBe('data: two\n\n')
  expect((await reader?.read())?.done).toBe(true)
})

test('INC-5: a caller’s stream goes up as it comes', async () => {
  const { gateway, fetch } = await pair()
  const body = ReadableStream.from(['one ', 'two'].map((part) => utf8(part)))
  expect(await (await fetch(target, { method: 'POST', body, duplex: 'half' })).text()).toBe('hello')
  await expect.poll(() => gateway.seen[0]?.body).toBe('one two')
})

test.each([
  ['a disallowed target', 'https://evil.example/', {}, 403],
  ['a disallowed method', target, { method: 'PURGE' }, 400],
])('%s is an authenticated answer of the gateway: %s', async (_name, url, init, status) => {
  const { gateway, fetch } = await pair()
  const answer = await fetch(url, init)
  expect(answer.status).toBeGreaterThanOrEqual(status)
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  expect(gateway.seen).toEqual([])
})

test('no attested CVM: gateway-unavailable, and when to come back', async () => {
  const { gateway, fetch } = await pair()
  gateway.pool.free = 0
  const error = await fetch(target).catch((cause: unknown) => cause)
  expect(error).toMatchObject({ code: 'gateway-unavailable', status: 503 })
  expect((error as { retryAfter?: number }).retryAfter).toBeGreaterThan(0)
})

describe.each(['standard', 'chunked'] as const)('family %s', (family) => {
  test('OHTTP-C12: a clock that is off by an hour is answered after one retry with the gateway’s date', async () => {
    const { gateway, relay } = await pair()
    const fetch = visitor({ url: relay.url, operator: people }, { family, now: () => Date.now() - 1_800_000 })
    expect(await (await fetch(target)).text()).toBe('hello')
    expect(gateway.seen.length).toBe(1)
    expect(fetch.waits).toEqual([3000])
    await fetch.close()
  })

  test('a key that the gateway does not hold: key-unknown, and nothing is sent again', async () => {
    const { relay, fetch } = await pair({ find: () => undefined })
    expect(await codeOf(fetch(target))).toBe('key-unknown')
    expect(relay.outcomes.length).toBe(1)
  })
})

/** The town behind TLS, and a wire in front on which every connection's first bytes are kept. */
async function behindTls(
  inner: { readonly url: string },
  identity: Identity,
): Promise<{ url: string; hellos: Buffer[] }> {
  const server = await listen({
    ...{ host: '127.0.0.1', port: 0, tls: { key: privateKeyPem(identity), cert: certificatePem(identity) } },
    fetch: async ({ method, url, headers, body }) => {
      const to = new URL(new URL(url).pathname, inner.url)
      const answer = await fetch(to, { method, headers: typeOnly(headers), body, duplex: 'half' })
      return new Response(answer.body, { status: answer.status, headers: typeOnly(answer.headers) })
    },
  })
  const hellos: Buffer[] = []
  const wire = createServer((client) => {
    const onward = connect(server.port, '127.0.0.1')
    client.once('data', (bytes: Buffer) => hellos.push(bytes))
    client.on('error', () => onward.destroy())
    onward.on('error', () => client.destroy())
    client.pipe(onward).pipe(client)
  })
  await new Promise<void>((resolve) => wire.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    wire.close()
    await server.close(0)
  })
  return { url: `https://localhost:${String((wire.address() as AddressInfo).port)}/`, hellos }
}

function typeOnly(headers: Headers): [string, string][] {
  return [...headers].filter(([name]) => name === 'content-type')
}

/** Types of the extensions of a ClientHello. RFC 8446 §4.1.2. */
function extensionsOf(record: Uint8Array): number[] {
  const from = new Reader(record)
  from.take(5 + 4 + 2 + 32) // record header, handshake header, version, random
  from.take(from.uint8())
  from.take(from.uint16())
  from.take(from.uint8())
  const extensions = new Reader(from.take(from.uint16()))
  const types: number[] = []
  while (!extensions.done) {
    types.push(extensions.uint16())
    extensions.take(extensions.uint16())
  }
  return types
}

test('OHTTP-C2, OHTTP-C17: TLS to the relay: who it is is checked, and nothing goes out as early data', async () => {
  const inner = await town(people)
  const authority = selfSigned({ commonName: 'test authority', use: 'authority' })
  const relay = issuedBy(authority, { commonName: 'relay', use: 'server', names: ['localhost'] })
  const { url, hellos } = await behindTls(inner, relay)
  const trusting = visitor({ url, operator: people }, { ca: certificatePem(authority) })
  for (let round = 0; round < 2; round++) await Promise.all([1, 2, 3].map(() => trusting(target)))
  expect(inner.posts().length).toBe(6)
  expect(hellos.length).toBeGreaterThan(1)
  for (const hello of hellos) {
    const types = extensionsOf(hello)
    expect(types).toContain(43) // supported_versions: the list was read rightly
    expect(types).not.toContain(42) // early_data
  }
  const wary = visitor({ url, operator: people })
  expect(await codeOf(wary(target))).toBe('relay-unreachable')
  const misled = visitor(
    { url: url.replace('localhost', '127.0.0.1'), operator: people },
    { ca: certificatePem(authority) },
  )
  expect(await codeOf(misled(target))).toBe('relay-unreachable')
  expect(inner.posts().length).toBe(6)
  await Promise.all([trusting.close(), wary.close(), misled.close()])
  await inner.close()
})
