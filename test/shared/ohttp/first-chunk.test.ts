import { describe, expect, test } from 'vitest'
import { nodeHpke } from '../../../shared/hpke/node.ts'
import { aes128Gcm, hkdfSha256, kems } from '../../../shared/hpke/suites.ts'
import { createGatewayKey } from '../../../shared/ohttp/gateway-key.ts'
import { RequestChunkOpener, sealRequestChunks } from '../../../shared/ohttp/chunked.ts'
import { neededToOpen } from '../../../shared/ohttp/first-chunk.ts'
import { concat } from '../../../shared/bytes.ts'

const suite = { kdf: hkdfSha256, aead: aes128Gcm }
const header = Uint8Array.of(1, 0x00, 0x20, 0, 1, 0, 1)
const enc = new Uint8Array(32)

/** As a reader finds it out: what is here, octet by octet, until nothing more is needed. */
function gathered(message: Uint8Array): number {
  let here = 0
  while (here < message.length && here < neededToOpen(message.subarray(0, here))) here += 1
  return here
}

describe('what the first opening needs', () => {
  const pairs = kems.flatMap((kem) => [1, 46, 47, 48, 63, 16_367, 16_368, 16_384].map((length) => ({ kem, length })))

  test.each(pairs)(
    '$kem.name, a first chunk of $length: what is gathered opens, and one octet less does not',
    async (one) => {
      const key = createGatewayKey({ keyId: 1, kem: one.kem, suites: [suite] })
      const sealer = await sealRequestChunks(nodeHpke, key.config, suite)
      const first = concat(sealer.head, await sealer.seal(new Uint8Array(one.length)))
      const message = concat(first, await sealer.final())
      expect(gathered(message)).toBe(first.length)
      const find = (): typeof key => key
      const open = (length: number) => new RequestChunkOpener(find).push(message.subarray(0, length)).length
      expect([open(first.length), open(first.length - 1)]).toEqual([1, 0])
    },
  )

  test('a final chunk is gathered to the end, and one octet beyond the largest at most', () => {
    const final = (length: number) => concat(header, enc, Uint8Array.of(0), new Uint8Array(length))
    expect(gathered(final(99))).toBe(40 + 99)
    expect(gathered(final(20_000))).toBe(40 + 16_400 + 1)
  })

  test.each([
    ['a KEM outside the table', concat(Uint8Array.of(1, 0xff, 0xff, 0, 1, 0, 1), new Uint8Array(99)), 7],
    ['a chunk above the largest', concat(header, enc, Uint8Array.of(0x80, 0, 0x40, 0x11), new Uint8Array(99)), 43],
    ['a chunk beyond all measure', concat(header, enc, new Uint8Array(99).fill(0xff)), 47],
  ])('%s is not waited for', (_, message, length) => {
    expect(gathered(message)).toBe(length)
  })
})
