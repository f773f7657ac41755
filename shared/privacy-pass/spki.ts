/**
 * The two spellings of one RSA key: RSASSA-PSS with its parameters, as issuers publish it and key ids are made of it, and
 * plain rsaEncryption, which crypto libraries import. RFC 9578 §6.5, RFC 4055 §1.2 and §3.1.
 */
import { concat, equal, fromHex, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { blindRsa } from './types.ts'

// SEQUENCE, AlgorithmIdentifier: id-RSASSA-PSS, SHA-384, MGF1 with SHA-384, salt 48.
const pss = fromHex(
  '30820152' +
    '303d06092a864886f70d01010a3030' +
    'a00d300b0609608648016503040202' +
    'a11a301806092a864886f70d010108300b0609608648016503040202' +
    'a203020130',
)
// The same for rsaEncryption.
const plain = fromHex('30820122300d06092a864886f70d0101010500')
// What is common to both begins: BIT STRING, RSAPublicKey, a modulus of 2048 bits.
const modulus = fromHex('0382010f003082010a0282010100')

/** Refuses as `unusable-key` whatever is not a 2048-bit key in exactly the published spelling. */
export function demandBlindRsaKey(published: Uint8Array): void {
  const head = concat(pss, modulus)
  if (published.length === blindRsa.keyLength && equal(published.subarray(0, head.length), head)) return
  throw new Refusal('unusable-key', 'not a blind RSA key as issuers publish it')
}

/** For libraries that do not know RSASSA-PSS keys. */
export function plainSpki(published: Uint8Array): Bytes {
  demandBlindRsaKey(published)
  return concat(plain, published.subarray(pss.length))
}

/** For an issuer: its key, exported by a library, as it is published. */
export function publishedSpki(exported: Uint8Array): Bytes {
  const published = concat(pss, exported.subarray(plain.length))
  demandBlindRsaKey(published)
  return published
}
