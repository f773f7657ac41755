/** Our HMAC against RFC 4231 and against the platform's. */
import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromHex, hex, utf8 } from '../../../shared/bytes.ts'
import { hmacSha256 } from '../../../shared/hpke/node-hmac.ts'

const long = 'This is a test using a larger than block-size key and a larger than block-size data. '
const more = 'The key needs to be hashed before being used by the HMAC algorithm.'

test.each([
  ['0b'.repeat(20), hex(utf8('Hi There')), 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
  [
    hex(utf8('Jefe')),
    hex(utf8('what do ya want for nothing?')),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  ['aa'.repeat(20), 'dd'.repeat(50), '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe'],
  ['aa'.repeat(131), hex(utf8(long + more)), '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2'],
])('RFC 4231: key %.10s..., data %.10s...', (key, data, mac) => {
  expect(hex(hmacSha256(fromHex(key), fromHex(data)))).toBe(mac)
})

test('it is the HMAC of the platform, for keys and data of every length', () => {
  const bytes = fc.uint8Array({ maxLength: 200 })
  fc.assert(
    fc.property(bytes, fc.oneof(bytes, fc.uint8Array({ minLength: 900, maxLength: 2000 })), (key, data) => {
      expect(hex(hmacSha256(key, data))).toBe(createHmac('sha256', key).update(data).digest('hex'))
    }),
  )
})

test.each([0, 1, 55, 63, 64, 65, 959, 960, 961, 5000])('%i bytes of key, and of data', (length) => {
  const bytes = new Uint8Array(length).map((_, i) => i + 1)
  expect(hex(hmacSha256(bytes, bytes))).toBe(createHmac('sha256', bytes).update(bytes).digest('hex'))
})

test('what one call gave is not touched by the next', () => {
  const first = hmacSha256(utf8('key'), utf8('data'))
  const copy = first.slice()
  hmacSha256(utf8('other key'), utf8('other data'))
  expect(first).toEqual(copy)
})
