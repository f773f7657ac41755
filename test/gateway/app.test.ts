import { describe, expect, test } from 'vitest'
import { nodeHpke } from '../../shared/hpke/node.ts'
import { parseKeyConfigs } from '../../shared/ohttp/key-config.ts'
import { sealRequest } from '../../shared/ohttp/request.ts'
import { binaryRequest, post, start, suite, town, type Town } from './town.ts'

const keysPath = '/.well-known/ohttp-gateway'
const bundlePath = '/.well-known/asunder-bundle'

async function request(place: Town, method: string, path: string, headers: Record<string, string> = {}) {
  const response = await place.app.request(path, { method, headers })
  return { status: response.status, headers: response.headers, body: await response.text() }
}

describe('resources', () => {
  test('DISC-1, DISC-3: the well-known resource takes requests and gives the key list', async () => {
    const place = await town()
    const response = await place.app.request(keysPath)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/ohttp-keys'])
    const [config] = parseKeyConfigs(new Uint8Array(await response.arrayBuffer()))
    expect(config).toMatchObject({ keyId: 1, publicKey: place.key.publicKey })
  })

  test.each([keysPath, bundlePath])('CONS-1: %s is the same for everybody, whoever asks and how', async (path) => {
    const place = await town()
    const plain = await request(place, 'GET', path)
    const odd = await request(place, 'GET', path, {
      'if-none-match': '*',
      accept: 'text/html',
      'accept-language': 'nb',
      cookie: 'a=1',
    })
    expect(odd).toMatchObject({ status: 200, body: plain.body })
    expect([...odd.headers]).toEqual([...plain.headers])
    expect(plain.headers.get('etag')).toMatch(/^"[0-9a-f]{64}"$/)
    expect([...plain.headers.keys()]).toEqual(['age', 'cache-control', 'content-length', 'content-type', 'etag'])
  })

  test.each([
    [0, 600],
    [1, 599],
    [599, 1],
    [600, 600],
    [3_500, 100],
    [3_601, 0],
  ])('DISC-8: after %i s a copy may be used for %i s', async (seconds, left) => {
    const place = await town()
    place.clock = start + seconds * 1000
    const { headers } = await request(place, 'GET', bundlePath)
    expect([headers.get('age'), headers.get('cache-control')]).toEqual(['0', `public, max-age=${String(left)}`])
  })

  test('without keys or bundle the answer is 503', async () => {
    const place = await town({ bundle: () => undefined })
    expect(await request(place, 'GET', bundlePath)).toMatchObject({ status: 503 })
  })

  test.each(['/', keysPath])('POST %s opens a request', async (path) => {
    const place = await town()
    const { message } = await sealRequest(nodeHpke, place.key.config, suite, binaryRequest({}))
    expect((await post(place.app, 'message/ohttp-req', message, path)).status).toBe(200)
  })
})

test.each(['/', keysPath])(
  'a relay cannot mark a request by a query: POST %s?client is 404, unopened',
  async (path) => {
    const place = await town()
    const { message } = await sealRequest(nodeHpke, place.key.config, suite, binaryRequest({}))
    expect((await post(place.app, 'message/ohttp-req', message, `${path}?client=7`)).status).toBe(404)
    expect([place.pool.leases, place.seen]).toEqual([0, []])
  },
)

test.each([keysPath, bundlePath])('nor the keys by one: GET %s?client is 404', async (path) => {
  expect(await request(await town(), 'GET', `${path}?client=7`)).toMatchObject({ status: 404 })
})

describe('plain answers are constants', () => {
  test.each([
    ['PUT', keysPath, 'GET, POST'],
    ['DELETE', keysPath, 'GET, POST'],
    ['GET', '/', 'POST'],
    ['PATCH', '/', 'POST'],
    ['POST', bundlePath, 'GET'],
    ['OPTIONS', bundlePath, 'GET'],
    ['HEAD', bundlePath, 'GET'],
    ['HEAD', keysPath, 'GET, POST'],
    ['HEAD', '/', 'POST'],
  ])('OHTTP-G14: %s %s is 405 with allow: %s', async (method, path, allow) => {
    const { status, headers } = await request(await town(), method, path)
    expect([status, headers.get('allow'), headers.get('content-type')]).toEqual([
      405,
      allow,
      'application/problem+json',
    ])
  })

  test.each(['/x', '/.well-known', '/.well-known/ohttp-gateway/x', '/healthz', '/readyz', '/metrics', '/?x'])(
    'anything else, as %s, is 404 or what it is without its query',
    async (path) => {
      const { status } = await request(await town(), 'GET', path)
      expect(status).toBe(path === '/?x' ? 405 : 404)
    },
  )

  test.each(['text/plain', 'message/ohttp-res', 'message/bhttp', 'message/ohttp-request', ''])(
    'OHTTP-G14: content-type %j is 415 with accept',
    async (type) => {
      const place = await town()
      const response = await post(place.app, type, new Uint8Array(3))
      expect(response.status).toBe(415)
      expect(response.headers.get('accept')).toBe('message/ohttp-req, message/ohttp-chunked-req')
      expect(place.pool.leases).toBe(0)
    },
  )

  test('media types compare case-insensitively and without their parameters', async () => {
    const place = await town()
    const { message } = await sealRequest(nodeHpke, place.key.config, suite, binaryRequest({}))
    const response = await post(place.app, 'Message/OHTTP-Req; client=7', message)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'message/ohttp-res'])
  })

  test.each([
    ['gateway.example', 404],
    ['GATEWAY.example:8443', 404],
    ['exact.example:1', 404],
    ['exact.example:2', 421],
    ['evil.example', 421],
    ['gateway.example.evil.example', 421],
  ])('a foreign Host is 421: %s gives %i', async (host, status) => {
    const place = await town({ hosts: ['Gateway.example', 'exact.example:1'] })
    expect((await request(place, 'GET', '/x', { host })).status).toBe(status)
    if (status === 421) {
      for (const [method, path] of [
        ['POST', '/'],
        ['GET', keysPath],
        ['GET', bundlePath],
        ['PUT', '/'],
        ['HEAD', bundlePath],
      ] as const) {
        expect((await request(place, method, path, { host })).status).toBe(421)
      }
    }
  })

  test('E-11: one octet over the limit is 413 and names the limit; the limit itself is not', async () => {
    const place = await town({ limits: { request: 200 } })
    const over = await post(place.app, 'message/ohttp-req', new Uint8Array(201))
    expect(over.status).toBe(413)
    expect(await over.json()).toMatchObject({ status: 413, limit: 200 })
    expect((await post(place.app, 'message/ohttp-req', new Uint8Array(200))).status).toBe(400)
    expect(place.outcomes).toEqual(['unreadable', 'unopened'])
  })

  test('a content that does not come is 408', async () => {
    const place = await town({ limits: { stall: 30 } })
    for (const type of ['message/ohttp-req', 'message/ohttp-chunked-req']) {
      expect((await post(place.app, type, new ReadableStream())).status).toBe(408)
    }
    expect(place.pool.leases).toBe(0)
  })
})
