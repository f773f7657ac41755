/** X.509 certificates as AMD writes them: read strictly, judged elsewhere. RFC 5280 §4.1; attestation.md a.3. */
import { equal, fromHex, fromUtf8, type Bytes } from '../../bytes.ts'
import { Refusal } from '../../refusal.ts'
import { context, readDer, readExtensions, tags, type DerReader, type Extension } from '../der.ts'

export const maxCertificate = 8 * 1024

/** Algorithms, names and keys as they are encoded: this profile compares bytes. Times are milliseconds since 1970. */
export type Certificate = {
  readonly der: Bytes
  /** what the signature covers */
  readonly tbs: Bytes
  /** lower-case hex */
  readonly serial: string
  readonly issuer: Bytes
  readonly subject: Bytes
  readonly notBefore: number
  readonly notAfter: number
  readonly spki: Bytes
  readonly extensions: readonly Extension[]
  readonly innerAlgorithm: Bytes
  readonly outerAlgorithm: Bytes
  readonly signature: Bytes
}

export function readCertificate(der: Uint8Array): Certificate {
  if (der.length > maxCertificate) throw new Refusal('bad-encoding', `a certificate of ${der.length} bytes`)
  return readDer(der, (from) => {
    const all = from.enter(tags.sequence)
    const tbs = all.element(tags.sequence).whole
    const outerAlgorithm = all.element(tags.sequence).whole
    const signature = all.bits()
    all.end()
    return { der: der as Bytes, tbs, outerAlgorithm, signature, ...readDer(tbs, readBody) }
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

// OU=Engineering, C=US, L=Santa Clara, ST=CA, O=Advanced Micro Devices: the same in every name that AMD writes.
const organization = [
  '31143012060355040b0c0b456e67696e656572696e67',
  '310b3009060355040613025553',
  '3114301206035504070c0b53616e746120436c617261',
  '310b300906035504080c024341',
  '311f301d060355040a0c16416476616e636564204d6963726f2044657669636573',
].map(fromHex)

/** The common name behind AMD's organization; undefined for any name that is not built like that, to the byte. */
export function commonName(name: Bytes): string | undefined {
  try {
    return readDer(name, readName)
  } catch (cause) {
    if (cause instanceof Refusal) return undefined
    throw cause
  }
}

function readName(whole: DerReader): string {
  const from = whole.enter(tags.sequence)
  for (const expected of organization) {
    if (!equal(from.element(tags.set).whole, expected)) throw new Refusal('bad-encoding', 'not a name of AMD')
  }
  const last = from.enter(tags.set)
  const pair = last.enter(tags.sequence)
  if (pair.objectId() !== '2.5.4.3') throw new Refusal('bad-encoding', 'not a common name')
  const text = fromUtf8(pair.element(tags.utf8String).content)
  pair.end()
  last.end()
  from.end()
  return text
}
