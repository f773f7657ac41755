/** The app called without ports: resources, refusals, CORS, routes, limits. wire.md "Resources" and "Errors". */
import { describe, expect, test } from 'vitest'
import type { Hono } from 'hono'
import { createAdmission, defaultLimits, type AdmissionOptions, type RelayLimits } from '../../relay/admit.ts'
import { createRelay, type RelayOptions, type Route } from '../../relay/app.ts'
import type { Mirror } from '../../relay/mirror.ts'
import { utf8 } from '../../shared/bytes.ts'
import type { Forward, UpstreamRequest } from '../../shared/upstream/exchange.ts'

type Seen = UpstreamRequest & { readonly content: string }

const flow = { pause: () => undefined, resume: () => undefined, abort: () => undefined }

/** A gateway that answers everything in its family, and remembers what it was asked. */
function gateway(): { forward: Forward; seen: Seen[] } {
  const seen: Seen[] = []
  const forward: Forward = (request, listener) => {
    void (async () => {
      const parts: string[] = []
      const { body } = request
      if (body instanceof Uint8Array) parts.push(Buffer.from(body).toString())
      else if (body !== null) for await (const part of body) parts.push(Buffer.from(part).toString())
      seen.push({ ...request, content: parts.join('|') })
      const type = request.fields[1]?.replace('req', 'res')
      listener.head(200, (name) => (name === 'content-type' ? type : undefined))
      listener.data(utf8('sealed '))
      listener.data(utf8('answer'))
      listener.end()
    })().catch(() => listener.fail('broken'))
    return flow
  }
  return { forward, seen }
}

const mirror: Mirror = {
  read: (resource) => (resource === 'keys' ? { bytes: utf8('keys'), etag: '"e"', left: 593 } : undefined),
}

type Options = Partial<Omit<RelayOptions, 'admission' | 'limits'>> & {
  limits?: Partial<RelayLimits>
  rate?: AdmissionOptions['rate']
}

function relayWith(options: Options = {}): { relay: Hono; seen: Seen[]; forward: Forward } {
  const { forward, seen } = gateway()
  const { rate, limits, ...rest } = options
  const abandoned = defaultLimits.abandoned
  const admission = createAdmission({ rate, abandoned, nameOf: () => 'b0'.repeat(16), now: () => 0 })
  const routes: readonly [Route] = [{ path: '/gateway', forward, mirror }]
  return { relay: createRelay({ routes, admission, limits: limits ?? {}, ...rest }), seen, forward }
}

const standard = { 'content-type': 'message/ohttp-req' }
const chunked = { 'content-type': 'message/ohttp-chunked-req' }
const send = (headers: Record<string, string> = standard, body: BodyInit = 'opaque') => ({
  method: 'POST',
  headers,
  body,
})

type BodyInit = NonNullable<RequestInit['body']>

async function said(response: Response): Promise<unknown> {
  return { status: response.status, fields: Object.fromEntries(response.headers), body: await response.json() }
}

function refusal(status: number, title: string, fields: Record<string, string> = {}, extra = {}): unknown {
  const body = { type: 'about:blank', title, status, ...extra }
  const length = String(JSON.stringify(body).length)
  const constant = { 'content-type': 'application/problem+json', 'cache-control': 'no-store', 'content-length': length }
  return { status, fields: { ...constant, ...fields }, body }
}

const wrongType = refusal(415, 'Unsupported Media Type', {
  accept: 'message/ohttp-req, message/ohttp-chunked-req',
})
const notFound = refusal(404, 'Not Found')

describe('resources', () => {
  test.each([
    ['message/ohttp-req', 'message/ohttp-res', undefined],
    ['MESSAGE/OHTTP-REQ ; x=1', 'message/ohttp-res', undefined],
    ['message/ohttp-chunked-req', 'message/ohttp-chunked-res', '?1'],
  ])('OHTTP-R1, OHTTP-R9: POST / of %s is answered with %s', async (type, answered, incremental) => {
    const { relay, seen } = relayWith()
    const response = await relay.request('/', send({ 'content-type': type }))
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe(answered)
    expect(response.headers.get('incremental') ?? undefined).toBe(incremental)
    expect(await response.text()).toBe('sealed answer')
    const constant = answered.replace('res', 'req')
    expect(seen).toMatchObject([
      { method: 'POST', path: '/gateway', content: 'opaque', fields: ['content-type', constant] },
    ])
  })

  test('INC-1: an incremental upload goes on in the pieces that it comes in', async () => {
    const { relay, seen } = relayWith()
    const pieces = new ReadableStream({
      start(to) {
        for (const piece of ['one', '', 'two']) to.enqueue(utf8(piece))
        to.close()
      },
    })
    const init = { ...send({ ...chunked, incremental: '?1' }, pieces), duplex: 'half' as const }
    const response = await relay.request('/', init)
    expect(await response.text()).toBe('sealed answer')
    expect(seen[0]?.content).toBe('one|two')
    expect(seen[0]?.fields).toEqual(['content-type', 'message/ohttp-chunked-req', 'incremental', '?1'])
  })

  test('OHTTP-R11: a route is one gateway, and nothing that a client writes names another', async () => {
    const [one, two] = [gateway(), gateway()]
    const routes = [
      { path: '/one', forward: one.forward, mirror },
      { name: 'two', path: '/two', forward: two.forward, mirror },
    ] as const
    const { relay } = relayWith({ routes })
    await relay.request('/?gateway=https://evil.example', send())
    await relay.request('/r/two?gateway=https://evil.example', send({ ...standard, 'x-gateway': 'evil' }))
    expect(one.seen.map(({ path }) => path)).toEqual(['/one'])
    expect(two.seen.map(({ path }) => path)).toEqual(['/two'])
    for (const path of ['/r/one', '/r/', '/r', '/r/two/', '/two', '/other?gateway=https://evil', '//', '/r/%74wo/x']) {
      expect(await said(await relay.request(path, send()))).toEqual(notFound)
    }
    expect(one.seen.length + two.seen.length).toBe(2)
  })

  test('a first route with a name is found under both', async () => {
    const { forward, seen } = gateway()
    const { relay } = relayWith({ routes: [{ name: 'first', path: '/one', forward, mirror }] })
    await relay.request('/', send())
    await relay.request('/r/first', send())
    expect(seen).toHaveLength(2)
  })

  test('a second route without a name is our mistake', () => {
    const { forward } = gateway()
    const route = { path: '/one', forward, mirror }
    expect(() => relayWith({ routes: [route, route] })).toThrow(TypeError)
  })

  test('CONS-1, DISC-8: the key list is the same for everybody, whatever they ask with', async () => {
    const { relay } = relayWith()
    const answers = await Promise.all(
      [{}, { 'if-none-match': '"e"' }, { accept: 'text/html', cookie: 'me=1' }, { range: 'bytes=0-1' }].map(
        async (headers) => {
          const response = await relay.request('/.well-known/ohttp-gateway', { headers })
          return { status: response.status, fields: Object.fromEntries(response.headers), text: await response.text() }
        },
      ),
    )
    expect(answers[0]).toEqual({
      status: 200,
      fields: {
        'content-type': 'application/ohttp-keys',
        'cache-control': 'public, max-age=593',
        age: '0',
        etag: '"e"',
        'content-length': '4',
      },
      text: 'keys',
    })
    for (const answer of answers) expect(answer).toEqual(answers[0])
  })

  test('without a fresh copy there is a 503', async () => {
    const { relay } = relayWith()
    const expected = refusal(503, 'Service Unavailable', { 'retry-after': '1' })
    expect(await said(await relay.request('/.well-known/asunder-bundle'))).toEqual(expected)
  })
})

describe('refusals', () => {
  test.each(['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY'])('OHTTP-R9: %s / is 405', async (method) => {
    const { relay, seen } = relayWith()
    const expected = refusal(405, 'Method Not Allowed', { allow: 'POST' })
    expect(await said(await relay.request('/', { method }))).toEqual(expected)
    expect(seen).toEqual([])
  })

  test.each(['/.well-known/asunder-bundle', '/.well-known/ohttp-gateway'])('POST %s is 405', async (path) => {
    const { relay, seen } = relayWith()
    const expected = refusal(405, 'Method Not Allowed', { allow: 'GET' })
    expect(await said(await relay.request(path, send()))).toEqual(expected)
    expect(seen).toEqual([])
  })

  test.each([
    ['/', 405, 'POST'],
    ['/.well-known/asunder-bundle', 405, 'GET'],
    ['/.well-known/ohttp-gateway', 405, 'GET'],
    ['/nowhere', 404, null],
  ])('HEAD %s is %i like any other method', async (path, status, allow) => {
    const { relay } = relayWith()
    const { status: given, headers } = await relay.request(path, { method: 'HEAD' })
    expect([given, headers.get('allow'), headers.get('etag')]).toEqual([status, allow, null])
  })

  test.each(['GET', 'HEAD', 'POST', 'PUT', 'OPTIONS'])(
    '%s to a foreign host is 421, whatever it asks for',
    async (method) => {
      const { relay } = relayWith({ hosts: ['relay.example'], cors: true })
      for (const path of ['/', '/.well-known/asunder-bundle', '/.well-known/ohttp-gateway', '/nowhere']) {
        expect((await relay.request(`http://evil.example${path}`, { method })).status).toBe(421)
      }
    },
  )

  test.each(['text/plain', 'message/ohttp-res', 'message/ohttp-req-x', 'xmessage/ohttp-req', 'message/bhttp', ''])(
    'OHTTP-R9: content-type %j is 415',
    async (type) => {
      const { relay, seen } = relayWith()
      expect(await said(await relay.request('/', send({ 'content-type': type })))).toEqual(wrongType)
      expect(seen).toEqual([])
    },
  )

  test('OHTTP-R9: no content-type is 415', async () => {
    const { relay } = relayWith()
    expect(await said(await relay.request('/', { method: 'POST', body: utf8('x') }))).toEqual(wrongType)
  })

  test('OHTTP-R10, OHTTP-R24: one byte too many is 413 and names the limit', async () => {
    const { relay, seen } = relayWith({ limits: { request: 5 } })
    const expected = refusal(413, 'Content Too Large', {}, { limit: 5 })
    expect(await said(await relay.request('/', send()))).toEqual(expected)
    expect(seen).toEqual([])
  })

  test('OHTTP-R10: so is one too many of an incremental upload', async () => {
    const { relay } = relayWith({ limits: { stream: 5 } })
    const response = await relay.request('/', send({ ...chunked, incremental: '?1' }))
    expect(await said(response)).toEqual(refusal(413, 'Content Too Large', {}, { limit: 5 }))
  })

  test.each([
    ['http://relay.example/', 200],
    ['http://RELAY.example:8443/', 200],
    ['http://evil.example/', 421],
    ['http://relay.example.evil.example/', 421],
    ['http://evil.example/?relay.example', 421],
  ])('%s is %i', async (url, status) => {
    const { relay, seen } = relayWith({ hosts: ['Relay.example'] })
    expect((await relay.request(url, send())).status).toBe(status)
    expect((await relay.request(`${new URL(url).origin}/.well-known/ohttp-gateway`)).status).toBe(status)
    expect(seen).toHaveLength(status === 200 ? 1 : 0)
  })

  test('a host with a port is that port alone', async () => {
    const { relay } = relayWith({ hosts: ['relay.example:8443'] })
    expect((await relay.request('http://relay.example:8443/', send())).status).toBe(200)
    expect((await relay.request('http://relay.example:9443/', send())).status).toBe(421)
    expect((await relay.request('http://relay.example/', send())).status).toBe(421)
  })

  test('OHTTP-R19: over the rate is 429, with the same wait for everybody', async () => {
    const { relay, seen } = relayWith({ rate: { perSecond: 1, burst: 2 } })
    expect((await relay.request('/', send())).status).toBe(200)
    expect((await relay.request('/', send())).status).toBe(200)
    const expected = refusal(429, 'Too Many Requests', { 'retry-after': '1' })
    for (let i = 0; i < 3; i++) expect(await said(await relay.request('/', send()))).toEqual(expected)
    expect(seen).toHaveLength(2)
  })

  test('INC-2: a relay without room for uploads refuses rather than buffers', async () => {
    const { relay, seen } = relayWith({ limits: { incremental: 0 } })
    const response = await relay.request('/', send({ ...chunked, incremental: '?1' }))
    const fields = { 'proxy-status': 'asunder; error=incremental_refused' }
    expect(await said(response)).toEqual(refusal(501, 'Not Implemented', fields))
    expect(seen).toEqual([])
  })

  test('INC-3: one upload more than there is room for is 429, and there is room again when one ends', async () => {
    const { relay } = relayWith({ limits: { incremental: 1 } })
    let close: () => void = () => undefined
    const slow = new ReadableStream({ start: (to) => void (close = () => to.close()) })
    const fields = { ...chunked, incremental: '?1' }
    const first = relay.request('/', { ...send(fields, slow), duplex: 'half' as const })
    const second = await relay.request('/', send(fields))
    expect(await said(second)).toEqual(
      refusal(429, 'Too Many Requests', {
        'retry-after': '1',
        'proxy-status': 'asunder; error=connection_limit_reached',
      }),
    )
    close()
    expect((await first).status).toBe(200)
    await (await first).text()
    expect((await relay.request('/', send(fields))).status).toBe(200)
  })

  test('a mistake of ours is a 500 that says nothing', async () => {
    let noticed = 0
    const forward: Forward = () => {
      throw new Error('secret')
    }
    const routes: RelayOptions['routes'] = [{ path: '/', forward, mirror }]
    const { relay } = relayWith({ routes, unexpected: () => (noticed += 1) })
    expect(await said(await relay.request('/', send()))).toEqual(refusal(500, 'Internal Server Error'))
    expect(noticed).toBe(1)
  })
})

describe('CORS', () => {
  const paths = ['/', '/.well-known/asunder-bundle', '/.well-known/ohttp-gateway']
  const every = { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'retry-after' }

  test.each(paths)('on: OPTIONS %s is one constant', async (path) => {
    const { relay } = relayWith({ cors: true })
    const headers = { origin: 'https://app.example', 'access-control-request-headers': 'x-anything' }
    const response = await relay.request(path, { method: 'OPTIONS', headers })
    expect(response.status).toBe(204)
    expect(Object.fromEntries(response.headers)).toEqual({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'content-type, incremental, authorization',
      'access-control-max-age': '86400',
    })
  })

  test('on: every answer carries the same two fields', async () => {
    const { relay } = relayWith({ cors: true })
    const answers = [
      await relay.request('/', send()),
      await relay.request('/', send(chunked)),
      await relay.request('/', send({})),
      await relay.request('/nowhere'),
      await relay.request('/.well-known/ohttp-gateway'),
      await relay.request('/.well-known/asunder-bundle'),
    ]
    for (const { headers } of answers) expect(Object.fromEntries(headers)).toMatchObject(every)
  })

  test('off: no answer carries any', async () => {
    const { relay } = relayWith()
    for (const path of [...paths, '/nowhere']) {
      const { headers } = await relay.request(path, { method: 'OPTIONS', headers: { origin: 'https://app.example' } })
      expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
    }
  })
})
