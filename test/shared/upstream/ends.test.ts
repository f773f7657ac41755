/** When what an operator put into files ends: as OpenSSL reads certificates, and as pins say. */
import { expect, test } from 'vitest'
import { certificatePem, selfSigned } from '../../../shared/upstream/certificate.ts'
import { certificateEnds, pinsEnd } from '../../../shared/upstream/ends.ts'

const [soon, later] = ['2026-12-01T00:00:00Z', '2027-01-01T12:00:00Z'].map((text) => new Date(text))
const pem = (notAfter: Date | undefined): string =>
  certificatePem(selfSigned({ commonName: 'a', use: 'server', ...(notAfter && { notAfter }) }))
const [a, b] = ['a'.repeat(64), 'b'.repeat(64)]
const now = Date.parse('2026-11-25T00:00:00Z')

test('each certificate of a chain or of a file of authorities counts', () => {
  const file = Buffer.from(`a comment\n${pem(later)}${pem(soon)}`)
  expect(certificateEnds(file)).toEqual([later?.getTime(), soon?.getTime()])
  expect(certificateEnds(undefined)).toEqual([])
})

test('what says that it is a certificate and is none has ended', () => {
  expect(certificateEnds(Buffer.from('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'))).toEqual([0])
})

test.each([
  ['the last of two pins', `${a} 2026-12-01T00:00:00Z\n${b} 2027-01-01T12:00:00Z\n`, later?.getTime()],
  [
    'pins of which none is good any more say since when',
    `${a} 2026-01-01T00:00:00Z\n`,
    Date.parse('2026-01-01T00:00:00Z'),
  ],
])('%s', (_, text, end) => {
  expect(pinsEnd(Buffer.from(text), now)).toEqual([end])
  expect(pinsEnd(undefined, now)).toEqual([])
})
