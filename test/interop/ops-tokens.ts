/** Door op of anonymous admission: privacypass.verify. A case with a `sequence` presents its token that many times. */
import { hex } from '../../shared/bytes.ts'
import { challengeDigest } from '../../shared/privacy-pass/challenge.ts'
import { redeem, type Verifier } from '../../shared/privacy-pass/redeem.ts'
import { blindRsaVerifier } from '../../shared/privacy-pass/rsa.ts'
import { readTokenField } from '../../shared/privacy-pass/token.ts'
import { voprfVerifier } from '../../shared/privacy-pass/voprf.ts'
import { Refusal } from '../../shared/refusal.ts'
import { createLedger } from '../../shared/store/ledger.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import type { Case, Op } from './case.ts'

export const tokenOps: Readonly<Record<string, Op>> = {
  'privacypass.verify': async (input) => {
    const digest = challengeDigest(input.hex('token_challenge'))
    const accepted = { verifiers: [verifierOf(input)], digestFor: () => digest }
    const claims = createMemoryStore({ shares: { tokens: 1 }, now: () => 0 })
    const { spend } = createLedger({ claims, now: () => 0, random: (length) => new Uint8Array(length) })
    const times = input.has('sequence') ? input.array('sequence').length : 1
    const token = input.has('authorization') && !input.has('token') ? fieldOf(input) : input.hex('token')
    for (let time = 1; ; time++) {
      const [{ nonce }, { keyId }] = redeem(token, accepted)
      if ((await spend(keyId, nonce, Infinity)) !== 'first') throw new Refusal('token-spent', 'presented before')
      if (time >= times) return { nonce: hex(nonce) }
    }
  },
}

function verifierOf(input: Case): Verifier {
  return input.has('skS') ? voprfVerifier(input.hex('skS')) : blindRsaVerifier(input.hex('pkS'))
}

function fieldOf(input: Case): Uint8Array {
  return readTokenField(input.text('authorization'))
}
