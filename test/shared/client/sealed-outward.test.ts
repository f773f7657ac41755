/** What a client of placement `sealed` puts on the wire, opened layer by layer by whoever holds the key of each. trust.md 5. */
import { describe, expect, test } from 'vitest'
import { decodeRequest } from '../../../shared/bhttp/decode.ts'
import type { DecodedRequest } from '../../../shared/bhttp/message.ts'
import { onGrid } from '../../../shared/bhttp/padding.ts'
import { innerBucket } from '../../../shared/bhttp/sealed-padding.ts'
import { concat, fromLatin1, fromUtf8, utf8, type Bytes } from '../../../shared/bytes.ts'
import type { VerifiedBundle } from '../../../shared/attestation/bundle.ts'
import { chosen, sealingCvms } from '../../../shared/client/cvms.ts'
import { refusedByGateway, Unprocessed } from '../../../shared/client/outer-refusal.ts'
import { sealCall } from '../../../shared/client/outward.ts'
import { nodeHpke } from '../../../shared/hpke/node.ts'
import { webHpke } from '../../../shared/hpke/web.ts'
import { aes128Gcm, hkdfSha256, p256, x25519, xWing, type Kem } from '../../../shared/hpke/suites.ts'
import { RequestChunkOpener } from '../../../shared/ohttp/chunked.ts'
import { createGatewayKey, type GatewayKey } from '../../../shared/ohttp/gateway-key.ts'
import { writeKeyConfig } from '../../../shared/ohttp/key-config.ts'
import { chunked, sealed, sealedChunked, standard } from '../../../shared/ohttp/labels.ts'
import { openRequest } from '../../../shared/ohttp/request.ts'
import { gatewayKey } from './town.ts'

const secret = 'the-dossier-that-nobody-else-reads'
const suites = [{ kdf: hkdfSha256, aead: aes128Gcm }]
const outside = gatewayKey(1)
const within = createGatewayKey({ keyId: 9, kem: x25519, suites, labels: [sealed, sealedChunked] })
const cvm = { id: '0123456789abcdef', key: selected(within) }
const date = Date.parse('2026-11-25T12:34:56Z')

function selected({ config }: GatewayKey) {
  const [suite] = config.suites
  if (suite === undefined) throw new TypeError('a suite')
  return { config, suite }
}

const call = (body: Bytes | AsyncIterable<Uint8Array>) => ({
  method: 'POST',
  url: new URL('https://app.asunder.example/v1/notes'),
  headers: [['content-type', 'text/plain']] as const,
  body,
})

/** With the labels of one layer alone: what was sealed for the other does not open. */
function opened(key: GatewayKey, family: 'standard' | 'chunked', message: Bytes, inner: boolean): DecodedRequest {
  const find = (id: number) => (id === key.config.keyId ? key : undefined)
  if (family === 'standard') return decodeRequest(openRequest(find, message, inner ? sealed : standard).content)
  const opener = new RequestChunkOpener(find, {
    labels: inner ? sealedChunked : chunked,
    maxChunk: inner ? 15_872 : 16_384,
  })
  return decodeRequest(concat(...opener.push(message), ...opener.end()))
}

describe.each([
  ['Node', nodeHpke],
  ['browser', webHpke],
] as const)('with %s code', (_name, hpke) => {
  test.each([
    ['standard', 10],
    ['standard', 14_000],
    ['standard', 200_000],
    ['chunked', 10],
    ['chunked', 14_000],
    ['chunked', 60_000],
    ['chunked', 200_000],
  ] as const)(
    'family %s, %i octets: the outer key shows a name and an inner bucket, the inner key the request',
    async (family, length) => {
      const body = utf8(secret.padEnd(length, 'x'))
      const outward = await sealCall(call(body), { hpke, key: selected(outside), cvm, family, date })
      const message = outward.body as Bytes
      expect(onGrid(message.length)).toBe(true)
      const around = opened(outside, family, message, false)
      expect(around).toMatchObject({
        method: 'POST',
        authority: `${cvm.id}.cvm.invalid`,
        path: '/.well-known/asunder-sealed',
      })
      expect(around.headers).toEqual([
        ['content-type', `application/vnd.asunder.sealed-${family === 'chunked' ? 'chunked-' : ''}req`],
        ['date', 'Wed, 25 Nov 2026 12:34:00 GMT'],
      ])
      expect(around.content).toHaveLength(innerBucket(around.content.length))
      // With more than about a dozen chunks the outer message takes the next size.
      const next = family === 'chunked' && length > 190_000
      expect(message.length === around.content.length + 512).toBe(!next)
      expect(fromLatin1(around.content).includes(secret)).toBe(false)
      const inside = opened(within, family, around.content, true)
      expect([inside.authority, fromUtf8(inside.content)]).toEqual(['app.asunder.example', fromUtf8(body)])
      expect(inside.headers).toContainEqual(['date', 'Wed, 25 Nov 2026 12:34:00 GMT'])
      expect(() => opened(within, family, message, false)).toThrow('no key')
    },
  )

  test.each(['standard', 'chunked'] as const)(
    'family %s: an anonymous token is for the gateway, and stands in the outer request alone',
    async (family) => {
      const pass = 'PrivateToken token="one"'
      const outward = await sealCall(call(utf8(secret)), { hpke, key: selected(outside), cvm, family, date, pass })
      const around = opened(outside, family, outward.body as Bytes, false)
      const inside = opened(within, family, around.content, true)
      const named = [around, inside].map(({ headers }) => headers.filter(([name]) => name === 'authorization'))
      expect(named).toEqual([[['authorization', pass]], []])
    },
  )

  test('a stream: each inner chunk is one outer chunk, of at most 15,872 octets', async () => {
    function* pieces() {
      yield utf8('one')
      yield new Uint8Array(40_000).fill(120)
    }
    const outward = await sealCall(call(ReadableStream.from(pieces())), {
      hpke,
      key: selected(outside),
      cvm,
      family: 'chunked',
      date,
    })
    const parts: Bytes[] = []
    for await (const part of outward.body as AsyncIterable<Uint8Array>) parts.push(concat(part))
    const around = opened(outside, 'chunked', concat(...parts), false)
    const inside = opened(within, 'chunked', around.content, true)
    expect(inside.content).toHaveLength(40_003)
    // Outside: enc, head, inner enc, inner head, four pieces, both ends. Each piece came out by itself.
    expect(parts.map(({ length }) => length > 1_000)).toEqual([
      false,
      false,
      false,
      false,
      false,
      true,
      true,
      true,
      false,
      false,
    ])
  })
})

describe('the choice of a CVM', () => {
  const verified = (kems: readonly Kem[]): VerifiedBundle => {
    const keys = kems.map((kem, n) => ({ id: String(n), keyConfig: writeKeyConfig(gatewayKey(n, kem).config) }))
    return { bundle: { placement: 'sealed' }, appraisal: { keys } } as unknown as VerifiedBundle
  }

  test.each<[string, readonly Kem[], readonly string[]]>([
    ['all of one KEM', [x25519, x25519, x25519], ['0', '1', '2']],
    ['the first KEM where two are offered by as many', [xWing, x25519, xWing, x25519], ['0', '2']],
    ['never a KEM that one machine alone offers', [xWing, x25519, x25519], ['1', '2']],
    ['one', [p256], ['0']],
  ])('%s', (_what, kems, ids) => {
    expect(sealingCvms(verified(kems), nodeHpke).map(({ id }) => id)).toEqual(ids)
  })

  test('every one of them comes up, and the second time another', () => {
    const cvms = sealingCvms(verified([x25519, x25519, x25519]), nodeHpke)
    const drawn = [0, 0.34, 0.999].map((draw) => chosen(cvms, () => draw)?.id)
    expect(drawn).toEqual(['0', '1', '2'])
    expect([0, 0.999].map((draw) => chosen(cvms, () => draw, cvms[1])?.id)).toEqual(['0', '2'])
    expect(chosen(cvms.slice(0, 1), () => 0, cvms[0])).toBeUndefined()
  })
})

test.each([
  ['a token', 401, 'PrivateToken challenge="for us"', { challenge: 'PrivateToken challenge="for us"' }],
  ['something else', 401, 'Basic realm="x"', undefined],
  ['a token, with another status', 403, 'PrivateToken challenge="for us"', 'key'],
])('under its own seal the gateway may ask for %s: %i %s', async (_what, status, field, again) => {
  const refused = await refusedByGateway({ status, headers: [['www-authenticate', field]] }, ReadableStream.from([]))
  expect(refused instanceof Unprocessed ? refused.again : undefined).toEqual(again)
})
