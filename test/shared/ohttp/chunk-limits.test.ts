/** Where chunked messages stop: sizes, counts, ends, and what stays refused. draft -08 §3, §6, §7. */
import { beforeEach, expect, test } from 'vitest'
import { concat, fromHex, hex, utf8, type Bytes } from '../../../shared/bytes.ts'
import { nodeHpke } from '../../../shared/hpke/node.ts'
import { aes128Gcm, hkdfSha256 as kdf, x25519 } from '../../../shared/hpke/suites.ts'
import { Arrivals } from '../../../shared/ohttp/arrivals.ts'
import { FrameReader } from '../../../shared/ohttp/chunk-frames.ts'
import { messageLimits, sending } from '../../../shared/ohttp/chunk-rules.ts'
import {
  RequestChunkOpener,
  sealRequestChunks,
  type RequestChunkSealer,
  type ResponseChunkOpener,
} from '../../../shared/ohttp/chunked.ts'
import { createGatewayKey } from '../../../shared/ohttp/gateway-key.ts'

const suite = { kdf, aead: aes128Gcm }
const key = createGatewayKey({ keyId: 3, kem: x25519, suites: [suite] })
const refused = (code: string): Error => expect.objectContaining({ name: 'Refusal', code }) as Error
const some = utf8('some')

let sealer: RequestChunkSealer
let opener: RequestChunkOpener
beforeEach(async () => {
  sealer = await sealRequestChunks(nodeHpke, key.config, suite)
  opener = new RequestChunkOpener(() => key)
})

test('CHK-10: 16,384 octets of plaintext are one chunk, and are taken', async () => {
  const most = new Uint8Array(16_384).fill(7)
  const sealed = await sealer.seal(most)
  expect(sealed.length).toBe(4 + 16_384 + 16)
  expect(opener.push(concat(sealer.head, sealed))).toEqual([most])
})

test('CHK-10: longer plaintext is cut, in both directions, and in the final chunk too', async () => {
  const long = new Uint8Array(40_000).fill(7)
  const opened = opener.push(concat(sealer.head, await sealer.seal(long), await sealer.final(long)))
  const expected = [16_384, 16_384, 7232]
  expect([...opened, ...opener.end()].map(({ length }) => length)).toEqual([...expected, ...expected])
  const answers = opener.response()
  const reader = sealer.response()
  const answered = await reader.push(concat(answers.head, answers.seal(long), answers.final(long)))
  expect([...answered, ...(await reader.end())].map(({ length }) => length)).toEqual([...expected, ...expected])
})

test('CHK-10: a chunk one octet too large is refused by its length prefix, before any of it has come', () => {
  const prefix = (length: number): Bytes => concat(Uint8Array.of(0x80, 0), Uint8Array.of(length >> 8, length))
  const before = concat(sealer.head, prefix(16_384 + 16))
  expect(opener.push(before)).toEqual([])
  const other = new RequestChunkOpener(() => key)
  expect(() => other.push(concat(sealer.head, prefix(16_384 + 17)))).toThrow(refused('chunk-too-large'))
})

test('CHK-10: the final chunk is held to the same size, although it has no length', async () => {
  opener.push(concat(sealer.head, await sealer.seal(some), Uint8Array.of(0)))
  expect(opener.push(new Uint8Array(16_400))).toEqual([])
  expect(() => opener.push(new Uint8Array(1))).toThrow(refused('chunk-too-large'))
})

test('a receiver can be told to take larger chunks, fewer of them, and fewer bytes', async () => {
  const bytes = concat(sealer.head, await sealer.seal(some), await sealer.seal(some))
  const limited = (limits: object): Bytes[] => new RequestChunkOpener(() => key, limits).push(bytes)
  expect(limited({ maxChunk: 4, maxChunks: 2, maxBytes: bytes.length })).toEqual([some, some])
  expect(() => limited({ maxChunk: 3 })).toThrow(refused('chunk-too-large'))
  expect(() => limited({ maxChunks: 1 })).toThrow(refused('too-many'))
  expect(() => limited({ maxBytes: bytes.length - 1 })).toThrow(refused('body-too-large'))
})

test('the client is held to its limits too', async () => {
  opener.push(concat(sealer.head, await sealer.seal(some)))
  const answers = opener.response()
  const bytes = concat(answers.head, answers.seal(some), answers.seal(some))
  await expect(sealer.response({ maxChunk: 3 }).push(bytes)).rejects.toThrow(refused('chunk-too-large'))
  await expect(sealer.response({ maxChunks: 1 }).push(bytes)).rejects.toThrow(refused('too-many'))
  await expect(sealer.response({ maxBytes: 40 }).push(bytes)).rejects.toThrow(refused('body-too-large'))
  expect(await sealer.response({ maxChunk: 4, maxChunks: 2 }).push(bytes)).toEqual([some, some])
})

test('CHK-18: a sealer stops at 2^30 bytes and at 2^20 chunks', () => {
  expect(messageLimits).toEqual({ maxChunk: 16_384, maxChunks: 2 ** 20, maxBytes: 2 ** 30 })
  const bytes = sending()
  bytes.bytes(2 ** 30)
  expect(() => bytes.bytes(1)).toThrow(refused('exhausted'))
  const chunks = sending()
  for (let i = 0; i < 2 ** 20; i++) chunks.chunk()
  expect(() => chunks.chunk()).toThrow(refused('exhausted'))
})

test('CHK-18: both sealers count what they seal', async () => {
  opener.push(concat(sealer.head, await sealer.seal(some)))
  const answers = opener.response()
  const chunk = new Uint8Array(16_384)
  expect(() => {
    for (let i = 0; i <= 2 ** 16; i++) answers.seal(chunk)
  }).toThrow(refused('exhausted'))
  expect(() => answers.final()).toThrow(refused('exhausted'))
})

test('CHK-8: an empty chunk is never sealed, unless it is the final one', async () => {
  await expect(sealer.seal(new Uint8Array())).rejects.toThrow(TypeError)
  opener.push(concat(sealer.head, await sealer.seal(some)))
  expect(() => opener.response().seal(new Uint8Array())).toThrow(TypeError)
  opener.push(await sealer.final())
  expect(opener.end()).toEqual([new Uint8Array()])
})

test.each(['', '01', '01002000010001'])('CHK-14: a request that ends after "%s" is truncated', (bytes) => {
  const known = new RequestChunkOpener((id) => (id === 1 ? key : undefined))
  known.push(fromHex(bytes))
  expect(() => known.end()).toThrow(refused('truncated'))
})

test('CHK-14: without its final chunk a message never ends well, wherever it is cut', async () => {
  const first = await sealer.seal(some)
  const whole = concat(sealer.head, first, await sealer.final(some))
  for (let length = 0; length < whole.length; length++) {
    const cut = new RequestChunkOpener(() => key)
    expect(() => [cut.push(whole.subarray(0, length)), cut.end()]).toThrow(
      expect.objectContaining({ name: 'Refusal' }) as Error,
    )
  }
})

test('CHK-14: the same holds for the client', async () => {
  opener.push(concat(sealer.head, await sealer.seal(some)))
  const answers = opener.response()
  const whole = concat(answers.head, answers.seal(some), answers.final(some))
  for (let length = 0; length < whole.length; length++) {
    const cut = sealer.response()
    await cut.push(whole.subarray(0, length))
    await expect(cut.end()).rejects.toMatchObject({ name: 'Refusal' })
  }
})

test('CHK-14: after a broken chunk, good ones are refused as well', async () => {
  const [first, second, third] = [await sealer.seal(some), await sealer.seal(some), await sealer.final()]
  opener.push(concat(sealer.head, first))
  expect(() => opener.push(second.with(5, (second[5] ?? 0) ^ 1))).toThrow(refused('cannot-open'))
  expect(() => opener.push(second)).toThrow(refused('cannot-open'))
  expect(() => opener.push(third)).toThrow(refused('cannot-open'))
  expect(() => opener.end()).toThrow(refused('cannot-open'))
})

test('CHK-14: the client, too, stays with its first refusal', async () => {
  opener.push(concat(sealer.head, await sealer.seal(some)))
  const answers = opener.response()
  const reader = sealer.response()
  const [good, bad, end] = [answers.seal(some), answers.seal(some), answers.final()]
  expect(await reader.push(concat(answers.head, good))).toEqual([some])
  const flipped = bad.with(5, (bad[5] ?? 0) ^ 1)
  const late = [reader.push(flipped), reader.push(bad), reader.push(end), reader.end()]
  for (const each of await Promise.allSettled(late)) {
    expect(each).toMatchObject({ status: 'rejected', reason: refused('cannot-open') })
  }
})

test('a message ends once; what is done with it afterwards is our mistake', async () => {
  opener.push(concat(sealer.head, await sealer.seal(some), await sealer.final()))
  opener.end()
  expect(() => opener.push(some)).toThrow(TypeError)
  expect(() => opener.end()).toThrow(TypeError)
  await expect(sealer.seal(some)).rejects.toThrow(TypeError)
  await expect(sealer.final()).rejects.toThrow(TypeError)
  const answers = opener.response()
  const reader: ResponseChunkOpener = sealer.response()
  await reader.push(concat(answers.head, answers.final()))
  await reader.end()
  await expect(reader.push(some)).rejects.toThrow(TypeError)
  await expect(reader.end()).rejects.toThrow(TypeError)
  expect(() => answers.seal(some)).toThrow(TypeError)
})

test('CHK-20, CHK-22: the sender is known when the first chunk has opened, and not before', async () => {
  const first = await sealer.seal(some)
  opener.push(sealer.head)
  expect(opener.opened).toBeUndefined()
  expect(() => opener.response()).toThrow(TypeError)
  opener.push(first)
  expect(opener.opened).toEqual({ keyId: 3, enc: sealer.enc })
  expect(() => opener.push(Uint8Array.of(1, 0))).toThrow(refused('cannot-open'))
  expect(opener.opened).toBeDefined()
})

test('CHK-8, CHK-20: an empty first chunk proves nothing: it counts as one that did not open', async () => {
  const sender = await nodeHpke.setupSender(x25519, suite, key.publicKey, fromHex(infoOf(sealer)))
  const empty = await sender.seal(new Uint8Array(), new Uint8Array())
  const head = concat(sealer.head.subarray(0, 7), sender.enc)
  expect(() => opener.push(concat(head, Uint8Array.of(empty.length), empty))).toThrow(refused('chunk-empty'))
  expect(opener.opened).toBeUndefined()
})

test('E-5: two answers to one chunked request have different nonces', async () => {
  opener.push(concat(sealer.head, await sealer.seal(some)))
  expect(hex(opener.response().head)).not.toBe(hex(opener.response().head))
})

test.each([
  ['05', 5],
  ['4005', 5],
  ['80000005', 5],
  ['c000000000000005', 5],
])('CHK-11: a length may be written as %s', (prefix, length) => {
  const arrived = new Arrivals()
  const frames = new FrameReader(arrived, 100)
  arrived.push(concat(fromHex(prefix), new Uint8Array(length).fill(9), fromHex('4000'), fromHex('0707')))
  expect(frames.next()).toEqual(new Uint8Array(length).fill(9))
  expect(frames.next()).toBeUndefined()
  expect(frames.final()).toEqual(fromHex('0707'))
})

test('E-11: lengths beyond every limit are refused without any memory taken', () => {
  for (const prefix of ['ffffffffffffffff', 'c000000100000000', 'bfffffff', '4065']) {
    const arrived = new Arrivals()
    arrived.push(fromHex(prefix))
    expect(() => new FrameReader(arrived, 100).next()).toThrow(refused('chunk-too-large'))
  }
})

test('E-11: single bytes are joined, and what is pushed is copied once it is kept', () => {
  const arrived = new Arrivals()
  const lent = Uint8Array.of(0)
  for (let i = 0; i < 1000; i++) {
    lent[0] = i
    arrived.push(lent)
    arrived.settle()
  }
  expect(arrived.length).toBe(1000)
  expect(arrived.take(1001)).toBeUndefined()
  const taken = concat(...[300, 1, 699].map((length) => arrived.take(length) ?? lent))
  expect(taken).toEqual(new Uint8Array(1000).map((_, i) => i))
  expect([arrived.length, arrived.peek(), arrived.take(0)]).toEqual([0, undefined, new Uint8Array()])
})

function infoOf({ head }: RequestChunkSealer): string {
  return hex(concat(utf8('message/bhttp chunked request'), Uint8Array.of(0), head.subarray(0, 7)))
}
