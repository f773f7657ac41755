/** Before opening: one plain answer for every cause, and no private-key operation without a lease. */
import { describe, expect, test, vi } from 'vitest'
import { Readable } from 'node:stream'
import { asTheyCome } from '../../gateway/chunked-reply.ts'
import { chunked as chunkedRoom } from '../../gateway/chunked.ts'
import { Parts } from '../../gateway/chunked-request.ts'
import { outer } from '../../gateway/layer.ts'
import { defaultGatewayLimits, demandAttested } from '../../gateway/opened.ts'
import { standard as standardRoom } from '../../gateway/standard.ts'
import { fromHex } from '../../shared/bytes.ts'
import { kemOf, suiteOf } from '../../shared/hpke/suites.ts'
import { nodeHpke } from '../../shared/hpke/node.ts'
import { createGatewayKey, type GatewayKey } from '../../shared/ohttp/gateway-key.ts'
import { sealRequest } from '../../shared/ohttp/request.ts'
import { sharedVectors } from '../vectors/shared.ts'
import { askChunked, ask, binaryRequest, ChunkedClient, chunkedHead, newKey, post, suite, town } from './town.ts'

type Vectors = {
  gateway_keys: { key_id: number; kem_id: number; skR: string; suites: { kdf_id: number; aead_id: number }[] }[]
  cases: {
    id: string
    direction: string
    media_type: string
    hex: string
    expect: string | { layer: string; inner_status: number | string }
    reason: string
  }[]
}

const uniform =
  '{"type":"https://iana.org/assignments/http-problem-types#ohttp-key","title":"Bad Request","status":400}'
const uniformFields = [
  ['cache-control', 'no-store'],
  ['content-length', String(uniform.length)],
  ['content-type', 'application/problem+json'],
]

function keysOf({ gateway_keys }: Vectors): GatewayKey[] {
  return gateway_keys.map(({ key_id, kem_id, skR, suites }) => {
    const kem = kemOf(kem_id)
    const offered = suites.flatMap(({ kdf_id, aead_id }) => suiteOf({ kdfId: kdf_id, aeadId: aead_id }) ?? [])
    if (kem === undefined) throw new TypeError('a KEM outside the table')
    return createGatewayKey({ keyId: key_id, kem, privateKey: fromHex(skR), suites: offered })
  })
}

const standard = sharedVectors('ohttp-invalid') as Vectors | undefined
const chunked = sharedVectors('chunked-invalid') as Vectors | undefined
const requests = (vectors: Vectors | undefined) =>
  vectors?.cases.filter(({ direction }) => direction === 'request') ?? []
const layerOf = ({ expect }: Vectors['cases'][number]) => (typeof expect === 'string' ? expect : expect.layer)

describe.skipIf(!standard)('ohttp-invalid.json', () => {
  const outside = requests(standard).filter((one) => layerOf(one) === 'outside')

  test.each(outside)('OHTTP-G12, OHTTP-G13, E-12: $id ($reason) gives the uniform answer', async (one) => {
    const place = await town({ keys: keysOf(standard as Vectors) })
    const response = await post(place.app, one.media_type, fromHex(one.hex))
    expect([response.status, await response.text()]).toEqual([400, uniform])
    expect([...response.headers]).toEqual(uniformFields)
    expect([place.seen, place.pool.released]).toEqual([[], 1])
  })

  // The keys are published with the file, so the answer can be sealed for us, too; its content we cannot read here.
  test.each(requests(standard).filter((one) => layerOf(one).startsWith('inside')))(
    'OHTTP-G20: $id ($reason) is answered inside',
    async (one) => {
      const place = await town({ keys: keysOf(standard as Vectors), targets: ['https://e.com'] })
      const send = () => post(place.app, one.media_type, fromHex(one.hex))
      const response = await send()
      if (one.id === 'oi-replay') await send()
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'message/ohttp-res'])
      expect((await response.arrayBuffer()).byteLength).toBe(1024)
      expect(place.outcomes.at(-1)).toBe(outcomeOf[one.id])
      expect(place.pool.sent).toBe(one.id === 'oi-replay' ? 1 : 0)
    },
  )

  const outcomeOf: Record<string, string> = {
    'oi-in-response': 'malformed',
    'oi-in-trunc': 'malformed',
    'oi-in-expect': 'expectation',
    'oi-in-connect': 'not-allowed',
    'oi-in-not-allowed': 'not-allowed',
    'oi-in-metadata': 'not-allowed',
    'oi-in-http-scheme': 'not-allowed',
    'oi-in-host-mismatch': 'malformed',
    'oi-in-cl-mismatch': 'malformed',
    'oi-in-date-old': 'wrong-date',
    'oi-in-date-bad': 'wrong-date',
    'oi-in-date-twice': 'wrong-date',
    'oi-replay': 'replayed',
  }
})

describe.skipIf(!chunked)('chunked-invalid.json', () => {
  test.each(requests(chunked))(
    'CHK-4, CHK-8, CHK-14, CHK-20: $id ($reason) is never complete for the CVM',
    async (one) => {
      const place = await town({
        keys: keysOf(chunked as Vectors),
        targets: ['https://www.example.com', 'https://e.com'],
      })
      const response = await post(place.app, one.media_type, fromHex(one.hex))
      const body = await response.arrayBuffer()
      await vi.waitFor(() => expect(place.outcomes).toHaveLength(1))
      if (response.status === 400) expect(Buffer.from(body).toString()).toBe(uniform)
      else
        expect([response.status, response.headers.get('content-type'), body.byteLength]).toEqual([
          200,
          'message/ohttp-chunked-res',
          1024,
        ])
      expect(place.outcomes).not.toEqual(['served'])
      expect(place.seen.filter(({ complete }) => complete)).toEqual([])
    },
  )
})

test('OHTTP-G12: both families give the same bytes, however much of the message came', async () => {
  const place = await town()
  const { message } = await sealRequest(nodeHpke, place.key.config, suite, binaryRequest({}))
  for (const type of ['message/ohttp-req', 'message/ohttp-chunked-req']) {
    for (const length of [0, 1, 6, 7, 8, 38, 39, 40, message.length - 1]) {
      const response = await post(place.app, type, message.slice(0, length))
      expect([response.status, await response.text(), [...response.headers]]).toEqual([400, uniform, uniformFields])
    }
  }
  expect(new Set(place.outcomes)).toEqual(new Set(['unopened']))
})

describe('no lease, no opening', () => {
  test.each(['standard', 'chunked'])(
    '%s: without an attested CVM the answer is a plain 503, and no key is even looked up',
    async (family) => {
      const key = newKey()
      const find = vi.fn(() => key)
      const place = await town({ keys: [key], find })
      place.pool.free = 0
      const response = await send(family, place)
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
      expect(await response.json()).toEqual({ type: 'about:blank', title: 'Service Unavailable', status: 503 })
      expect(find).not.toHaveBeenCalled()
      expect(place.outcomes).toEqual(['no-cvm'])
    },
  )

  test.each(['standard', 'chunked'])('%s: a lease whose verdict is over opens nothing', async (family) => {
    const key = newKey()
    const find = vi.fn(() => key)
    const place = await town({ keys: [key], find })
    place.pool.alive = false
    expect((await send(family, place)).status).toBe(503)
    expect(find).not.toHaveBeenCalled()
    expect([place.pool.leases, place.pool.released]).toEqual([1, 1])
  })

  test('a verdict that ends while a request arrives opens nothing any more', async () => {
    const key = newKey()
    const find = vi.fn(() => key)
    const place = await town({ keys: [key], find })
    const client = await ChunkedClient.to(key)
    const answer = client.send(place.app)
    await new Promise((resolve) => setTimeout(resolve, 10))
    place.pool.alive = false
    await client.chunk(chunkedHead({}))
    client.stop()
    expect(find).not.toHaveBeenCalled()
    expect((await answer).status).toBe(503)
    expect(place.pool.released).toBe(1)
  })

  test('the gate itself: only a living lease passes', () => {
    expect(() => demandAttested(undefined)).toThrow(expect.objectContaining({ code: 'no-attested-cvm' }))
    expect(() => demandAttested({ alive: false } as never)).toThrow(
      expect.objectContaining({ code: 'no-attested-cvm' }),
    )
    expect(() => demandAttested({ alive: true } as never)).not.toThrow()
  })

  test('each family asks for itself, at the very opening', async () => {
    const find = vi.fn(() => undefined)
    const context = { env: undefined, req: { raw: new Request('http://gateway.example/') } }
    const opening = { find, layer: outer, limits: defaultGatewayLimits, context, stream: asTheyCome }
    const dead = { alive: false } as never
    const content = new Uint8Array(99)
    const parts = new Parts(Readable.from([content]).iterator() as unknown as ConstructorParameters<typeof Parts>[0], 9)
    const discard = () => Promise.resolve(true)
    await expect(standardRoom.open(dead, { content, discard }, opening)).rejects.toMatchObject({
      code: 'no-attested-cvm',
    })
    await expect(chunkedRoom.open(dead, { content: parts, discard }, opening)).rejects.toMatchObject({
      code: 'no-attested-cvm',
    })
    expect(find).not.toHaveBeenCalled()
  })

  test('it recovers by itself, and every lease comes back', async () => {
    const place = await town()
    place.pool.free = 0
    expect((await send('standard', place)).status).toBe(503)
    place.pool.free = 1
    expect((await ask(place)).text).toBe('hello')
    expect((await askChunked(place)).text).toBe('hello')
    await vi.waitFor(() => expect(place.pool.free).toBe(1))
  })
})

async function send(family: string, place: Awaited<ReturnType<typeof town>>): Promise<Response> {
  if (family === 'chunked') {
    const client = await ChunkedClient.to(place.key)
    await client.whole({})
    return client.send(place.app)
  }
  const { message } = await sealRequest(nodeHpke, place.key.config, suite, binaryRequest({}))
  return post(place.app, 'message/ohttp-req', message)
}
