/** Forges certificates and revocation lists in vendors' own encodings, under roots of these tests. */
import { constants, createPublicKey, sign, type KeyObject } from 'node:crypto'
import { concat, fromHex, type Bytes } from '../../../../shared/bytes.ts'
import * as der from '../../../../shared/upstream/der.ts'

export const day = 86_400_000

export const small = (value: number): Bytes => der.integer(Uint8Array.of(value))

/** What is written beside a signature, and how it is made. */
export type Algorithm = { readonly id: Bytes; readonly hash: string; readonly salt?: number }

export function extension(id: string, value: Bytes, critical = false): Bytes {
  return der.sequence(der.objectId(id), ...(critical ? [der.boolean(true)] : []), der.octetString(value))
}

export const constraints = (pathLength?: number) =>
  extension(
    '2.5.29.19',
    der.sequence(der.boolean(true), ...(pathLength === undefined ? [] : [small(pathLength)])),
    true,
  )
/** keyCertSign is 0x04 and cRLSign 0x02, digitalSignature 0x80. */
export const usage = (bits: number, unused = 1) =>
  extension('2.5.29.15', der.bitString(Uint8Array.of(bits), unused), true)
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
