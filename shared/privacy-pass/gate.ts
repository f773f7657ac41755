/**
 * A gate that one token opens once: the challenge it shows, the same octets to everybody, and the check of what comes
 * back. RFC 9577 §2; PP-5 to PP-7, PP-11. The challenge's redemption context is always empty: a context would only tell
 * clients apart by when they asked.
 */
import type { Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { challengeDigest, challengeField, writeTokenChallenge } from './challenge.ts'
import { dayOf, greased } from './grease.ts'
import { redeem, type Verifier } from './redeem.ts'
import { readTokenField } from './token.ts'
import type { TokenType } from './types.ts'

/** A key, and when it ends: from then on its tokens are refused, and what was spent under it may be forgotten. */
export type GateKey = Verifier & { readonly until: number }

/** Atomically, once for each nonce of a key. `full` and failures refuse: a token that cannot be remembered is not taken. */
export type Spend = (keyId: Bytes, nonce: Bytes, until: number) => Promise<'first' | 'seen' | 'full'>

export type GateOptions = {
  /** `host` or `host:port` */
  readonly issuer: string
  /** whom the tokens are for, `host` or `host:port` each */
  readonly origins: readonly string[]
  /** of each type, the first that has not ended is announced; all that have not ended are taken */
  readonly keys: readonly GateKey[]
  readonly spend: Spend
  readonly now: () => number
}

export type Gate = {
  /** The value of `www-authenticate`; undefined when every key has ended: then nobody is let in. */
  challenge(): string | undefined
  /**
   * Checks an `authorization` field without remembering it. What it gives spends the token: call it once, when nothing
   * else stands in the way. Refusals: `token-missing`, `token-refused`, `token-unavailable` (every key has ended); on
   * spending `token-spent`, `token-unavailable` (it cannot be remembered).
   */
  check(field: string | undefined): () => Promise<void>
}

export function createGate({ issuer, origins, keys, spend, now }: GateOptions): Gate {
  const forms = formsFor(issuer, origins)
  const inForce = (): GateKey[] => keys.filter(({ until }) => until > now())
  const digestFor = (type: TokenType): Bytes => challengeDigest(forms(type))

  // A key that has ended does not come back, so how many are left says which.
  let shown: { readonly day: number; readonly keys: number; readonly text: string | undefined } | undefined
  return {
    challenge() {
      const live = inForce()
      const day = dayOf(now())
      if (shown?.day !== day || shown.keys !== live.length) {
        shown = { day, keys: live.length, text: announcement(live, forms, day) }
      }
      return shown.text
    },
    check(field) {
      const verifiers = inForce()
      if (verifiers.length === 0) throw new Refusal('token-unavailable', 'every key has ended')
      if (field === undefined) throw new Refusal('token-missing', 'no credentials')
      const [{ nonce }, key] = uniform(() => redeem(readTokenField(field), { verifiers, digestFor }))
      return async () => claimed(await spend(key.keyId, nonce, key.until))
    },
  }
}

/** The challenge of each type, as octets. */
function formsFor(issuerName: string, originInfo: readonly string[]): (type: Pick<TokenType, 'id'>) => Bytes {
  return ({ id }) => writeTokenChallenge({ tokenType: id, issuerName, redemptionContext: new Uint8Array(), originInfo })
}

function announcement(live: readonly GateKey[], forms: Forms, day: number): string | undefined {
  const [newest] = live
  if (newest === undefined) return undefined
  const offers = firstOfEachType(live).map(({ type, tokenKey }) => ({ challenge: forms(type), tokenKey }))
  return challengeField(greased(offers, forms, newest.keyId, day))
}

type Forms = ReturnType<typeof formsFor>

function firstOfEachType(keys: readonly GateKey[]): GateKey[] {
  return keys.filter(({ type }, at) => keys.findIndex((other) => other.type === type) === at)
}

/** PP-11: what is wrong with a token is nobody's business. */
function uniform<T>(work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (!(cause instanceof Refusal) || cause.code === 'token-missing') throw cause
    throw new Refusal('token-refused', cause.message, { cause })
  }
}

function claimed(claim: 'first' | 'seen' | 'full'): void {
  if (claim === 'seen') throw new Refusal('token-spent', 'this token was taken before')
  if (claim === 'full') throw new Refusal('token-unavailable', 'no room to remember a token')
}
