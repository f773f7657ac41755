/** Tokens of type 2 made without blinding: the signature is the same one, and the test holds the issuer's key anyway. */
import { constants, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { concat, type Bytes } from '../../../shared/bytes.ts'
import { challengeDigest } from '../../../shared/privacy-pass/challenge.ts'
import { blindRsaVerifier } from '../../../shared/privacy-pass/rsa.ts'
import type { Verifier } from '../../../shared/privacy-pass/redeem.ts'
import { publishedSpki } from '../../../shared/privacy-pass/spki.ts'
import { tokenInput } from '../../../shared/privacy-pass/token.ts'
import { blindRsa } from '../../../shared/privacy-pass/types.ts'

export type Mint = {
  readonly verifier: Verifier
  /** A token for a challenge; its signature has a salt of `saltLength` octets. */
  token(challenge: Uint8Array, saltLength?: number): Bytes
}

export function mint(): Mint {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const verifier = blindRsaVerifier(publishedSpki(publicKey.export({ format: 'der', type: 'spki' })))
  return {
    verifier,
    token(challenge, saltLength = 48) {
      const parts = {
        type: blindRsa,
        nonce: new Uint8Array(randomBytes(32)),
        challengeDigest: challengeDigest(challenge),
      }
      const input = tokenInput({ ...parts, keyId: verifier.keyId })
      const options = { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }
      return concat(input, sign('sha384', input, options))
    },
  }
}
