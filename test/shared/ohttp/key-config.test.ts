/** Key configurations, RFC 9458 §3: what is read, what is thrown away, and what a client chooses. */
import { describe, expect, test } from 'vitest'
import { concat, fromHex, hex, uint16 } from '../../../shared/bytes.ts'
import { generateKeyPair } from '../../../shared/hpke/node-kem.ts'
import { nodeHpke } from '../../../shared/hpke/node.ts'
import {
  aes128Gcm,
  aes256Gcm,
  chaCha20Poly1305,
  hkdfSha256,
  kems,
  p256,
  suiteOf,
  x25519,
  xWing,
} from '../../../shared/hpke/suites.ts'
import {
  createKeyConfig,
  parseKeyConfig,
  parseKeyConfigs,
  selectKey,
  serializeKeyConfigs,
  writeKeyConfig,
  type KeyConfigEntry,
} from '../../../shared/ohttp/key-config.ts'
import { sealRequest } from '../../../shared/ohttp/request.ts'
import { sharedVectors } from '../../vectors/shared.ts'

type Decoded = { key_id: number; kem_id: number; public_key: string; suites: { kdf_id: number; aead_id: number }[] }
type Valid = {
  id: string
  hex: string
  decoded: Decoded[]
  usable_suites?: Decoded['suites']
  usable_key_ids?: number[]
  bare_config?: string
}
type Invalid = { id: string; why: string; hex: string; expect: string }

const valid = sharedVectors('keyconfig-valid') as { cases: Valid[] } | undefined
const invalid = sharedVectors('keyconfig-invalid') as { cases: Invalid[] } | undefined

describe.skipIf(!valid)('good lists', () => {
  test.each(valid?.cases ?? [])('K-1, K-3: $id is read and written back', ({ hex: bytes, decoded }) => {
    const list = parseKeyConfigs(fromHex(bytes))
    expect(list.map(fields)).toEqual(decoded)
    expect(hex(serializeKeyConfigs(list))).toBe(bytes)
  })

  test.each(valid?.cases ?? [])('K-5: $id is used only where a suite is ours', (c) => {
    const list = parseKeyConfigs(fromHex(c.hex))
    const usable = list.filter((entry) => 'kem' in entry && entry.suites.length > 0).map(({ keyId }) => keyId)
    expect(usable).toEqual(c.usable_key_ids ?? c.decoded.map(({ key_id }) => key_id))
    const [first] = list
    if (c.usable_suites && first) expect(usableSuites(first)).toEqual(c.usable_suites)
  })

  test('K-3: a bare configuration is no list, and is read by its own name', () => {
    const bare = fromHex(valid?.cases.find(({ bare_config }) => bare_config)?.bare_config ?? '')
    expect(() => parseKeyConfigs(bare)).toThrow(expect.objectContaining({ code: 'bad-key-config' }) as Error)
    const entry = parseKeyConfig(bare)
    expect('kem' in entry && hex(writeKeyConfig(entry))).toBe(hex(bare))
    expect(() => parseKeyConfig(concat(bare, Uint8Array.of(0)))).toThrow(
      expect.objectContaining({ code: 'bad-key-config' }) as Error,
    )
  })
})

describe.skipIf(!invalid)('bad lists', () => {
  const encoding = invalid?.cases.filter((c) => c.expect.startsWith('discard')) ?? []
  const unusable = invalid?.cases.filter((c) => c.expect.startsWith('key unusable')) ?? []

  test('every case is one of the two kinds', () => {
    expect(encoding.length + unusable.length).toBe(invalid?.cases.length)
  })

  test.each(encoding)('K-2, K-4: $id, $why: all of it is discarded', ({ hex: bytes }) => {
    expect(() => parseKeyConfigs(fromHex(bytes))).toThrow(expect.objectContaining({ code: 'bad-key-config' }) as Error)
  })

  test.each(unusable)('K-9: $id, $why: nothing is sent', async ({ hex: bytes }) => {
    const { config, suite } = selectKey(parseKeyConfigs(fromHex(bytes)), nodeHpke.supports)
    const sending = sealRequest(nodeHpke, config, suite, new Uint8Array())
    await expect(sending).rejects.toMatchObject({ code: 'unusable-key' })
  })
})

const suites = [
  { kdf: hkdfSha256, aead: aes128Gcm },
  { kdf: hkdfSha256, aead: chaCha20Poly1305 },
] as const
const configs = kems.map((kem, keyId) =>
  createKeyConfig({ keyId, kem, publicKey: generateKeyPair(kem).publicKey, suites }),
)
const unknownKem = fromHex('000b' + '07' + '9999' + '0102030405060708')

test('K-5: a configuration with a KEM of the future is kept apart, not an error, and written back as it came', () => {
  const bytes = concat(unknownKem, serializeKeyConfigs(configs))
  const list = parseKeyConfigs(bytes)
  expect(list[0]).toEqual({ keyId: 7, kemId: 0x9999, usable: false, raw: unknownKem.subarray(2) })
  expect(serializeKeyConfigs(list)).toEqual(bytes)
  expect(selectKey(list, nodeHpke.supports).config).toEqual(configs[0])
})

test.each([x25519, p256, xWing])('K-1: a list of ours with $name is read by ourselves', (kem) => {
  const config = configs.find((each) => each.kem === kem)
  if (!config) throw new TypeError('no such key')
  expect(parseKeyConfigs(serializeKeyConfigs([config]))).toEqual([config])
})

test('K-4: a good configuration in front does not save a list', () => {
  const good = serializeKeyConfigs(configs)
  for (const tail of ['00', '0000', '0001ff', '0003070020', '0002']) {
    expect(() => parseKeyConfigs(concat(good, fromHex(tail)))).toThrow(
      expect.objectContaining({ code: 'bad-key-config' }) as Error,
    )
  }
})

test('K-2: every length of the suites but a multiple of four from 4 on is an error', () => {
  const { publicKey } = generateKeyPair(x25519)
  const list = (length: number): Uint8Array => {
    const config = concat(fromHex('010020'), publicKey, uint16(length), new Uint8Array(length).fill(1))
    return concat(uint16(config.length), config)
  }
  for (const length of [4, 8, 400, 65_496]) expect(parseKeyConfigs(list(length))).toHaveLength(1)
  for (const length of [0, 1, 2, 3, 5, 6, 7, 65_495]) {
    expect(() => parseKeyConfigs(list(length))).toThrow(expect.objectContaining({ code: 'bad-key-config' }) as Error)
  }
})

test('K-7: the first key and pair that the client can do, from one and the same configuration', () => {
  const list = parseKeyConfigs(serializeKeyConfigs(configs))
  expect(selectKey(list, () => true)).toEqual({ config: configs[0], suite: suites[0] })
  expect(selectKey(list, (kem) => kem === xWing)).toEqual({ config: configs[2], suite: suites[0] })
  const chosen = selectKey(list, (kem, { aead }) => kem === p256 && aead === chaCha20Poly1305)
  expect(chosen).toEqual({ config: configs[1], suite: suites[1] })
})

test('K-7: a pair that this key does not offer cannot be sealed with', async () => {
  const [config] = configs
  if (!config) throw new TypeError('no key')
  const other = { kdf: hkdfSha256, aead: aes256Gcm }
  await expect(sealRequest(nodeHpke, config, other, new Uint8Array())).rejects.toThrow(TypeError)
})

test('K-5: where nothing is usable, choosing is refused', () => {
  const list = parseKeyConfigs(concat(unknownKem, serializeKeyConfigs(configs)))
  expect(() => selectKey(list, () => false)).toThrow(expect.objectContaining({ code: 'unsupported-suite' }) as Error)
})

test('K-10: the export-only AEAD is in no table of ours, whoever offers it', () => {
  expect(suiteOf({ kdfId: 1, aeadId: 0xffff })).toBeUndefined()
  const list = fromHex('0029' + '010020' + '09'.repeat(32) + '0004' + '0001ffff')
  expect(() => selectKey(parseKeyConfigs(list), () => true)).toThrow(
    expect.objectContaining({ code: 'unsupported-suite' }) as Error,
  )
})

test('configurations of ours that nobody could read are mistakes of ours', () => {
  const { publicKey } = generateKeyPair(x25519)
  expect(() => serializeKeyConfigs([])).toThrow(TypeError)
  expect(() => createKeyConfig({ keyId: 256, kem: x25519, publicKey, suites })).toThrow(TypeError)
  expect(() => createKeyConfig({ keyId: 1, kem: x25519, publicKey: publicKey.subarray(1), suites })).toThrow(TypeError)
  expect(() => createKeyConfig({ keyId: 1, kem: x25519, publicKey, suites: [] })).toThrow(TypeError)
})

function fields(entry: KeyConfigEntry): Decoded | { key_id: number; kem_id: number; usable: false } {
  if (!('kem' in entry)) return { key_id: entry.keyId, kem_id: entry.kemId, usable: false }
  return {
    key_id: entry.keyId,
    kem_id: entry.kem.id,
    public_key: hex(entry.publicKey),
    suites: entry.offered.map(({ kdfId, aeadId }) => ({ kdf_id: kdfId, aead_id: aeadId })),
  }
}

function usableSuites(entry: KeyConfigEntry): Decoded['suites'] {
  return 'kem' in entry ? entry.suites.map(({ kdf, aead }) => ({ kdf_id: kdf.id, aead_id: aead.id })) : []
}
