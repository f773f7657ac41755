/** Chunked exchanges, draft-ietf-ohai-chunked-ohttp-08: every byte of the published and foreign ones, fed in every manner. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { concat, fromHex, hex, utf8, type Bytes } from '../../../shared/bytes.ts'
import { nodeHpke } from '../../../shared/hpke/node.ts'
import { aeads, aes128Gcm, hkdfSha256 as kdf, kemOf, kems, suiteOf, x25519 } from '../../../shared/hpke/suites.ts'
import { webHpke } from '../../../shared/hpke/web.ts'
import {
  RequestChunkOpener,
  sealRequestChunks,
  type RequestChunkSealer,
  type ResponseChunkSealer,
} from '../../../shared/ohttp/chunked.ts'
import { createGatewayKey } from '../../../shared/ohttp/gateway-key.ts'
import { sharedVectors } from '../../vectors/shared.ts'
import { encapsulateWith } from '../hpke/encapsulation-seam.ts'
import {
  clientOf,
  clientWith,
  finder,
  gatewayKey,
  gatewayOf,
  joined,
  manners,
  openAll,
  type ClientContext,
  type Exchange,
  type KeyFields,
} from './actors.ts'

type Chunk = { final: boolean; plaintext: string }
type Whole = Exchange & { request_chunks: Chunk[]; response_chunks: Chunk[]; request: string; response: string }
type Bad = {
  id: string
  why: string
  reason: string
  direction: 'request' | 'response'
  hex: string
  client_context?: ClientContext
}

const published = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../vectors/chunked-draft08-appendix-a.json'), 'utf8'),
) as Whole
const good = (sharedVectors('chunked-exchange') as { cases: Whole[] } | undefined)?.cases ?? []
const invalid = sharedVectors('chunked-invalid') as { gateway_keys: KeyFields[]; cases: Bad[] } | undefined
const inTable = (c: Whole): boolean => !!kemOf(c.kem_id) && !!suiteOf({ kdfId: c.kdf_id, aeadId: c.aead_id })
const ours = good.filter(inTable)
// Lengths that no sender of ours would write that way; they are read, not written.
const canonical = ours.filter(({ id }) => id !== 'chunked-nonminimal-varint')
const inManners = <T>(cases: readonly T[]): [T, string, (bytes: Uint8Array) => Uint8Array[]][] =>
  cases.flatMap((c) => manners.map(([name, cut]): [T, string, typeof cut] => [c, name, cut]))

test.each(inManners([published]))('draft -08 Appendix A, opened %2$s', async (c, _, cut) => {
  await seals(c)
  await opensRequest(c, cut)
  await opensResponse(c, cut)
})

describe.skipIf(good.length === 0)('shared exchanges', () => {
  test.each(canonical)('CHK-4, CHK-5, CHK-6, CHK-7: $id is sealed byte for byte', seals)

  test.each(inManners(ours))('CHK-6, CHK-11, CHK-13: request $id opens, fed %2$s', (c, _, cut) => opensRequest(c, cut))

  test.each(inManners(ours))('CHK-7, CHK-11, CHK-13: response $id opens, fed %2$s', (c, _, cut) =>
    opensResponse(c, cut),
  )

  test.each(good.filter((c) => !inTable(c)))('$id is outside our table and refused by name', (c) => {
    expect(() => gatewayOf(c)).toThrow(expect.objectContaining({ code: 'unsupported-suite' }) as Error)
  })
})

describe.skipIf(!invalid)('messages that must fail', () => {
  const keys = invalid?.gateway_keys.map((fields) => gatewayKey(fields)) ?? []
  const cases = invalid?.cases ?? []
  const codes: Record<string, string[]> = {
    NO_FINAL_CHUNK: ['incomplete'],
    TRUNCATED: ['incomplete'],
    TRUNCATED_ENC: ['truncated'],
    TRUNCATED_NONCE: ['truncated'],
    TRUNCATED_CHUNK: ['chunk-too-large'],
    CHUNK_SHORTER_THAN_TAG: ['cannot-open'],
    EMPTY_NON_FINAL_CHUNK: ['chunk-empty'],
    // A moved boundary reads a ciphertext byte as a length: it fails as whatever that length makes of it.
    OPEN_FAILED: ['cannot-open', 'chunk-too-large', 'incomplete'],
  }

  test.each(inManners(cases))('CHK-8, CHK-14: $id is refused, fed %2$s', async (c, _, cut) => {
    const opener = c.direction === 'request' ? new RequestChunkOpener(finder(keys)) : await responseOpener(c)
    const failure: unknown = await openAll(opener, cut(fromHex(c.hex))).catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: 'Refusal' })
    expect(codes[c.reason]).toContain((failure as { code: string }).code)
  })
})

const backends = [
  ['node', nodeHpke],
  ['web', webHpke],
] as const
const combinations = backends.flatMap(([name, hpke]) =>
  kems.flatMap((kem) => aeads.map((aead) => [`${name}: ${kem.name} with ${aead.name}`, hpke, kem, aead] as const)),
)
const words = ['one', 'two', 'three'].map(utf8)

test.each(combinations)('%s: a conversation of chunks, each opened as it comes', async (_, hpke, kem, aead) => {
  const suite = { kdf, aead }
  const key = createGatewayKey({ keyId: 3, kem, suites: [suite] })
  const sealer = await sealRequestChunks(hpke, key.config, suite)
  const opener = new RequestChunkOpener(() => key)
  expect(opener.push(sealer.head)).toEqual([])
  for (const word of words) expect(opener.push(await sealer.seal(word))).toEqual([word])
  const answers = opener.response()
  const reader = sealer.response()
  expect(await reader.push(answers.head)).toEqual([])
  for (const word of words) expect(await reader.push(answers.seal(word))).toEqual([word])
  expect(opener.push(await sealer.final(utf8('last')))).toEqual([])
  expect(opener.end()).toEqual([utf8('last')])
  expect(await reader.push(answers.final())).toEqual([])
  expect(await reader.end()).toEqual([new Uint8Array()])
})

const suite = { kdf, aead: aes128Gcm }
const key = createGatewayKey({ keyId: 3, kem: x25519, suites: [suite] })

test('CHK-6, CHK-7: the words final and not final are bound in both directions', async () => {
  const sealer = await sealRequestChunks(nodeHpke, key.config, suite)
  const opener = new RequestChunkOpener(() => key)
  opener.push(concat(sealer.head, await sealer.seal(utf8('one'))))
  const answers = opener.response()
  // A whole non-final chunk with its length rewritten to zero.
  const promoted = concat(Uint8Array.of(0), (await sealer.seal(utf8('two'))).subarray(1))
  opener.push(promoted)
  expect(() => opener.end()).toThrow(expect.objectContaining({ code: 'cannot-open' }) as Error)
  const reader = sealer.response()
  await reader.push(concat(answers.head, Uint8Array.of(0), answers.seal(utf8('two')).subarray(1)))
  await expect(reader.end()).rejects.toMatchObject({ code: 'cannot-open' })
})

test('CHK-7: overlapping calls of the client keep their order', async () => {
  const sealer = await sealRequestChunks(webHpke, key.config, suite)
  const sealing = [sealer.seal(new Uint8Array(40_000).fill(1)), sealer.seal(utf8('b')), sealer.final(utf8('c'))]
  const parts = await Promise.all(sealing)
  const opener = new RequestChunkOpener(() => key)
  expect(joined(await openAll(opener, [sealer.head, ...parts]))).toBe('01'.repeat(40_000) + '6263')
  const answers = opener.response()
  const reader = sealer.response()
  const wire = [answers.head, ...words.map((word) => answers.seal(word)), answers.final()]
  const opening = [...wire.map((bytes) => reader.push(bytes)), reader.end()]
  expect((await Promise.all(opening)).flat().map(hex)).toEqual([...words.map(hex), ''])
})

async function seals(c: Whole): Promise<void> {
  const { hpke, config, suite } = clientOf(c)
  const sealer = await sealRequestChunks(hpke, config, suite)
  expect(hex(await wire(sealer, c.request_chunks))).toBe(c.encapsulated_request)
  const opener = new RequestChunkOpener(finder([gatewayOf(c)]))
  await openAll(opener, [fromHex(c.encapsulated_request)])
  expect(hex(await wire(opener.response(), c.response_chunks))).toBe(c.encapsulated_response)
}

async function wire(sealer: RequestChunkSealer | ResponseChunkSealer, chunks: readonly Chunk[]): Promise<Bytes> {
  const parts: Bytes[] = [sealer.head]
  for (const { final, plaintext } of chunks) {
    parts.push(await (final ? sealer.final(fromHex(plaintext)) : sealer.seal(fromHex(plaintext))))
  }
  return concat(...parts)
}

async function opensRequest(c: Whole, cut: (bytes: Uint8Array) => Uint8Array[]): Promise<void> {
  const opener = new RequestChunkOpener(finder([gatewayOf(c)]))
  const chunks = await openAll(opener, cut(fromHex(c.encapsulated_request)))
  expect(chunks).toEqual(c.request_chunks.map(({ plaintext }) => plaintext))
  expect(joined(chunks)).toBe(c.request)
  expect(opener.opened).toEqual({ keyId: c.key_id, enc: fromHex(c.enc) })
}

async function opensResponse(c: Whole, cut: (bytes: Uint8Array) => Uint8Array[]): Promise<void> {
  const { hpke, config, suite } = clientOf(c)
  const opener = (await sealRequestChunks(hpke, config, suite)).response()
  const chunks = await openAll(opener, cut(fromHex(c.encapsulated_response)))
  expect(chunks).toEqual(c.response_chunks.map(({ plaintext }) => plaintext))
  expect(joined(chunks)).toBe(c.response)
}

async function responseOpener({ client_context: context }: Bad): ReturnType<typeof opener> {
  if (!context) throw new TypeError('a response needs its client')
  return opener(context)
}

async function opener(context: ClientContext): Promise<ReturnType<RequestChunkSealer['response']>> {
  const { hpke, config, suite } = clientWith(context, encapsulateWith(fromHex(context.skE)))
  return (await sealRequestChunks(hpke, config, suite)).response()
}
