/** What Intel's certificates and lists have in common: names, ECDSA with SHA-256 on P-256, one root. attestation.md a.4. */
import { concat, equal, fromHex, type Bytes } from '../../bytes.ts'
import { Refusal, refuseAs } from '../../refusal.ts'
import { importKey, type PublicKey } from '../signatures.ts'
import type { Certificate, Signed } from '../x509/certificate.ts'
import { checkPoint, curves, rawSignature } from '../x509/keys.ts'
import { commonNameIn } from '../x509/name.ts'

/** SHA-256 of the DER of Intel's root, lower-case hex: what a trust root pins. */
export const intelRoot = '44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3'

/** The quoting enclaves of Intel. */
export const intelVendorId = fromHex('939a7233f79c4ca9940a0db3957f0607')

/** Fixed common names. */
export const names = {
  root: 'Intel SGX Root CA',
  /** one for machines with several sockets, one for those with one */
  issuers: ['Intel SGX PCK Platform CA', 'Intel SGX PCK Processor CA'],
  leaf: 'Intel SGX PCK Certificate',
  tcbSigning: 'Intel SGX TCB Signing',
} as const

// O=Intel Corporation, L=Santa Clara, ST=CA, C=US: the same in every name that Intel writes.
const organization = [
  '311a3018060355040a0c11496e74656c20436f72706f726174696f6e',
  '3114301206035504070c0b53616e746120436c617261',
  '310b300906035504080c024341',
  '310b3009060355040613025553',
].map(fromHex)

/** Undefined for any name that is not built like that, to the byte. */
export function commonName(name: Bytes): string | undefined {
  return commonNameIn(name, { before: [], after: organization })
}

/** Throws unless issuer and subject have these common names. */
export function checkNames({ issuer, subject }: Certificate, by: string, of: string): void {
  if (commonName(issuer) !== by) throw new Refusal('certificate-name-mismatch', `not issued by ${by}`)
  if (commonName(subject) !== of) throw new Refusal('certificate-name-mismatch', `not ${of}`)
}

const ecdsaWithSha256 = fromHex('300a06082a8648ce3d040302')

export function isEcdsa({ innerAlgorithm, outerAlgorithm }: Signed): boolean {
  return equal(innerAlgorithm, ecdsaWithSha256) && equal(outerAlgorithm, ecdsaWithSha256)
}

/** Algorithm and key, before any signature is tried with them. */
export function checkForm(certificate: Certificate): void {
  if (!isEcdsa(certificate)) throw new Refusal('certificate-algorithm-refused', 'not ECDSA with SHA-256')
  refuseAs('certificate-key-refused', () => checkPoint(certificate.spki, curves.p256))
}

/** The key of a certificate, once checkForm took it. */
export function keyOf({ spki }: Certificate): Promise<PublicKey> {
  return importKey('ecdsa-p256', spki)
}

// SubjectPublicKeyInfo of P-256, up to the coordinates.
const p256Head = fromHex('3059301306072a8648ce3d020106082a8648ce3d03010703420004')

/** The key at x ‖ y; no key is there, so it signed nothing, where that is off the curve. */
export function keyAt(coordinates: Bytes): Promise<PublicKey> {
  return importKey('ecdsa-p256', concat(p256Head, coordinates), 'bad-signature')
}

/** Whether the key signed this certificate or list; a signature that is not DER is none. */
export async function signedBy(key: PublicKey, { signature, tbs }: Signed): Promise<boolean> {
  const raw = rawOf(signature)
  return raw !== undefined && key.verifies(raw, tbs)
}

function rawOf(signature: Bytes): Bytes | undefined {
  try {
    return rawSignature(signature, curves.p256)
  } catch (cause) {
    if (cause instanceof Refusal) return undefined
    throw cause
  }
}
