/** Whole exchanges, RFC 9458 §4: every byte of a published or foreign exchange, and every way in which one must fail. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { concat, fromHex, hex, utf8 } from '../../../shared/bytes.ts'
import { nodeHpke } from '../../../shared/hpke/node.ts'
import {
  aeads,
  aes128Gcm,
  aes256Gcm,
  chaCha20Poly1305,
  hkdfSha256 as kdf,
  kemOf,
  kems,
  suiteOf,
  x25519,
  xWing,
} from '../../../shared/hpke/suites.ts'
import { webHpke } from '../../../shared/hpke/web.ts'
import { createGatewayKey } from '../../../shared/ohttp/gateway-key.ts'
import { chunked, labels, standard } from '../../../shared/ohttp/labels.ts'
import { openRequest, requestOverhead, sealRequest } from '../../../shared/ohttp/request.ts'
import { responseOverhead } from '../../../shared/ohttp/response.ts'
import { sharedVectors } from '../../vectors/shared.ts'
import { encapsulateWith } from '../hpke/encapsulation-seam.ts'
import {
  clientOf,
  clientWith,
  finder,
  gatewayKey,
  gatewayOf,
  type ClientContext,
  type Exchange,
  type KeyFields,
} from './actors.ts'

type Whole = Exchange & { request: string; response: string }
type Bad = {
  id: string
  why: string
  direction: 'request' | 'response'
  hex: string
  expect: { layer?: string }
  reason: string
  client_context?: ClientContext
}

const published = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../vectors/rfc9458-appendix-a.json'), 'utf8'),
) as Whole
const good = (sharedVectors('ohttp-exchange') as { cases: Whole[] } | undefined)?.cases ?? []
const invalid = sharedVectors('ohttp-invalid') as { gateway_keys: KeyFields[]; cases: Bad[] } | undefined
const inTable = (c: Whole): boolean => !!kemOf(c.kem_id) && !!suiteOf({ kdfId: c.kdf_id, aeadId: c.aead_id })

test('RFC 9458 Appendix A, every byte of it', async () => {
  await sealsAndOpens(published)
})

describe.skipIf(good.length === 0)('shared exchanges', () => {
  test.each(good.filter(inTable))('E-1, E-3, E-4, E-6: $id', sealsAndOpens)

  test.each(good.filter((c) => !inTable(c)))('$id is outside our table and refused by name', (c) => {
    expect(() => gatewayOf(c)).toThrow(expect.objectContaining({ code: 'unsupported-suite' }) as Error)
  })
})

describe.skipIf(!invalid)('messages that must fail', () => {
  const keys = invalid?.gateway_keys.map((fields) => gatewayKey(fields)) ?? []
  const requests = invalid?.cases.filter((c) => c.direction === 'request' && c.expect.layer === 'outside') ?? []
  const responses = invalid?.cases.filter((c) => c.direction === 'response') ?? []
  const inner = new Set(['WRONG_MESSAGE_KIND', 'BAD_STATUS'])
  const codes: Record<string, string> = {
    TRUNCATED_HEADER: 'truncated',
    TRUNCATED_ENC: 'truncated',
    TRUNCATED_CT: 'truncated',
    TRUNCATED_NONCE: 'truncated',
    UNKNOWN_KEY_ID: 'unknown-key',
    KEM_MISMATCH: 'unsupported-suite',
    SUITE_NOT_OFFERED: 'unsupported-suite',
    OPEN_FAILED: 'cannot-open',
    DECAP_FAILED: 'cannot-open',
  }

  test.each(requests)('OHTTP-G1, E-2, E-3, E-8: $id, $why', (c) => {
    expect(() => openRequest(finder(keys), fromHex(c.hex))).toThrow(
      expect.objectContaining({ name: 'Refusal', code: codes[c.reason] }) as Error,
    )
  })

  test.each(invalid?.cases.filter((c) => c.expect.layer === 'inside') ?? [])(
    '$id opens; what is in it is for others to judge',
    (c) => {
      expect(openRequest(finder(keys), fromHex(c.hex)).content).toBeInstanceOf(Uint8Array)
    },
  )

  test.each(responses.filter((c) => !inner.has(c.reason)))('E-6: $id, $why', async (c) => {
    await expect(opened(c)).rejects.toMatchObject({ name: 'Refusal', code: codes[c.reason] })
  })

  test.each(responses.filter((c) => inner.has(c.reason)))(
    '$id opens; what is in it is for others to judge',
    async (c) => {
      expect((await opened(c)).length).toBeGreaterThan(0)
    },
  )
})

const request = utf8('a request')
const answer = utf8('an answer')
const combinations = kems.flatMap((kem) => aeads.map((aead) => ({ name: `${kem.name} with ${aead.name}`, kem, aead })))

test.each(combinations)('E-15: lengths of $name are those that padding counts on', async ({ kem, aead }) => {
  const suite = { kdf, aead }
  const key = createGatewayKey({ keyId: 1, kem, suites: [suite] })
  for (const hpke of [nodeHpke, webHpke]) {
    const sealed = await sealRequest(hpke, key.config, suite, request)
    expect(sealed.message.length).toBe(request.length + requestOverhead(kem, suite))
    const opened = openRequest(() => key, sealed.message)
    const response = opened.sealResponse(answer)
    expect(response.length).toBe(answer.length + opened.overhead)
    expect([opened.overhead, sealed.overhead]).toEqual([responseOverhead(suite), responseOverhead(suite)])
    expect(await sealed.openResponse(response)).toEqual(answer)
  }
})

test('E-15: X-Wing costs 1,088 bytes more than X25519', () => {
  const suite = { kdf, aead: aes128Gcm }
  expect(requestOverhead(xWing, suite) - requestOverhead(x25519, suite)).toBe(1088)
})

test.each([
  [aes128Gcm, 16],
  [aes256Gcm, 32],
  [chaCha20Poly1305, 32],
])('E-4: the response nonce of $name has max(Nn, Nk) bytes', (aead, length) => {
  expect(responseOverhead({ kdf, aead })).toBe(length + 16)
})

const suite = { kdf, aead: aes128Gcm }
const key = createGatewayKey({ keyId: 5, kem: x25519, suites: [suite] })

test('E-5: every answer has a nonce of its own, also to the same request', async () => {
  const { message, openResponse } = await sealRequest(nodeHpke, key.config, suite, request)
  const answers = [1, 2].flatMap(() => {
    const { sealResponse } = openRequest(() => key, message)
    return [sealResponse(answer), sealResponse(answer)]
  })
  expect(new Set(answers.map((bytes) => hex(bytes.subarray(0, 16)))).size).toBe(4)
  for (const bytes of answers) expect(await openResponse(bytes)).toEqual(answer)
})

test('E-5: 5,000 nonces in a row, far more than one pool of dice, are all different', () => {
  const { random } = key.responder
  // 48 does not divide the pool's size, so that its end is met as well.
  const nonces = Array.from({ length: 5000 }, () => hex(random(48)))
  expect(new Set(nonces).size).toBe(5000)
  expect(nonces.every(({ length }) => length === 96)).toBe(true)
})

test('E-9: the same request sealed twice shares nothing but its header', async () => {
  const [one, two] = await Promise.all([1, 2].map(() => sealRequest(nodeHpke, key.config, suite, request)))
  expect(one?.message.subarray(0, 7)).toEqual(two?.message.subarray(0, 7))
  expect(hex(one?.enc ?? answer)).not.toBe(hex(two?.enc ?? answer))
  expect(one?.message.subarray(39)).not.toEqual(two?.message.subarray(39))
})

test('E-2: a suite that another key of the gateway offers does not serve for this one', async () => {
  const wide = createGatewayKey({ keyId: 5, kem: x25519, suites: aeads.map((aead) => ({ kdf, aead })) })
  const { message } = await sealRequest(nodeHpke, wide.config, { kdf, aead: aes256Gcm }, request)
  expect(openRequest(() => wide, message).content).toEqual(request)
  expect(() => openRequest(() => key, message)).toThrow(expect.objectContaining({ code: 'unsupported-suite' }) as Error)
})

test('E-2: only the key that the id names is tried', async () => {
  const other = createGatewayKey({ keyId: 6, kem: x25519, suites: [suite] })
  const { message } = await sealRequest(nodeHpke, key.config, suite, request)
  const asked: number[] = []
  const find = (keyId: number): typeof other => {
    asked.push(keyId)
    return other
  }
  expect(() => openRequest(find, message)).toThrow(expect.objectContaining({ code: 'cannot-open' }) as Error)
  expect(asked).toEqual([5])
})

test('E-12: a bad point and a bad tag are one refusal', async () => {
  const { message } = await sealRequest(nodeHpke, key.config, suite, request)
  const badPoint = message.slice().fill(0, 7, 39)
  const badTag = message.with(message.length - 1, (message.at(-1) ?? 0) ^ 1)
  for (const bad of [badPoint, badTag]) {
    expect(() => openRequest(() => key, bad)).toThrow(expect.objectContaining({ code: 'cannot-open' }) as Error)
  }
})

test('K-8, E-10: what is sealed under one label never opens under another, with the same key', async () => {
  const sealedLabels = labels('asunder sealed')
  const every = [standard, chunked, sealedLabels]
  const key = createGatewayKey({ keyId: 1, kem: x25519, suites: [suite], labels: every })
  for (const one of every) {
    const { message } = await sealRequest(nodeHpke, key.config, suite, request, one)
    for (const other of every) {
      if (other === one) expect(openRequest(() => key, message, other).content).toEqual(request)
      else expect(() => openRequest(() => key, message, other)).toThrow('AEAD tag mismatch')
    }
  }
})

test('K-8: a key opens only the kinds it was made for; asking for another is our mistake', async () => {
  const { message } = await sealRequest(nodeHpke, key.config, suite, request)
  expect(() => openRequest(() => key, message, labels('other'))).toThrow(TypeError)
})

test('E-10: the labels are those of the standards', () => {
  expect([standard.request, standard.response, chunked.request, chunked.response]).toEqual(
    [
      'message/bhttp request',
      'message/bhttp response',
      'message/bhttp chunked request',
      'message/bhttp chunked response',
    ].map(utf8),
  )
})

test('E-6: an answer to one request does not open for another', async () => {
  const [one, two] = await Promise.all([1, 2].map(() => sealRequest(nodeHpke, key.config, suite, request)))
  const response = openRequest(() => key, one?.message ?? request).sealResponse(answer)
  await expect(two?.openResponse(response)).rejects.toMatchObject({ code: 'cannot-open' })
})

test('E-11: a message is opened without copying or keeping it', async () => {
  const { message } = await sealRequest(nodeHpke, key.config, suite, request)
  const { enc } = openRequest(() => key, message)
  message.fill(0)
  expect(enc.buffer.byteLength).toBe(32)
  expect(enc).not.toEqual(new Uint8Array(32))
})

async function sealsAndOpens(c: Whole): Promise<void> {
  const { hpke, config, suite } = clientOf(c)
  const sealed = await sealRequest(hpke, config, suite, fromHex(c.request))
  expect(hex(sealed.message)).toBe(c.encapsulated_request)
  const opened = openRequest(finder([gatewayOf(c)]), fromHex(c.encapsulated_request))
  expect([opened.keyId, hex(opened.enc), hex(opened.content)]).toEqual([c.key_id, c.enc, c.request])
  expect(hex(opened.sealResponse(fromHex(c.response)))).toBe(c.encapsulated_response)
  expect(hex(await sealed.openResponse(fromHex(c.encapsulated_response)))).toBe(c.response)
}

async function opened({ client_context: context, hex: bytes }: Bad): Promise<Uint8Array> {
  if (!context) throw new TypeError('a response needs its client')
  const { hpke, config, suite } = clientWith(context, encapsulateWith(fromHex(context.skE)))
  const { enc, openResponse } = await sealRequest(hpke, config, suite, concat())
  expect(hex(enc)).toBe(context.enc)
  return openResponse(fromHex(bytes))
}
