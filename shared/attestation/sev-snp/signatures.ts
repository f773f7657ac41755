/**
 * The signatures of SEV-SNP evidence through WebCrypto, and the exact encodings that may ask for them: RSASSA-PSS with
 * SHA-384, MGF1-SHA-384 and 48 octets of salt under RSA-4096; ECDSA P-384 with SHA-384. attestation.md a.3.
 */
import { equal, fromHex, type Bytes } from '../../bytes.ts'
import { Refusal } from '../../refusal.ts'
import { readDer, tags, type DerReader } from '../der.ts'

export type PublicKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>
type KeyAlgorithm = (typeof pss)['key'] | (typeof ecdsa)['key']

/** What a certificate or CRL says about its own signature, and the signature. */
export type Signed = {
  readonly tbs: Bytes
  readonly innerAlgorithm: Bytes
  readonly outerAlgorithm: Bytes
  readonly signature: Bytes
}

const pss = { key: { name: 'RSA-PSS', hash: 'SHA-384' }, signature: { name: 'RSA-PSS', saltLength: 48 } }
const ecdsa = { key: { name: 'ECDSA', namedCurve: 'P-384' }, signature: { name: 'ECDSA', hash: 'SHA-384' } }

// AlgorithmIdentifier of RSASSA-PSS with the parameters above. AMD's own CAs write the default trailer field out,
// which DER does not; its leaves and CRLs leave it out. Nothing else is a signature of this profile.
const sha384 = '300d06096086480165030402020500'
const parameters = `a00f${sha384}a11c301a06092a864886f70d010108${sha384}a203020130`
const pssEncodings = [
  `304106092a864886f70d01010a3034${parameters}`,
  `304606092a864886f70d01010a3039${parameters}a303020101`,
].map(fromHex)

export function isPss({ innerAlgorithm, outerAlgorithm }: Signed): boolean {
  return pssEncodings.some((one) => equal(one, outerAlgorithm)) && equal(innerAlgorithm, outerAlgorithm)
}

/** Throws unless `spki` is RSA with a modulus of exactly 4096 bits and the exponent 65537. RFC 8017 A.1.1. */
export function checkRsa4096(spki: Bytes): void {
  const key = readSpki(spki, (algorithm) => {
    if (algorithm.objectId() !== '1.2.840.113549.1.1.1') throw wrongKey('not an RSA key')
    algorithm.null()
  })
  readDer(key, (whole) => {
    const from = whole.enter(tags.sequence)
    // One octet for the sign, which DER demands exactly where the highest of the 4096 bits is set.
    const modulus = from.integer()
    if (modulus.length !== 1 + 4096 / 8 || modulus[0] !== 0) throw wrongKey('not a modulus of 4096 bits')
    if (from.small(65_537) !== 65_537) throw wrongKey('another exponent than 65537')
    from.end()
  })
}

/** The uncompressed point of a P-384 key; throws for every other kind of key. RFC 5480 §2. */
export function p384Point(spki: Bytes): Bytes {
  const point = readSpki(spki, (algorithm) => {
    if (algorithm.objectId() !== '1.2.840.10045.2.1') throw wrongKey('not an EC key')
    if (algorithm.objectId() !== '1.3.132.0.34') throw wrongKey('not the curve P-384')
  })
  if (point.length !== 97 || point[0] !== 0x04) throw wrongKey('not an uncompressed point')
  return point
}

/** The RSA key of a CA, once checkRsa4096 took it. */
export function importRsa(spki: Bytes): Promise<PublicKey> {
  return imported('spki', spki, pss.key)
}

/** Whether an RSA key made this signature. */
export function signedBy(key: PublicKey, { signature, tbs }: Signed): Promise<boolean> {
  return crypto.subtle.verify(pss.signature, key, signature, tbs)
}

/** The P-384 key at an uncompressed point; a point that is not on the curve is refused. */
export function importPoint(point: Bytes): Promise<PublicKey> {
  return imported('raw', point, ecdsa.key)
}

/** Whether a P-384 key made `signature` (r ‖ s) over `message`. */
export function reportSignedBy(key: PublicKey, signature: Bytes, message: Bytes): Promise<boolean> {
  return crypto.subtle.verify(ecdsa.signature, key, signature, message)
}

function readSpki(spki: Bytes, readAlgorithm: (from: DerReader) => void): Bytes {
  return readDer(spki, (whole) => {
    const from = whole.enter(tags.sequence)
    const algorithm = from.enter(tags.sequence)
    readAlgorithm(algorithm)
    algorithm.end()
    const key = from.bits()
    from.end()
    return key
  })
}

async function imported(format: 'spki' | 'raw', key: Bytes, algorithm: KeyAlgorithm): Promise<PublicKey> {
  try {
    return await crypto.subtle.importKey(format, key, algorithm, false, ['verify'])
  } catch (cause) {
    throw new Refusal('certificate-key-refused', 'the platform cannot use the key', { cause })
  }
}

function wrongKey(what: string): Refusal {
  return new Refusal('certificate-key-refused', what)
}
