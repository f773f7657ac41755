/** Whatever a stranger sends, openers either open it or throw a Refusal, and nothing else. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concat, fromHex, hex } from '../../../shared/bytes.ts'
import { nodeHpke } from '../../../shared/hpke/node.ts'
import { aeads, hkdfSha256 as kdf, kems } from '../../../shared/hpke/suites.ts'
import { Refusal } from '../../../shared/refusal.ts'
import { RequestChunkOpener, sealRequestChunks } from '../../../shared/ohttp/chunked.ts'
import { createGatewayKey } from '../../../shared/ohttp/gateway-key.ts'
import { parseKeyConfigs, serializeKeyConfigs } from '../../../shared/ohttp/key-config.ts'
import { openRequest, sealRequest } from '../../../shared/ohttp/request.ts'
import { finder } from './actors.ts'

const suites = aeads.map((aead) => ({ kdf, aead }))
const keys = kems.map((kem, keyId) => createGatewayKey({ keyId, kem, suites }))
const find = finder(keys)

/** Random bytes hardly ever name a key; half of these have a good header, and some a good encapsulation. */
const headers = keys.flatMap(({ config }) =>
  suites.map(({ aead }) => fromHex(`0${config.keyId}${config.kem.id.toString(16).padStart(4, '0')}0001000${aead.id}`)),
)
const stranger = fc.uint8Array({ maxLength: 1400 })
const nearMiss = fc.tuple(fc.constantFrom(...headers), stranger).map((parts) => concat(...parts))
const bytes = fc.oneof(stranger, nearMiss)
const cuts = fc.array(fc.nat(200), { maxLength: 8 })

test('E-11: openRequest', () => {
  fc.assert(
    fc.property(bytes, (message) => refusesAtMost(() => openRequest(find, message))),
    { numRuns: 500 },
  )
})

test('E-11: RequestChunkOpener, in any pieces', () => {
  const feed = (message: Uint8Array, sizes: readonly number[]): void => {
    const opener = new RequestChunkOpener(find)
    for (const piece of pieces(message, sizes)) opener.push(piece)
    opener.end()
  }
  fc.assert(
    fc.property(bytes, cuts, (message, sizes) => refusesAtMost(() => feed(message, sizes))),
    { numRuns: 500 },
  )
})

test('parseKeyConfigs', () => {
  const list = serializeKeyConfigs(keys.map(({ config }) => config))
  const damaged = fc.tuple(fc.nat(list.length - 1), fc.nat(255)).map(([at, value]) => list.with(at, value))
  fc.assert(fc.property(fc.oneof(stranger, damaged), (text) => refusesAtMost(() => parseKeyConfigs(text))))
})

test('what is parsed is written back as it was', () => {
  const list = serializeKeyConfigs(keys.map(({ config }) => config))
  fc.assert(
    fc.property(fc.nat(list.length - 1), fc.nat(255), (at, value) => {
      const damaged = list.with(at, value)
      refusesAtMost(() => expect(hex(serializeKeyConfigs(parseKeyConfigs(damaged)))).toBe(hex(damaged)))
    }),
  )
})

describe('one bit is enough', async () => {
  const [key] = keys
  const [suite] = suites
  if (!key || !suite) throw new TypeError('no key')
  const content = new Uint8Array(40).fill(5)
  const { message } = await sealRequest(nodeHpke, key.config, suite, content)
  const sealer = await sealRequestChunks(nodeHpke, key.config, suite)
  const chunked = concat(sealer.head, await sealer.seal(content), await sealer.final(content))
  const flipped = (whole: Uint8Array, bit: number): Uint8Array =>
    whole.with(bit >> 3, (whole[bit >> 3] ?? 0) ^ (1 << (bit & 7)))

  test('E-3: in a request', () => {
    for (let bit = 0; bit < 8 * message.length; bit++) {
      expect(() => openRequest(find, flipped(message, bit))).toThrow(Refusal)
    }
  })

  test('CHK-11: in a chunked request, unless it only writes a length in another way', () => {
    fc.assert(
      fc.property(fc.nat(8 * chunked.length - 1), cuts, (bit, sizes) => {
        const opener = new RequestChunkOpener(find)
        expect(() => {
          for (const piece of pieces(flipped(chunked, bit), sizes)) opener.push(piece)
          opener.end()
        }).toThrow(Refusal)
      }),
    )
  })
})

function refusesAtMost(work: () => unknown): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
  }
}

function* pieces(message: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  let at = 0
  for (const size of sizes) {
    yield message.subarray(at, at + size)
    at += size
  }
  yield message.subarray(at)
}
