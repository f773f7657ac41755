/** X.509 certificates as vendors of chips write them: read strictly, judged elsewhere. RFC 5280 §4.1. */
import type { Bytes } from '../../bytes.ts'
import { Refusal } from '../../refusal.ts'
import { context, readDer, readExtensions, tags, type DerReader, type Extension } from '../der.ts'

export const maxCertificate = 8 * 1024

/** What a certificate or revocation list says about its own signature, and the signature. */
export type Signed = {
  /** what the signature covers */
  readonly tbs: Bytes
  readonly innerAlgorithm: Bytes
  readonly outerAlgorithm: Bytes
  readonly signature: Bytes
}

/** Algorithms, names and keys as they are encoded: these profiles compare bytes. Times are milliseconds since 1970. */
export type Certificate = Signed & {
  readonly der: Bytes
  /** lower-case hex */
  readonly serial: string
  readonly issuer: Bytes
  readonly subject: Bytes
  readonly notBefore: number
  readonly notAfter: number
  readonly spki: Bytes
  readonly extensions: readonly Extension[]
}

export function readCertificate(der: Uint8Array): Certificate {
  if (der.length > maxCertificate) throw new Refusal('bad-encoding', `a certificate of ${der.length} bytes`)
  return { der: der as Bytes, ...readSigned(der, readBody) }
}

/** The outer form that certificates and revocation lists share. RFC 5280 §4.1.1, §5.1.1. */
export function readSigned<T>(der: Uint8Array, readBody: (whole: DerReader) => T) {
  return readDer(der, (from) => {
    const all = from.enter(tags.sequence)
    const tbs = all.element(tags.sequence).whole
    const outerAlgorithm = all.element(tags.sequence).whole
    const signature = all.bits()
    all.end()
    return { tbs, outerAlgorithm, signature, ...readDer(tbs, readBody) }
  })
}

function readBody(whole: DerReader) {
  const from = whole.enter(tags.sequence)
  readVersion(from)
  const serial = from.unsigned()
  const innerAlgorithm = from.element(tags.sequence).whole
  const issuer = from.element(tags.sequence).whole
  const validity = readValidity(from.enter(tags.sequence))
  const subject = from.element(tags.sequence).whole
  const spki = from.element(tags.sequence).whole
  const wrapped = from.enter(context(3))
  const extensions = readExtensions(wrapped)
  wrapped.end()
  from.end()
  return { serial, innerAlgorithm, issuer, ...validity, subject, spki, extensions }
}

/** Version 3 is the number 2. */
function readVersion(from: DerReader): void {
  const version = from.enter(context(0))
  if (version.small(2) !== 2) throw new Refusal('bad-encoding', 'not a certificate of version 3')
  version.end()
}

function readValidity(from: DerReader): { notBefore: number; notAfter: number } {
  const notBefore = from.time()
  const notAfter = from.time()
  from.end()
  return { notBefore, notAfter }
}

/** Throws outside its validity, which both clocks may miss by `skew`; gives its end. */
export function checkValidity({ notBefore, notAfter }: Certificate, now: number, skew: number): number {
  if (now < notBefore - skew) throw new Refusal('certificate-not-yet-valid', 'a certificate is not valid yet')
  if (now > notAfter + skew) throw new Refusal('certificate-expired', 'a certificate ended')
  return notAfter
}
