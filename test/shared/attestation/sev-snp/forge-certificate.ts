/** What AMD would issue with: keys, algorithms and names in AMD's own encoding. */
import { generateKeyPairSync } from 'node:crypto'
import { fromHex, type Bytes } from '../../../../shared/bytes.ts'
import * as der from '../../../../shared/upstream/der.ts'
import { small, type Algorithm } from '../x509/forge.ts'

const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).privateKey

/** Slow to make, so two serve for everything: each plays root in one PKI and issuer in the other. */
export const keys = {
  ark: rsa(4096),
  ask: rsa(4096),
  weak: rsa(2048),
  leaf: generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  otherLeaf: generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
} as const

const sha384 = der.sequence(der.objectId('2.16.840.1.101.3.4.2.2'), fromHex('0500'))
const sha256 = der.sequence(der.objectId('2.16.840.1.101.3.4.2.1'), fromHex('0500'))
const rsaPss = der.objectId('1.2.840.113549.1.1.10')
const mgf1 = (hash: Bytes) => der.sequence(der.objectId('1.2.840.113549.1.1.8'), hash)
const pssOf = (hash: Bytes, salt: number, ...more: Bytes[]) =>
  der.sequence(
    rsaPss,
    der.sequence(der.tagged(0, hash), der.tagged(1, mgf1(hash)), der.tagged(2, small(salt)), ...more),
  )

export const algorithms = {
  pss: { id: pssOf(sha384, 48), hash: 'sha384', salt: 48 },
  pssWithTrailer: { id: pssOf(sha384, 48, der.tagged(3, small(1))), hash: 'sha384', salt: 48 },
  salt32: { id: pssOf(sha384, 32), hash: 'sha384', salt: 32 },
  sha256: { id: pssOf(sha256, 48), hash: 'sha256', salt: 48 },
  pkcs1: { id: der.sequence(der.objectId('1.2.840.113549.1.1.12'), fromHex('0500')), hash: 'sha384' },
} as const satisfies Record<string, Algorithm>

export function nameOf(commonName: string, organization = 'Advanced Micro Devices', ...more: Bytes[]): Bytes {
  const part = (id: string, value: Bytes) => der.setOfOne(der.sequence(der.objectId(id), value))
  return der.sequence(
    part('2.5.4.11', der.utf8String('Engineering')),
    part('2.5.4.6', fromHex('13025553')),
    part('2.5.4.7', der.utf8String('Santa Clara')),
    part('2.5.4.8', der.utf8String('CA')),
    part('2.5.4.10', der.utf8String(organization)),
    part('2.5.4.3', der.utf8String(commonName)),
    ...more,
  )
}
