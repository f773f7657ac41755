/** Endorsements as people and tools hand them over: PEM or hex, at the edge only. */
import { describe, expect, test } from 'vitest'
import { readPem } from '../../../../shared/attestation/pem.ts'
import { readEndorsements } from '../../../../shared/attestation/sev-snp/pem.ts'
import { base64, hex } from '../../../../shared/bytes.ts'
import { codeOf } from '../../tlog/code-of.ts'
import { bytes } from '../values.ts'

const [leaf, ask, ark, crl] = [bytes(3, 1), bytes(60, 2), bytes(61, 3), bytes(5, 4)]
const pem = (der: Uint8Array, label = 'CERTIFICATE') =>
  `-----BEGIN ${label}-----\n${base64(der).replace(/.{64}/g, '$&\n')}\n-----END ${label}-----\n`

test("hex for the leaf, AMD's file of two certificates, a list", () => {
  expect(readEndorsements([hex(leaf), pem(ask) + pem(ark), pem(crl, 'X509 CRL')])).toEqual([leaf, ask, ark, crl])
  expect(readEndorsements([pem(leaf), hex(ask), hex(ark), hex(crl)])).toEqual([leaf, ask, ark, crl])
  expect(readEndorsements([])).toEqual([])
})

test('two certificates in the place of the leaf stay in that place', () => {
  const [first, ...others] = readEndorsements([pem(leaf) + pem(leaf), pem(ask) + pem(ark)])
  expect(first).toHaveLength(6)
  expect(others).toEqual([ask, ark])
})

test('carriage returns', () => {
  expect(readPem(pem(ask).replaceAll('\n', '\r\n'))).toEqual([ask])
})

describe('bad-encoding', () => {
  test.each([
    ['sloppy base64', pem(leaf).replace('AQEB', 'AQF=')],
    ['spare bits in base64', '-----BEGIN CERTIFICATE-----\nAQF=\n-----END CERTIFICATE-----'],
    ['blanks inside', pem(ask).replace('AgIC', 'Ag IC')],
    ['words between', `${pem(ask)}and\n${pem(ark)}`],
    ['another label', pem(leaf, 'PRIVATE KEY')],
    ['labels that differ', pem(leaf).replace('END CERTIFICATE', 'END X509 CRL')],
    ['no end', '-----BEGIN CERTIFICATE-----\nAQEB\n'],
    ['odd hex', 'abc'],
  ])('%s', async (_, text) => {
    expect(await codeOf(() => readEndorsements([text]))).toBe('bad-encoding')
  })
})
