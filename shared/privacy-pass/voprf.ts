/** Type 1: the issuer's secret key evaluates what a token covers. RFC 9578 §5.4 and §5.5, RFC 9497 §3.3.2 and §4.4. */
import { p384, p384_hasher } from '@noble/curves/nist.js'
import { sha384 } from '@noble/hashes/sha2.js'
import { concat, equal, latin1, uint16, uint8, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { keyIdOf, type Verifier } from './redeem.ts'
import { voprf } from './types.ts'

// RFC 9497 §3.1: mode 1 is VOPRF.
const context = concat(latin1('OPRFV1-'), uint8(1), latin1('-P384-SHA384'))
const hashToGroup = { DST: concat(latin1('HashToGroup-'), context) }

/** Refusal: `unusable-key` for what is no scalar of the group. The secret stays in this closure. */
export function voprfVerifier(secretKey: Bytes): Verifier {
  const scalar = scalarOf(secretKey)
  const tokenKey = p384.Point.BASE.multiply(scalar).toBytes(true) as Bytes
  return {
    type: voprf,
    tokenKey,
    keyId: keyIdOf(tokenKey),
    verify: (input, authenticator) => equal(evaluate(scalar, input), authenticator),
  }
}

/** RFC 9497 §3.3.1, Evaluate: without blinding, by who holds the key. */
function evaluate(scalar: bigint, input: Uint8Array): Bytes {
  const element = p384_hasher.hashToCurve(input, hashToGroup).multiply(scalar).toBytes(true)
  const covered = concat(uint16(input.length), input, uint16(element.length), element, latin1('Finalize'))
  return sha384(covered)
}

function scalarOf(secretKey: Uint8Array): bigint {
  if (!p384.utils.isValidSecretKey(secretKey)) throw new Refusal('unusable-key', 'not a P-384 secret key')
  return p384.Point.Fn.fromBytes(secretKey)
}
