/** Keys of a development issuer, of both types, made anew at each start. RFC 9578 §5.5 and §6.5. */
import { constants, generateKeyPair, privateDecrypt } from 'node:crypto'
import { promisify } from 'node:util'
import { p384_oprf } from '@noble/curves/nist.js'
import { concat, type Bytes } from '../../../shared/bytes.ts'
import { keyIdOf } from '../../../shared/privacy-pass/redeem.ts'
import { publishedSpki } from '../../../shared/privacy-pass/spki.ts'
import { blindRsa, voprf, type TokenType } from '../../../shared/privacy-pass/types.ts'

export type SigningKey = {
  readonly type: TokenType
  readonly tokenKey: Bytes
  readonly keyId: Bytes
  /** what a gateway needs to redeem type 1; type 2 needs nothing that is secret */
  readonly secretKey?: Bytes
  /** Octets of a blinded message; anything else is refused before it gets here. */
  readonly messageLength: number
  /** Throws for a message that is none. */
  readonly sign: (blinded: Bytes) => Bytes
}

export async function generateKeys(): Promise<readonly SigningKey[]> {
  return [await rsaKey(), voprfKey()]
}

async function rsaKey(): Promise<SigningKey> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  const tokenKey = publishedSpki(publicKey.export({ format: 'der', type: 'spki' }))
  // RFC 9474 §4.3: the bare private operation, with OpenSSL's own blinding against clocks.
  const options = { key: privateKey, padding: constants.RSA_NO_PADDING }
  return {
    type: blindRsa,
    tokenKey,
    keyId: keyIdOf(tokenKey),
    messageLength: 256,
    sign: (blinded) => new Uint8Array(privateDecrypt(options, blinded)),
  }
}

function voprfKey(): SigningKey {
  const { secretKey, publicKey } = p384_oprf.voprf.generateKeyPair()
  return {
    type: voprf,
    tokenKey: publicKey,
    keyId: keyIdOf(publicKey),
    secretKey,
    messageLength: 49,
    sign(blinded) {
      const { evaluated, proof } = p384_oprf.voprf.blindEvaluate(secretKey, publicKey, blinded)
      return concat(evaluated, proof)
    },
  }
}
