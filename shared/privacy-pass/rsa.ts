/** Type 2: the issuer's key as it is published, and RSASSA-PSS under it. RFC 9578 §6.4 and §6.5, RFC 9474 §5. */
import { constants, createPublicKey, verify, type KeyObject } from 'node:crypto'
import type { Bytes } from '../bytes.ts'
import { refuseAs } from '../refusal.ts'
import { keyIdOf, type Verifier } from './redeem.ts'
import { demandBlindRsaKey } from './spki.ts'
import { blindRsa } from './types.ts'

/** Refusal: `unusable-key`. The key's id is the digest of exactly these octets (PP-4). */
export function blindRsaVerifier(published: Bytes): Verifier {
  demandBlindRsaKey(published)
  const key = refuseAs('unusable-key', () => imported(published))
  const options = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 }
  return {
    type: blindRsa,
    tokenKey: published,
    keyId: keyIdOf(published),
    verify: (input, authenticator) => verify('sha384', input, options, authenticator),
  }
}

function imported(published: Bytes): KeyObject {
  return createPublicKey({ key: Buffer.from(published), format: 'der', type: 'spki' })
}
