/** Public keys and signatures by their exact encodings, so that platforms are never asked what they would bear. */
import { concat, type Bytes } from '../../bytes.ts'
import { Refusal } from '../../refusal.ts'
import { readDer, tags, type DerReader } from '../der.ts'

/** RFC 5480 §2.1.1.1. `length`: octets of one coordinate, and of r and s. */
export const curves = {
  p256: { id: '1.2.840.10045.3.1.7', length: 32 },
  p384: { id: '1.3.132.0.34', length: 48 },
} as const
export type Curve = (typeof curves)[keyof typeof curves]

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

/**
 * Throws unless `spki` is an uncompressed point of that curve. RFC 5480 §2. Whether it lies on the curve is the
 * platform's to say; every platform does.
 */
export function checkPoint(spki: Bytes, { id, length }: Curve): void {
  const point = readSpki(spki, (algorithm) => {
    if (algorithm.objectId() !== '1.2.840.10045.2.1') throw wrongKey('not an EC key')
    if (algorithm.objectId() !== id) throw wrongKey('another curve')
  })
  if (point.length !== 1 + 2 * length || point[0] !== 0x04) throw wrongKey('not an uncompressed point')
}

/** r ‖ s of an Ecdsa-Sig-Value, which certificates carry as DER. RFC 3279 §2.2.3. */
export function rawSignature(signature: Bytes, { length }: Curve): Bytes {
  return readDer(signature, (whole) => {
    const from = whole.enter(tags.sequence)
    const raw = concat(scalar(from, length), scalar(from, length))
    from.end()
    return raw
  })
}

function scalar(from: DerReader, length: number): Bytes {
  const content = from.integer()
  if ((content[0] ?? 0) >= 0x80) throw new Refusal('bad-encoding', 'a negative scalar')
  const magnitude = content[0] === 0 ? content.subarray(1) : content
  if (magnitude.length > length) throw new Refusal('bad-encoding', 'a scalar longer than its field')
  return concat(new Uint8Array(length - magnitude.length), magnitude)
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

function wrongKey(what: string): Refusal {
  return new Refusal('certificate-key-refused', what)
}
