/** Public keys that the profile refuses, in otherwise good SubjectPublicKeyInfo. RFC 5480 §2, RFC 8017 A.1.1. */
import { concat, type Bytes } from '../../../../shared/bytes.ts'
import * as der from '../../../../shared/upstream/der.ts'
import { bytes } from '../values.ts'

export const refusedRsa: readonly (readonly [string, Bytes])[] = [
  ['another exponent', rsaKey({ exponent: 3 })],
  ['a modulus of 2048 bits', rsaKey({ modulus: bytes(256, 0xff) })],
  ['a modulus of 4095 bits', rsaKey({ modulus: bytes(512, 0x7f) })],
  ['a modulus of 4104 bits', rsaKey({ modulus: bytes(513, 0x7f) })],
  ['more than a key', rsaKey({ more: 'key' })],
  ['more behind its key', rsaKey({ more: 'spki' })],
  ['more than an algorithm', rsaKey({ more: 'algorithm' })],
  ['a key for PSS alone', rsaKey({ id: '1.2.840.113549.1.1.10' })],
]
export const refusedPoints: readonly (readonly [string, Bytes])[] = [
  ['a compressed point', ecKey(concat(Uint8Array.of(2), bytes(48, 1)))],
  ['a hybrid point', ecKey(concat(Uint8Array.of(6), bytes(96, 1)))],
  ['a long point', ecKey(concat(Uint8Array.of(4), bytes(97, 1)))],
  ['a point off the curve', ecKey(concat(Uint8Array.of(4), bytes(96, 1)))],
  ['a point of another kind of key', ecKey(concat(Uint8Array.of(4), bytes(96, 1)), '1.3.132.1.12')],
]

type RsaParts = { readonly modulus?: Bytes; readonly exponent?: number; readonly id?: string; readonly more?: string }

export function rsaKey({
  modulus = bytes(512, 0xff),
  exponent = 65_537,
  id = '1.2.840.113549.1.1.1',
  more,
}: RsaParts): Bytes {
  const nothing = (where: string) => (where === more ? [Uint8Array.of(5, 0)] : [])
  const e = der.integer(Uint8Array.of(exponent >> 16, exponent >> 8, exponent))
  const key = der.sequence(der.integer(modulus), e, ...nothing('key'))
  const algorithm = der.sequence(der.objectId(id), Uint8Array.of(5, 0), ...nothing('algorithm'))
  return der.sequence(algorithm, der.bitString(key), ...nothing('spki'))
}

export function ecKey(point: Bytes, id = '1.2.840.10045.2.1'): Bytes {
  const algorithm = der.sequence(der.objectId(id), der.objectId('1.3.132.0.34'))
  return der.sequence(algorithm, der.bitString(point))
}
