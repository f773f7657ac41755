/** What the KEMs refuse, on both sides, and what a private key shows of itself. RFC 9180 §7.1.4; FIPS 203 §7.2. */
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { concat, fromHex, hex } from '../../../shared/bytes.ts'
import type { ClientHpke } from '../../../shared/hpke/context.ts'
import {
  encapsulate,
  generateKeyPair,
  generatePrivateKey,
  privateKeyFrom,
  publicKeyOf,
} from '../../../shared/hpke/node-kem.ts'
import { nodeHpke } from '../../../shared/hpke/node.ts'
import { aes128Gcm, hkdfSha256, kems, p256, x25519, xWing, type Kem } from '../../../shared/hpke/suites.ts'
import { webHpke } from '../../../shared/hpke/web.ts'

const suite = { kdf: hkdfSha256, aead: aes128Gcm }
const backends: [string, ClientHpke][] = [
  ['node', nodeHpke],
  ['web', webHpke],
]

/** RFC 7748 §6.1 wants these found out by their all-zero result: the points of small order, and twins above the prime. */
const smallOrder = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]

const point = generateKeyPair(p256).publicKey
const y = point.at(-1) ?? 0
const badPoints: [string, Uint8Array][] = [
  ['off the curve', point.with(64, y ^ 1)],
  ['hybrid', point.with(0, 6 + (y & 1))],
  ['compressed', concat(Uint8Array.of(2 + (y & 1)), point.subarray(1, 33))],
  ['compressed, filled up', concat(Uint8Array.of(2 + (y & 1)), point.subarray(1))],
  ['infinity', Uint8Array.of(0)],
  ['all zero', new Uint8Array(65)],
  ['not reduced', point.with(0, 4).fill(0xff, 1, 33)],
  ['one byte longer', concat(point, Uint8Array.of(0))],
]

const bad: [string, Kem, Uint8Array][] = [
  ...smallOrder.map((u): [string, Kem, Uint8Array] => [`X25519 ${u.slice(0, 8)}...`, x25519, fromHex(u)]),
  ['X25519, one byte short', x25519, new Uint8Array(31).fill(9)],
  ...badPoints.map(([what, key]): [string, Kem, Uint8Array] => [`P-256, ${what}`, p256, key]),
]

describe.each(backends)('K-9, E-7: the %s backend sends nothing to', (_, hpke) => {
  const xWingKey = generateKeyPair(xWing).publicKey
  const badXWing: [string, Kem, Uint8Array][] = [
    ['X-Wing, a coefficient above the modulus', xWing, xWingKey.slice().fill(0xff, 0, 3)],
    ['X-Wing, an X25519 half of small order', xWing, xWingKey.slice().fill(0, 1184)],
    ['X-Wing, its ML-KEM half alone', xWing, xWingKey.subarray(0, 1184)],
  ]
  test.each([...bad, ...badXWing])('%s', async (_name, kem, key) => {
    await expect(hpke.setupSender(kem, suite, key, new Uint8Array())).rejects.toMatchObject({ code: 'unusable-key' })
  })
})

test.each(bad)('E-7, E-8: the gateway refuses to decapsulate %s, with the code of a bad tag', (_, kem, enc) => {
  const key = generatePrivateKey(kem)
  expect(() => key.decapsulate(enc)).toThrow(expect.objectContaining({ code: 'cannot-open' }) as Error)
})

test('an X-Wing encapsulation with an X25519 half of small order, or of the wrong length, is refused', () => {
  const key = generatePrivateKey(xWing)
  const { enc } = encapsulate(xWing, key.publicKey)
  for (const wrong of [enc.slice().fill(0, 1088), enc.subarray(1), concat(enc, Uint8Array.of(0))]) {
    expect(() => key.decapsulate(wrong)).toThrow(expect.objectContaining({ code: 'cannot-open' }) as Error)
  }
})

test('E-8: the top bit of an X25519 encapsulation, which the curve ignores, still changes the secret', () => {
  const key = generatePrivateKey(x25519)
  const { enc, sharedSecret } = encapsulate(x25519, key.publicKey)
  expect(key.decapsulate(enc)).toEqual(sharedSecret)
  expect(key.decapsulate(enc.with(31, (enc[31] ?? 0) ^ 0x80))).not.toEqual(sharedSecret)
})

describe.each(kems)('$name', (kem) => {
  test('keys and encapsulations have the lengths of the table', () => {
    const { privateKey, publicKey } = generateKeyPair(kem)
    expect(privateKey).toHaveLength(kem.privateKeyLength)
    expect(publicKey).toHaveLength(kem.publicKeyLength)
    const { enc, sharedSecret } = encapsulate(kem, publicKey)
    expect([enc.length, sharedSecret.length]).toEqual([kem.encLength, 32])
    expect(privateKeyFrom(kem, privateKey).decapsulate(enc)).toEqual(sharedSecret)
    expect(hex(publicKeyOf(kem, privateKey))).toBe(hex(publicKey))
  })

  test('a generated private key differs every time and needs no bytes', () => {
    const [one, two] = [generatePrivateKey(kem), generatePrivateKey(kem)]
    expect(hex(one.publicKey)).not.toBe(hex(two.publicKey))
    const { enc, sharedSecret } = encapsulate(kem, one.publicKey)
    expect(one.decapsulate(enc)).toEqual(sharedSecret)
  })

  test('nothing reachable from a private key is secret', () => {
    const { privateKey, publicKey } = generateKeyPair(kem)
    const key = privateKeyFrom(kem, privateKey)
    expect(Object.keys(key).sort()).toEqual(['decapsulate', 'kem', 'publicKey'])
    const shown = inspect(key, { depth: 9, showHidden: true, maxArrayLength: null }).replace(/\s+/g, ' ')
    expect(shown).toContain([...publicKey].join(', '))
    expect(shown).not.toContain([...privateKey].join(', '))
    expect(JSON.stringify(key)).not.toContain(hex(privateKey))
    expect(key.publicKey).toEqual(publicKey)
  })

  test('a private key of the wrong length is our mistake', () => {
    expect(() => privateKeyFrom(kem, new Uint8Array(kem.privateKeyLength + 1))).toThrow(TypeError)
  })
})

test('a KeyObject serves where it fits its KEM, and nowhere else', () => {
  const curve = generateKeyPairSync('x25519')
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const otherEc = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  expect(privateKeyFrom(x25519, curve.privateKey).publicKey).toHaveLength(32)
  expect(privateKeyFrom(p256, ec.privateKey).publicKey).toHaveLength(65)
  expect(() => privateKeyFrom(p256, curve.privateKey)).toThrow(TypeError)
  expect(() => privateKeyFrom(p256, otherEc.privateKey)).toThrow(TypeError)
  expect(() => privateKeyFrom(x25519, ec.privateKey)).toThrow(TypeError)
  expect(() => privateKeyFrom(x25519, curve.publicKey)).toThrow(TypeError)
  expect(() => privateKeyFrom(xWing, curve.privateKey)).toThrow(TypeError)
})

test('a serialised X25519 key and its KeyObject are the same key', () => {
  const { privateKey } = generateKeyPairSync('x25519')
  const raw = privateKey.export({ format: 'raw-private' })
  expect(privateKeyFrom(x25519, raw).publicKey).toEqual(
    privateKeyFrom(x25519, createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }))).publicKey,
  )
})
