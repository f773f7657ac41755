/** Nonces that count, up to where they must stop. RFC 9180 §5.2; draft -08 §6.2. */
import { expect, test } from 'vitest'
import { fromHex, hex } from '../../../shared/bytes.ts'
import { NonceSequence } from '../../../shared/hpke/sequence.ts'

const zero = new Uint8Array(12)

test.each([
  [0, '000000000000000000000000'],
  [1, '000000000000000000000001'],
  [255, '0000000000000000000000ff'],
  [256, '000000000000000000000100'],
  [2 ** 31, '000000000000000080000000'],
  [2 ** 32 - 1, '0000000000000000ffffffff'],
  [2 ** 32, '000000000000000100000000'],
  [2 ** 53 - 2, '00000000001ffffffffffffe'],
])('number %d is %s, big-endian', (at, expected) => {
  expect(hex(new NonceSequence(zero, at).nonce())).toBe(expected)
})

test('the number is XORed in, not added, and the base stays as it was', () => {
  const base = fromHex('ffffffffffffffffffffffff')
  const sequence = new NonceSequence(base, 0x0102)
  expect(hex(sequence.nonce())).toBe('fffffffffffffffffffffefd')
  expect(hex(base)).toBe('ffffffffffffffffffffffff')
})

test('taking counts on, looking does not', () => {
  const sequence = new NonceSequence(zero)
  expect(
    [sequence.take(), sequence.nonce(), sequence.nonce(), sequence.take(), sequence.take()].map((n) => n[11]),
  ).toEqual([0, 1, 1, 1, 2])
})

test('CHK-9: a sequence ends before a number could come twice', () => {
  const sequence = new NonceSequence(zero, Number.MAX_SAFE_INTEGER - 1)
  sequence.take()
  expect(() => sequence.take()).toThrow(expect.objectContaining({ code: 'exhausted' }) as Error)
  expect(() => sequence.take()).toThrow(expect.objectContaining({ code: 'exhausted' }) as Error)
})
