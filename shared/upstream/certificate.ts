/**
 * X.509 certificates made in this process: the CVM agent's own, and the small authorities of local pairs and tests.
 * RFC 5280 §4.1-4.2; P-256 with ecdsa-with-SHA256 (RFC 5758 §3.2).
 */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIP, isIPv4 } from 'node:net'
import { base64, type Bytes, hex, latin1 } from '../bytes.ts'
import * as der from './der.ts'

export type CertificateUse = 'authority' | 'server' | 'client'

export type CertificateOptions = {
  readonly commonName: string
  readonly use: CertificateUse
  /** DNS names and IP addresses for subjectAltName. */
  readonly names?: readonly string[]
  readonly notBefore?: Date
  readonly notAfter?: Date
}

/** A private key that lives in this process, and the certificate that shows its public half. */
export type Identity = { readonly commonName: string; readonly privateKey: KeyObject; readonly certificate: Bytes }

const ecdsaWithSha256 = der.sequence(der.objectId('1.2.840.10045.4.3.2'))
// RFC 5280 §4.1.2.5: the value for a certificate without a sensible end. Who pins a key does not read the date.
const noEnd = new Date('9999-12-31T23:59:59Z')
// KeyUsage bits, most significant first (RFC 5280 §4.2.1.3), with the count of unused bits at the end.
const keyUsage = {
  authority: der.bitString(Uint8Array.of(0b0000_0110), 1), // keyCertSign, cRLSign
  server: der.bitString(Uint8Array.of(0b1000_0000), 7), // digitalSignature
  client: der.bitString(Uint8Array.of(0b1000_0000), 7),
}
const purposes = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' }

/** A fresh key, or the one of `key`, and a certificate that it signs itself. */
export function selfSigned(options: CertificateOptions & { readonly key?: Identity }): Identity {
  const { privateKey } = options.key ?? generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return certify(privateKey, options, { commonName: options.commonName, privateKey })
}

/** A fresh key and a certificate that `authority` signs. */
export function issuedBy(authority: Identity, options: CertificateOptions): Identity {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return certify(privateKey, options, authority)
}

export function certificatePem({ certificate }: Pick<Identity, 'certificate'>): string {
  const lines = base64(certificate).match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

export function privateKeyPem({ privateKey }: Pick<Identity, 'privateKey'>): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' })
}

/** SubjectPublicKeyInfo in DER: what pins and evidence speak of. */
export function spkiOf(key: KeyObject): Bytes {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  return Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' }))
}

/** A pin: lower-case hex of SHA-256 over the SubjectPublicKeyInfo. RFC 7469 §2.4. */
export function pinOf(key: KeyObject): string {
  return hex(createHash('sha256').update(spkiOf(key)).digest())
}

function certify(
  privateKey: KeyObject,
  options: CertificateOptions,
  issuer: Pick<Identity, 'commonName' | 'privateKey'>,
): Identity {
  const { commonName, notBefore = new Date(Date.now() - 3_600_000), notAfter = noEnd } = options
  const body = der.sequence(
    der.tagged(0, der.integer(Uint8Array.of(2))),
    der.integer(serialNumber()),
    ecdsaWithSha256,
    nameOf(issuer.commonName),
    der.sequence(der.time(notBefore), der.time(notAfter)),
    nameOf(commonName),
    spkiOf(privateKey),
    der.tagged(3, der.sequence(...extensions(options, spkiOf(privateKey), spkiOf(issuer.privateKey)))),
  )
  const signature = sign('sha256', body, issuer.privateKey)
  return { commonName, privateKey, certificate: der.sequence(body, ecdsaWithSha256, der.bitString(signature)) }
}

// At least 64 bits from a good source and never negative nor zero. RFC 5280 §4.1.2.2.
function serialNumber(): Bytes {
  const serial = Uint8Array.from(randomBytes(16))
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  return serial
}

function nameOf(commonName: string): Bytes {
  return der.sequence(der.setOfOne(der.sequence(der.objectId('2.5.4.3'), der.utf8String(commonName))))
}

function extensions({ use, names = [] }: CertificateOptions, spki: Bytes, issuerSpki: Bytes): Bytes[] {
  const list = [
    extension('2.5.29.19', der.sequence(...(use === 'authority' ? [der.boolean(true)] : [])), 'critical'),
    extension('2.5.29.15', keyUsage[use], 'critical'),
    extension('2.5.29.14', der.octetString(keyId(spki))),
    extension('2.5.29.35', der.sequence(der.taggedPrimitive(0, keyId(issuerSpki)))),
  ]
  if (use !== 'authority') list.push(extension('2.5.29.37', der.sequence(der.objectId(purposes[use]))))
  if (names.length > 0) list.push(extension('2.5.29.17', der.sequence(...names.map(alternativeName))))
  return list
}

function extension(id: string, value: Bytes, critical?: 'critical'): Bytes {
  return der.sequence(der.objectId(id), ...(critical ? [der.boolean(true)] : []), der.octetString(value))
}

// RFC 7093 §2 method 1: the leftmost 160 bits of a SHA-256; only has to be the same on both ends.
function keyId(spki: Bytes): Bytes {
  return Uint8Array.from(createHash('sha256').update(spki).digest().subarray(0, 20))
}

function alternativeName(name: string): Bytes {
  return isIP(name) ? der.taggedPrimitive(7, addressOctets(name)) : der.taggedPrimitive(2, latin1(name))
}

function addressOctets(address: string): Bytes {
  if (isIPv4(address)) return Uint8Array.from(address.split('.').map(Number))
  const [head = '', tail] = address.split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => parseInt(group, 16)))
  const front = groups(head)
  const back = tail === undefined ? [] : groups(tail)
  const middle = new Array<number>(8 - front.length - back.length).fill(0)
  return Uint8Array.from([...front, ...middle, ...back].flatMap((group) => [group >> 8, group & 0xff]))
}
