/** Type 1: VOPRF on P-384 with the issuer's proof that it used its published key. RFC 9578 §5.1 to §5.3, RFC 9497 §3.3.2. */
import { p384_oprf } from '@noble/curves/nist.js'
import { Reader, type Bytes } from '../bytes.ts'
import type { Blinder } from './blinder.ts'

const elementLength = 49
const proofLength = 96

export function voprfBlinder(tokenKey: Bytes): Blinder {
  const { voprf } = p384_oprf
  return (input) =>
    Promise.try(() => {
      const { blind, blinded } = voprf.blind(input)
      const finish = (answer: Bytes): Bytes => {
        const from = new Reader(answer)
        const evaluated = from.take(elementLength)
        const proof = from.take(proofLength)
        from.end()
        return voprf.finalize(input, blind, evaluated, blinded, tokenKey, proof)
      }
      return { message: blinded, finish: (answer) => Promise.try(finish, answer) }
    })
}
