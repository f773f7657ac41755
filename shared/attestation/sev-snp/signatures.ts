/**
 * The signatures of SEV-SNP evidence, and the exact encodings that may ask for them: RSASSA-PSS with SHA-384,
 * MGF1-SHA-384 and 48 octets of salt under RSA-4096; ECDSA P-384 with SHA-384. attestation.md a.3.
 */
import { equal, fromHex } from '../../bytes.ts'
import type { PublicKey } from '../signatures.ts'
import type { Signed } from '../x509/certificate.ts'

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

/** Whether an RSA key made this signature. */
export function signedBy(key: PublicKey, { signature, tbs }: Signed): Promise<boolean> {
  return key.verifies(signature, tbs)
}
