/** Inner messages on an attested link: opened once, answered sealed; and one constant for whatever does not open. trust.md 5. */
import { describe, expect, test } from 'vitest'
import { innerBucket } from '../../../shared/bhttp/sealed-padding.ts'
import { decodeResponse } from '../../../shared/bhttp/decode.ts'
import { encodeContent, encodeEnd } from '../../../shared/bhttp/encode.ts'
import { concat, fromUtf8, utf8, type Bytes } from '../../../shared/bytes.ts'
import { keyResources } from '../../../shared/attestation/key-evidence.ts'
import { mediaTypes } from '../../../shared/http/media-types.ts'
import { cannotOpen } from '../../../shared/http/problem.ts'
import { nodeHpke } from '../../../shared/hpke/node.ts'
import { aes128Gcm, hkdfSha256 as kdf } from '../../../shared/hpke/suites.ts'
import { sealRequestChunks } from '../../../shared/ohttp/chunked.ts'
import type { KeyConfig } from '../../../shared/ohttp/key-config.ts'
import { chunked, sealed, sealedChunked, standard } from '../../../shared/ohttp/labels.ts'
import { sealRequest } from '../../../shared/ohttp/request.ts'
import { binaryRequest, chunkedHead, type Inside } from '../town.ts'
import { until } from './machine.ts'
import { minute, openedKeys, said, sealedMachine, type Sealed } from './own-machine.ts'
import { leased } from './pools.ts'

const suite = { kdf, aead: aes128Gcm }
const today = (): Inside => ({ date: Date.now() })

async function firstKey(place: Pick<Sealed, 'pool'>): Promise<KeyConfig> {
  const [config] = await openedKeys(place)
  if (config === undefined) throw new Error('a key')
  return config
}

async function message(config: KeyConfig, inside: Inside | Bytes = today(), labels = sealed) {
  const content = inside instanceof Uint8Array ? inside : binaryRequest(inside)
  return sealRequest(nodeHpke, config, suite, content, labels)
}

const send = ({ pool }: Pick<Sealed, 'pool'>, body: Uint8Array, type: string = mediaTypes.sealedRequest) =>
  said(pool, 'POST', keyResources.sealed, body, type)

async function ask(place: Sealed, config: KeyConfig, inside?: Inside | Bytes) {
  const there = await message(config, inside)
  const answer = await send(place, there.message)
  const inner = decodeResponse(await there.openResponse(answer.bytes))
  return { answer, inner, text: fromUtf8(inner.content), there }
}

describe('standard', () => {
  test('an inner message reaches the app as one request, and its answer comes back sealed, an inner bucket long', async () => {
    const place = await sealedMachine({
      handler: (request, response) => {
        expect(request.headers).not.toHaveProperty('via')
        response.writeHead(200, { 'content-length': 5, 'x-model': 'llama' }).end('hello')
      },
    })
    const { answer, inner, text } = await ask(place, await firstKey(place), { ...today(), path: '/v1/models?x=1' })
    expect(place.machine.reached).toEqual(['GET /v1/models?x=1'])
    expect([inner.status, text]).toEqual([200, 'hello'])
    expect(inner.headers).toContainEqual(['x-model', 'llama'])
    expect(Object.fromEntries(answer.headers)).toMatchObject({ 'content-type': mediaTypes.sealedResponse })
    expect(answer.bytes).toHaveLength(innerBucket(answer.bytes.length))
    expect(answer.bytes).toHaveLength(512)
    expect(place.outcomes).toEqual(['served'])
  })

  test.each<[string, (place: Sealed) => void]>([
    ['at the same key', () => undefined],
    ['with the clock set back a year', (place: Sealed) => void (place.clocks.day -= 365 * 24 * 60 * minute)],
    ['with the clock set ahead', (place: Sealed) => void (place.clocks.day += 240_000)],
  ])('a message is served once: again %s', async (_how, meanwhile) => {
    const place = await sealedMachine({ requests: { dateWindow: 400 * 24 * 60 * minute } })
    const there = await message(await firstKey(place))
    const first = await send(place, there.message)
    expect(decodeResponse(await there.openResponse(first.bytes)).status).toBe(200)
    meanwhile(place)
    const second = await send(place, there.message)
    expect(decodeResponse(await there.openResponse(second.bytes)).status).toBe(400)
    expect(place.outcomes).toEqual(['served', 'replayed'])
    expect(place.machine.reached).toHaveLength(1)
  })

  test.each([
    ['another target', { authority: 'other.example' }, 403],
    ['another method', { method: 'DELETE' }, 400],
    ['an old Date', { date: 0 }, 400],
    ['no Binary HTTP', utf8('hello'), 400],
  ])('%s is refused inside, padded like an answer', async (_what, inside, status) => {
    const place = await sealedMachine()
    const given = inside instanceof Uint8Array ? inside : { ...today(), ...inside }
    const { answer, inner } = await ask(place, await firstKey(place), given)
    expect(inner.status).toBe(status)
    expect(answer.bytes).toHaveLength(512)
    expect(place.machine.reached).toEqual([])
  })

  test('more at a time than the app is given are not opened', async () => {
    let begun = 0
    const place = await sealedMachine({ requests: { atOnce: 1 }, handler: () => void (begun += 1) })
    const config = await firstKey(place)
    const hanging = send(place, (await message(config)).message)
    await until(() => begun === 1, 'the app has one')
    expect((await send(place, (await message(config)).message)).text).toBe(cannotOpen.body)
    expect([begun, place.outcomes]).toEqual([1, ['no-cvm']])
    await hanging
    expect(place.outcomes).toEqual(['no-cvm', 'cvm-slow'])
  })

  test('an app that is gone is a sealed 502', async () => {
    const place = await sealedMachine()
    const config = await firstKey(place)
    await place.machine.stopApp()
    expect((await ask(place, config)).inner.status).toBe(502)
  })

  test('at its cap the key goes: the message is refused, and what is left of it is a constant', async () => {
    const place = await sealedMachine({ keys: { claims: 2 } })
    const config = await firstKey(place)
    const statuses: number[] = []
    for (let n = 0; n < 3; n++) statuses.push((await ask(place, config)).inner.status)
    expect(statuses).toEqual([200, 200, 503])
    const after = await send(place, (await message(config)).message)
    expect([after.status, after.text]).toEqual([400, cannotOpen.body])
    expect(place.machine.reached).toHaveLength(2)
    const next = await firstKey(place)
    expect((await ask(place, next)).inner.status).toBe(200)
  })
})

describe('before it opens', () => {
  const junk: [string, (config: KeyConfig) => Promise<Bytes> | Bytes, string?][] = [
    ['nothing', () => new Uint8Array()],
    ['a short message', () => utf8('short')],
    ['a key that is not ours', async (c) => (await message({ ...c, keyId: c.keyId ^ 0x40 })).message],
    ['a flipped bit', async (c) => flipped((await message(c)).message)],
    ['the outer label', async (c) => (await message(c, today(), standard)).message],
    ['the chunked label', async (c) => (await message(c, today(), sealedChunked)).message],
    ['the outer chunked label', async (c) => (await message(c, today(), chunked)).message],
    ['a media type of the outer layer', async (c) => (await message(c)).message, mediaTypes.request],
    ['a chunked media type', async (c) => (await message(c)).message, mediaTypes.sealedChunkedRequest],
    ['more than we store', () => new Uint8Array(4000)],
  ]

  test.each(junk)('%s is answered with one constant', async (_what, make, type = mediaTypes.sealedRequest) => {
    const place = await sealedMachine({ requests: { request: 3000 } })
    const answer = await send(place, await make(await firstKey(place)), type)
    expect([answer.status, answer.text]).toEqual([400, cannotOpen.body])
    expect(place.machine.reached).toEqual([])
  })

  test('so is a message for a key for which no evidence was given', async () => {
    const place = await sealedMachine()
    const [unattested] = place.keys.current()
    if (unattested === undefined) throw new Error('a key')
    const answer = await send(place, (await message(unattested.config)).message)
    expect([answer.status, answer.text]).toEqual([400, cannotOpen.body])
  })

  test('so is one for a key that ended by monotonic time, whatever the day', async () => {
    const place = await sealedMachine()
    const config = await firstKey(place)
    place.clocks.mono += 55 * minute
    expect((await send(place, (await message(config)).message)).text).toBe(cannotOpen.body)
  })

  test('so is one for a sibling or for the same machine after a restart', async () => {
    const [one, other] = [await sealedMachine(), await sealedMachine()]
    const [mine, theirs] = [await firstKey(one), await firstKey(other)]
    expect(mine.keyId).toBe(theirs.keyId)
    const there = await message(mine)
    expect((await send(other, there.message)).text).toBe(cannotOpen.body)
    expect(other.machine.reached).toEqual([])
    expect((await send(one, there.message)).status).toBe(200)
  })
})

describe('chunked', () => {
  test('opens as it comes, and every event of the app is a chunk of at most 15,872 octets', async () => {
    const place = await sealedMachine({
      handler: (request, response) => {
        request.resume().on('end', () => {
          response.writeHead(200, { 'content-type': 'text/event-stream' })
          response.write('data: one\n\n')
          setTimeout(() => response.end(Buffer.alloc(40_000, 'x')), 20)
        })
      },
    })
    const config = await firstKey(place)
    const sealer = await sealRequestChunks(nodeHpke, config, suite, sealedChunked)
    const opener = sealer.response({ maxChunk: 15_872 })
    async function* body() {
      yield sealer.head
      yield await sealer.seal(chunkedHead({ ...today(), method: 'POST' }))
      yield await sealer.seal(encodeContent(utf8('hello')))
      yield await sealer.final(encodeEnd())
    }
    const lease = leased(place.pool)
    const headers = [
      ['host', 'x'],
      ['content-type', mediaTypes.sealedChunkedRequest],
    ] as const
    const answer = await lease.send({ method: 'POST', path: keyResources.sealed, headers, body: body() })
    const chunks: Bytes[] = []
    for await (const piece of answer.body) chunks.push(...(await opener.push(piece)))
    chunks.push(...(await opener.end()))
    lease.release()
    const inner = decodeResponse(concat(...chunks))
    expect(fromUtf8(inner.content)).toBe(`data: one\n\n${'x'.repeat(40_000)}`)
    expect(Math.max(...chunks.map(({ length }) => length))).toBe(15_872)
    expect(Object.fromEntries(answer.headers)).toMatchObject({ 'content-type': mediaTypes.sealedChunkedResponse })
  })

  test('a key that ends between the opening and the sending sends nothing', async () => {
    const place = await sealedMachine()
    const sealer = await sealRequestChunks(nodeHpke, await firstKey(place), suite, sealedChunked)
    const opener = sealer.response()
    const head = chunkedHead({ ...today(), method: 'POST' })
    async function* body() {
      yield concat(sealer.head, await sealer.seal(head.subarray(0, 3)))
      // The first chunk has opened as soon as its key was looked up.
      await until(() => place.found.length > 0, 'it is open')
      place.clocks.mono += 55 * minute
      yield await sealer.seal(head.subarray(3))
      yield await sealer.final(encodeEnd())
    }
    const answer = await said(place.pool, 'POST', keyResources.sealed, body(), mediaTypes.sealedChunkedRequest)
    const inner = decodeResponse(concat(...(await opener.push(answer.bytes)), ...(await opener.end())))
    expect(inner.status).toBe(503)
    // Its claims are gone with it, so nobody could say that this one is new.
    expect(place.outcomes).toEqual(['store-unavailable'])
    expect(place.machine.reached).toEqual([])
  })

  test('a chunk of more than 15,872 octets is refused', async () => {
    const place = await sealedMachine()
    const sealer = await sealRequestChunks(nodeHpke, await firstKey(place), suite, sealedChunked)
    const big = await sealer.seal(new Uint8Array(15_873))
    const answer = await send(place, concat(sealer.head, big), mediaTypes.sealedChunkedRequest)
    expect([answer.status, answer.text]).toEqual([400, cannotOpen.body])
  })
})

function flipped(bytes: Bytes): Bytes {
  const copy = bytes.slice()
  const last = copy.length - 1
  copy[last] = (copy[last] ?? 0) ^ 1
  return copy
}
