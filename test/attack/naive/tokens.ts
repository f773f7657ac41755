/**
 * Tokens as one does them in an afternoon. The door: genuine is enough, and what was spent is known to this process, for a
 * while. The purse: one token at a time, at once, and under whichever key a challenge names.
 */
import { readFileSync } from 'node:fs'
import { setImmediate as aStoreAnswers } from 'node:timers/promises'
import { fromBase64url, hex } from '../../../shared/bytes.ts'
import { issueBatch } from '../../../shared/client/issuance.ts'
import { issuerKeys, type Issuer, type IssuerKey } from '../../../shared/client/issuer.ts'
import { challengeDigest, readChallengeField } from '../../../shared/privacy-pass/challenge.ts'
import { keyIdOf } from '../../../shared/privacy-pass/redeem.ts'
import { blindRsaVerifier } from '../../../shared/privacy-pass/rsa.ts'
import { readToken, readTokenField, tokenField } from '../../../shared/privacy-pass/token.ts'
import { blindRsa } from '../../../shared/privacy-pass/types.ts'
import type { Stage } from '../frame/stage.ts'
import type { Purse, WalletOptions } from '../pair/subject.ts'

/** As many as "nobody will ever notice". */
const remembered = 10

/** Why somebody stays outside, in so many words; nothing for whoever comes in. */
export type NaiveDoor = (field: string | undefined) => Promise<string | undefined>

export function naiveDoor(rows: unknown): NaiveDoor | undefined {
  if (rows === undefined) return undefined
  const { keys } = rows as { readonly keys: readonly { readonly file: string }[] }
  const verifiers = keys.map(({ file }) => blindRsaVerifier(fromBase64url(readFileSync(file, 'utf8').trim())))
  const spent: string[] = []
  return async (field = '') => {
    try {
      const { input, authenticator, nonce } = readToken(readTokenField(field))
      if (!verifiers.some(({ verify }) => verify(input, authenticator))) return 'no signature of ours'
      const name = hex(nonce)
      if (spent.includes(name)) return 'spent before'
      await aStoreAnswers()
      spent.push(name)
      if (spent.length > remembered) spent.shift()
      return undefined
    } catch (cause) {
      return cause instanceof Error ? cause.message : 'unknown'
    }
  }
}

export type NaivePurse = {
  readonly pass: () => Promise<Record<string, string>>
  /** Whether a refusal named a key that could be tried. */
  readonly believe: (challenge: string | null | undefined) => boolean
}

export function naivePurse(issuer: Issuer | undefined): NaivePurse {
  if (issuer === undefined) return { pass: () => Promise.resolve({}), believe: () => false }
  let [key]: readonly IssuerKey[] = issuerKeys(issuer)
  return {
    async pass() {
      return key === undefined ? {} : { authorization: await bought(key, issuer) }
    },
    believe(field) {
      const [asked] = readChallengeField(field ?? '')
      if (asked?.tokenKey === undefined) return false
      const { challenge, tokenKey } = asked
      const digest = challengeDigest(challenge)
      key = { type: blindRsa, tokenKey, keyId: keyIdOf(tokenKey), challenge, challengeDigest: digest }
      return true
    },
  }
}

export function naiveWallet(_stage: Stage, { issuer }: WalletOptions): Purse {
  const [key] = issuerKeys(issuer)
  return { take: () => bought(key, issuer) }
}

async function bought(key: IssuerKey, { url }: Issuer): Promise<string> {
  const [token = new Uint8Array()] = await issueBatch(key, 1, {
    url: new URL(url),
    fetch: (to, init) => fetch(to, init),
  })
  return tokenField(token)
}
