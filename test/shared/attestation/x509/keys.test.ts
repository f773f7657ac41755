/** Keys and signatures are refused by us: platforms differ in what they import. attestation.md a.6, check 6. */
import { describe, expect, test } from 'vitest'
import { checkPoint, checkRsa4096, curves, rawSignature } from '../../../../shared/attestation/x509/keys.ts'
import { concat, fromHex, hex } from '../../../../shared/bytes.ts'
import { codeOf } from '../../tlog/code-of.ts'
import { bytes } from '../values.ts'
import { ecKey, refusedPoints, refusedRsa, rsaKey } from './keys.ts'

describe('RSA', () => {
  test('4096 bits and 65537', () => expect(() => checkRsa4096(rsaKey({}))).not.toThrow())
  test.each(refusedRsa)('%s', async (_, spki) => {
    expect(['bad-encoding', 'certificate-key-refused']).toContain(await codeOf(() => checkRsa4096(spki)))
  })
})

describe('P-384', () => {
  // Whether a point lies on the curve is the platform's to say; every platform does.
  const refused = refusedPoints.filter(([what]) => !what.includes('off the curve'))
  const point = ecKey(concat(Uint8Array.of(4), bytes(96, 1)))
  test('an uncompressed point', () => expect(() => checkPoint(point, curves.p384)).not.toThrow())
  test.each(refused)('%s', async (_, spki) => {
    expect(['bad-encoding', 'certificate-key-refused']).toContain(await codeOf(() => checkPoint(spki, curves.p384)))
  })
  test('a point of another curve than asked for', async () => {
    expect(await codeOf(() => checkPoint(point, curves.p256))).toBe('certificate-key-refused')
  })
})

describe('r and s out of DER', () => {
  const raw = (der: string) => hex(rawSignature(fromHex(der), curves.p256))
  const scalar = (start: string, end: string) => `${start.padEnd(64 - end.length, '0')}${end}`

  test.each([
    ['short ones', '3006020101020102', scalar('', '01') + scalar('', '02')],
    ['one with its sign', `302602210080${'00'.repeat(31)}020103`, scalar('80', '') + scalar('', '03')],
  ])('%s', (_, der, expected) => expect(raw(der)).toBe(expected))

  test.each([
    ['a spare octet', '300702020001020102'],
    ['a negative one', '3006020181020102'],
    ['the least negative one', '30060201ff020102'],
    ['the most negative one', '3006020180020102'],
    ['a long one', `3026022101${'00'.repeat(32)}020103`],
    ['a third', '3009020101020102020103'],
    ['bytes behind', '300602010102010200'],
    ['one alone', '3003020101'],
  ])('%s', async (_, der) => expect(await codeOf(() => raw(der))).toBe('bad-encoding'))
})
