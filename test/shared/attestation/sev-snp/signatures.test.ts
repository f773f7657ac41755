/** Keys are refused by us: platforms differ in what they import. attestation.md a.6, check 6. */
import { describe, expect, test } from 'vitest'
import { checkRsa4096, p384Point } from '../../../../shared/attestation/sev-snp/signatures.ts'
import { concat } from '../../../../shared/bytes.ts'
import { codeOf } from '../../tlog/code-of.ts'
import { ecKey, refusedPoints, refusedRsa, rsaKey } from './keys.ts'
import { bytes } from './values.ts'

describe('RSA', () => {
  test('4096 bits and 65537', () => expect(() => checkRsa4096(rsaKey({}))).not.toThrow())
  test.each(refusedRsa)('%s', async (_, spki) => {
    expect(['bad-encoding', 'certificate-key-refused']).toContain(await codeOf(() => checkRsa4096(spki)))
  })
})

describe('P-384', () => {
  // Whether a point lies on the curve is the platform's to say; every platform does.
  const refused = refusedPoints.filter(([what]) => !what.includes('off the curve'))
  test('an uncompressed point', () => {
    const point = concat(Uint8Array.of(4), bytes(96, 1))
    expect(p384Point(ecKey(point))).toEqual(point)
  })
  test.each(refused)('%s', async (_, spki) => {
    expect(['bad-encoding', 'certificate-key-refused']).toContain(await codeOf(() => p384Point(spki)))
  })
})
