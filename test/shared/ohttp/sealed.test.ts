/** The inner layer of the sealed exchange: messages of another hand, and that no layer opens the other's. trust.md 5. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fromHex, hex, utf8 } from '../../../shared/bytes.ts'
import { nodeHpke } from '../../../shared/hpke/node.ts'
import { aes128Gcm, hkdfSha256 as kdf, requireKem, x25519 } from '../../../shared/hpke/suites.ts'
import { RequestChunkOpener, sealRequestChunks } from '../../../shared/ohttp/chunked.ts'
import { createGatewayKey } from '../../../shared/ohttp/gateway-key.ts'
import { chunked, sealed, sealedChunked, standard, type Labels } from '../../../shared/ohttp/labels.ts'
import { openRequest, sealRequest } from '../../../shared/ohttp/request.ts'
import { exportSecret } from '../../../shared/ohttp/response.ts'
import { finder, manners, openAll, suiteFrom, type Exchange } from './actors.ts'

type Whole = Exchange & { request: string; response: string }
type Pieces = Exchange & { request_chunks: string[]; response_chunks: string[] }
const vectors = JSON.parse(readFileSync(join(import.meta.dirname, '../../vectors/sealed-exchange.json'), 'utf8')) as {
  standard: Whole[]
  chunked: Pieces[]
}

/** A key that lives in a CVM: it opens inner messages, with the vector's nonce as its only die. */
function innerKey(c: Exchange) {
  const [kem, random] = [requireKem(c.kem_id), () => fromHex(c.response_nonce)]
  const key = { keyId: c.key_id, kem, privateKey: fromHex(c.skR), suites: [suiteFrom(c)] }
  return finder([createGatewayKey({ ...key, labels: [sealed, sealedChunked], random })])
}

describe('messages of another hand', () => {
  test.each(vectors.standard)('$id opens, and is answered with the same bytes', (c) => {
    const opened = openRequest(innerKey(c), fromHex(c.encapsulated_request), sealed)
    expect(hex(opened.content)).toBe(c.request)
    expect(hex(opened.enc)).toBe(c.enc)
    expect(hex(opened.sealResponse(fromHex(c.response)))).toBe(c.encapsulated_response)
  })

  test.each(vectors.chunked.flatMap((c) => manners.map(([how, cut]) => [c.id, how, c, cut] as const)))(
    '%s, fed %s, opens chunk by chunk, and is answered with the same bytes',
    async (_id, _how, c, cut) => {
      const opener = new RequestChunkOpener(innerKey(c), { labels: sealedChunked })
      expect(await openAll(opener, cut(fromHex(c.encapsulated_request)))).toEqual(c.request_chunks)
      const sealer = opener.response()
      const last = c.response_chunks.length - 1
      const parts = c.response_chunks.map((chunk, at) =>
        hex(at < last ? sealer.seal(fromHex(chunk)) : sealer.final(fromHex(chunk))),
      )
      expect(hex(sealer.head) + parts.join('')).toBe(c.encapsulated_response)
    },
  )
})

describe('no message of one layer opens in the other', () => {
  const kinds: [string, Labels][] = [
    ['outer', standard],
    ['outer chunked', chunked],
    ['inner', sealed],
    ['inner chunked', sealedChunked],
  ]
  // One key that offers every kind: only the labels are left to keep them apart.
  const suite = { kdf, aead: aes128Gcm }
  const key = createGatewayKey({ keyId: 1, kem: x25519, suites: [suite], labels: kinds.map(([, label]) => label) })
  const pairs = kinds.flatMap(([from, made]) => kinds.map(([to, read]) => [from, to, made, read] as const))

  test.each(pairs)('%s as %s, standard', async (from, to, made, read) => {
    const { message } = await sealRequest(nodeHpke, key.config, suite, utf8('hello'), made)
    const open = () => openRequest(finder([key]), message, read).content
    if (from === to) expect(open()).toEqual(utf8('hello'))
    else expect(open).toThrow(expect.objectContaining({ code: 'cannot-open' }) as Error)
  })

  test.each(pairs)('%s as %s, chunked', async (from, to, made, read) => {
    const sealer = await sealRequestChunks(nodeHpke, key.config, suite, made)
    const opener = new RequestChunkOpener(finder([key]), { labels: read })
    opener.push(sealer.head)
    const chunk = await sealer.seal(utf8('hello'))
    if (from === to) expect(opener.push(chunk)).toEqual([utf8('hello')])
    else expect(() => opener.push(chunk)).toThrow(expect.objectContaining({ code: 'cannot-open' }) as Error)
  })

  test('answers of four kinds within one HPKE context have four secrets', async () => {
    const context = await nodeHpke.setupSender(x25519, suite, key.publicKey, utf8('one context'))
    const secrets = await Promise.all(kinds.map(async ([, label]) => hex(await exportSecret(context, label, suite))))
    expect(new Set(secrets).size).toBe(kinds.length)
  })

  test('a key that was made for inner messages alone is asked for nothing else', () => {
    const inner = createGatewayKey({ keyId: 1, kem: x25519, suites: [suite], labels: [sealed, sealedChunked] })
    expect(() => inner.receiver(standard, { kdfId: 1, aeadId: 1 })).toThrow(TypeError)
  })
})
