/** Three hands against each other: our node backend, our web backend, and a foreign library. */
import * as foreign from '@hpke/core'
import { expect, test } from 'vitest'
import { concat, hex, uint8, utf8 } from '../../../shared/bytes.ts'
import type { ClientHpke } from '../../../shared/hpke/context.ts'
import { encapsulate, generateKeyPair, privateKeyFrom } from '../../../shared/hpke/node-kem.ts'
import { createNodeHpke, createReceiver, nodeHpke, nodeResponder } from '../../../shared/hpke/node.ts'
import {
  aeads,
  aes128Gcm,
  aes256Gcm,
  hkdfSha256 as kdf,
  kems,
  p256,
  x25519,
  xWing,
} from '../../../shared/hpke/suites.ts'
import { webHpke } from '../../../shared/hpke/web.ts'
import { encapsulateWith } from './encapsulation-seam.ts'

const backends: [string, ClientHpke][] = [
  ['node', nodeHpke],
  ['web', webHpke],
]
const everySuite = backends.flatMap(([name, backend]) =>
  kems.flatMap((kem) => aeads.map((aead) => [`${name}: ${kem.name} with ${aead.name}`, backend, kem, aead] as const)),
)
const info = utf8('info')
const aad = utf8('aad')

test.each(everySuite)(
  '%s is opened by the gateway, chunk after chunk, with the same exports',
  async (_, hpke, kem, aead) => {
    const { privateKey, publicKey } = generateKeyPair(kem)
    const suite = { kdf, aead }
    expect(hpke.supports(kem, suite)).toBe(true)
    const sender = await hpke.setupSender(kem, suite, publicKey, info)
    const receiver = createReceiver(privateKeyFrom(kem, privateKey), suite, info).setup(sender.enc)
    for (const text of ['first', '', 'third']) {
      expect(receiver.open(aad, await sender.seal(aad, utf8(text)))).toEqual(utf8(text))
    }
    expect(await sender.export(aad, 80)).toEqual(receiver.export(aad, 80))
  },
)

test.each(aeads)(
  'both backends open what the gateway answers with $name, and neither opens anything else',
  async (aead) => {
    const key = new Uint8Array(aead.keyLength).fill(7)
    const nonce = new Uint8Array(aead.nonceLength).fill(9)
    const sealed = nodeResponder.seal(aead, key, nonce, aad, info)
    for (const [, hpke] of backends) {
      expect(await hpke.open(aead, key, nonce, aad, sealed)).toEqual(info)
      for (const bad of [sealed.subarray(1), concat(sealed, uint8(0)), sealed.subarray(0, 15), new Uint8Array()]) {
        await expect(async () => hpke.open(aead, key, nonce, aad, bad)).rejects.toMatchObject({ code: 'cannot-open' })
      }
      await expect(async () => hpke.open(aead, key, nonce, info, sealed)).rejects.toMatchObject({ code: 'cannot-open' })
    }
  },
)

test.each([0, 1, 32, 33, 64, 255 * 32])('both backends derive the same %i bytes', (length) => {
  const [fromNode, fromWeb] = backends.map(([, hpke]) => {
    const prk = hpke.extract(kdf, info, aad)
    return hex(hpke.expand(kdf, prk, info, length))
  })
  expect(fromNode).toBe(fromWeb)
  expect(fromNode).toHaveLength(2 * length)
})

test('HKDF gives at most 255 blocks', () => {
  for (const [, hpke] of backends) expect(() => hpke.expand(kdf, new Uint8Array(32), info, 255 * 32 + 1)).toThrow()
})

const foreignKems = { X25519: new foreign.DhkemX25519HkdfSha256(), 'P-256': new foreign.DhkemP256HkdfSha256() }
const foreignAeads = { 'AES-128-GCM': new foreign.Aes128Gcm(), 'AES-256-GCM': new foreign.Aes256Gcm() }
const foreignCases = ([x25519, p256] as const).flatMap((kem) =>
  ([aes128Gcm, aes256Gcm] as const).map((aead) => ({
    name: `${kem.name} with ${aead.name}`,
    kem,
    aead,
    library: new foreign.CipherSuite({
      kem: foreignKems[kem.name as keyof typeof foreignKems],
      kdf: new foreign.HkdfSha256(),
      aead: foreignAeads[aead.name as keyof typeof foreignAeads],
    }),
  })),
)

test.each(foreignCases)('@hpke/core opens what both backends seal: $name', async ({ kem, aead, library }) => {
  const { privateKey, publicKey } = generateKeyPair(kem)
  const recipientKey = await library.kem.importKey('raw', privateKey.buffer, false)
  for (const [, hpke] of backends) {
    const sender = await hpke.setupSender(kem, { kdf, aead }, publicKey, info)
    const theirs = await library.createRecipientContext({ recipientKey, enc: sender.enc.buffer, info: info.buffer })
    const opened = await theirs.open((await sender.seal(aad, info)).slice().buffer, aad.buffer)
    expect(new Uint8Array(opened)).toEqual(info)
    expect(new Uint8Array(await theirs.export(aad.buffer, 32))).toEqual(await sender.export(aad, 32))
  }
})

test.each(foreignCases)('the gateway opens what @hpke/core seals: $name', async ({ kem, aead, library }) => {
  const { privateKey, publicKey } = generateKeyPair(kem)
  const recipientPublicKey = await library.kem.importKey('raw', publicKey.slice().buffer, true)
  const theirs = await library.createSenderContext({ recipientPublicKey, info: info.buffer })
  const receiver = createReceiver(privateKeyFrom(kem, privateKey), { kdf, aead }, info)
  const context = receiver.setup(new Uint8Array(theirs.enc))
  expect(context.open(aad, new Uint8Array(await theirs.seal(info.buffer, aad.buffer)))).toEqual(info)
})

test.each([x25519, p256])('the seam of the tests and OpenSSL agree on $name', async (kem) => {
  const receiver = generateKeyPair(kem)
  const { enc, sharedSecret } = await encapsulateWith(generateKeyPair(kem).privateKey)(kem, receiver.publicKey)
  expect(privateKeyFrom(kem, receiver.privateKey).decapsulate(enc)).toEqual(sharedSecret)
})

test.each(kems)('E-9: every sender has an encapsulation of its own: $name', async (kem) => {
  const { publicKey } = generateKeyPair(kem)
  const suite = { kdf, aead: aes128Gcm }
  const senders = await Promise.all(
    backends.flatMap(([, hpke]) => [1, 2].map(() => hpke.setupSender(kem, suite, publicKey, info))),
  )
  expect(new Set(senders.map(({ enc }) => hex(enc))).size).toBe(4)
  expect(hex(encapsulate(kem, publicKey).enc)).not.toBe(hex(encapsulate(kem, publicKey).enc))
})

test('an encapsulation handed in is the one that is used', async () => {
  const { publicKey } = generateKeyPair(xWing)
  const given = encapsulate(xWing, publicKey)
  const hpke = createNodeHpke({ encapsulate: () => given })
  expect((await hpke.setupSender(xWing, { kdf, aead: aes128Gcm }, publicKey, info)).enc).toBe(given.enc)
})
