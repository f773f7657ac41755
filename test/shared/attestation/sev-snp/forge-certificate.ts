/** Forges what AMD would issue: certificates and revocation lists in AMD's own encoding, under roots of these tests. */
import { createPublicKey, generateKeyPairSync, sign, constants, type KeyObject } from 'node:crypto'
import { concat, fromHex, type Bytes } from '../../../../shared/bytes.ts'
import * as der from '../../../../shared/upstream/der.ts'

export const day = 86_400_000

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
const small = (value: number) => der.integer(Uint8Array.of(value))
const pssOf = (hash: Bytes, salt: number, ...more: Bytes[]) =>
  der.sequence(
    rsaPss,
    der.sequence(der.tagged(0, hash), der.tagged(1, mgf1(hash)), der.tagged(2, small(salt)), ...more),
  )

type Algorithm = { readonly id: Bytes; readonly hash: string; readonly salt?: number }

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

export function extension(id: string, value: Bytes, critical = false): Bytes {
  return der.sequence(der.objectId(id), ...(critical ? [der.boolean(true)] : []), der.octetString(value))
}

export const constraints = (pathLength?: number) =>
  extension(
    '2.5.29.19',
    der.sequence(der.boolean(true), ...(pathLength === undefined ? [] : [small(pathLength)])),
    true,
  )
/** keyCertSign (0x04) and cRLSign (0x02), in AMD's encoding with one unused bit. */
export const usage = (bits: number) => extension('2.5.29.15', der.bitString(Uint8Array.of(bits), 1), true)

export type CertificateParts = {
  readonly serial: Bytes
  readonly issuer: Bytes
  readonly subject: Bytes
  readonly notBefore: number
  readonly notAfter: number
  readonly key: KeyObject
  readonly extensions: readonly Bytes[]
  readonly algorithm: Algorithm
  /** what is written beside the signature, where it is not what was signed */
  readonly outer?: Algorithm
  readonly version?: number
  /** written after the certificate */
  readonly tail?: Bytes
  /** something more at the end of one part, where nothing may be */
  readonly more?: 'whole' | 'body' | 'version' | 'validity' | 'extensions'
  readonly spki?: Bytes
}

const nothing = fromHex('0500')

export function spkiOf(key: KeyObject): Bytes {
  return Uint8Array.from(createPublicKey(key).export({ type: 'spki', format: 'der' }))
}

export function certificate(parts: CertificateParts, signer: KeyObject): Bytes {
  const spki = parts.spki ?? spkiOf(parts.key)
  const more = (where: CertificateParts['more']) => (parts.more === where ? [nothing] : [])
  const tbs = der.sequence(
    der.tagged(0, small(parts.version ?? 2), ...more('version')),
    der.integer(parts.serial),
    parts.algorithm.id,
    parts.issuer,
    der.sequence(der.time(new Date(parts.notBefore)), der.time(new Date(parts.notAfter)), ...more('validity')),
    parts.subject,
    spki,
    der.tagged(3, der.sequence(...parts.extensions), ...more('extensions')),
    ...more('body'),
  )
  const { algorithm, outer, tail = new Uint8Array(0) } = parts
  return concat(signed(tbs, algorithm, signer, outer, more('whole')), tail)
}

export type CrlParts = {
  readonly issuer: Bytes
  readonly thisUpdate: number
  readonly nextUpdate: number
  readonly number: number
  readonly revoked: readonly Bytes[]
  readonly algorithm: Algorithm
  readonly extensions?: readonly Bytes[]
  readonly entryExtensions?: readonly Bytes[]
  readonly version?: number
  readonly tail?: Bytes
  /** something more at the end of one part, where nothing may be */
  readonly more?: 'whole' | 'body' | 'entry' | 'extensions' | 'entries'
}

export function crl(parts: CrlParts, signer: KeyObject): Bytes {
  const { issuer, thisUpdate, nextUpdate, number, revoked, algorithm } = parts
  const more = (where: CrlParts['more']) => (parts.more === where ? [nothing] : [])
  const inner = parts.entryExtensions === undefined ? [] : [der.sequence(...parts.entryExtensions)]
  const time = der.time(new Date(thisUpdate))
  const entries = revoked.map((serial) => der.sequence(der.integer(serial), time, ...inner, ...more('entry')))
  const extensions = parts.extensions ?? [extension('2.5.29.20', small(number))]
  const tbs = der.sequence(
    small(parts.version ?? 1),
    algorithm.id,
    issuer,
    time,
    der.time(new Date(nextUpdate)),
    ...(entries.length === 0 ? [] : [der.sequence(...entries, ...more('entries'))]),
    der.tagged(0, der.sequence(...extensions), ...more('extensions')),
    ...more('body'),
  )
  return concat(signed(tbs, algorithm, signer, algorithm, more('whole')), parts.tail ?? new Uint8Array(0))
}

function signed(tbs: Bytes, algorithm: Algorithm, key: KeyObject, outer = algorithm, more: Bytes[] = []): Bytes {
  const { salt, hash } = algorithm
  const pss = salt === undefined ? {} : { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: salt }
  return der.sequence(tbs, outer.id, der.bitString(Uint8Array.from(sign(hash, tbs, { key, ...pss }))), ...more)
}
