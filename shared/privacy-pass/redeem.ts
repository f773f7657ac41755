/** Whether a token is genuine and meant for us, now. RFC 9577 §2.2.3; PP-3, PP-4, PP-6. Whether it is new: gate.ts. */
import { sha256 } from '@noble/hashes/sha2.js'
import { equal, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { readToken, type Token } from './token.ts'
import type { TokenType } from './types.ts'

/** One issuer's key, with what it takes to check its tokens. */
export type Verifier = {
  readonly type: TokenType
  /** as the issuer publishes it */
  readonly tokenKey: Bytes
  readonly keyId: Bytes
  readonly verify: (input: Uint8Array, authenticator: Uint8Array) => boolean
}

export function keyIdOf(tokenKey: Uint8Array): Bytes {
  return sha256(tokenKey)
}

export type Accepted<V extends Verifier = Verifier> = {
  readonly verifiers: readonly V[]
  /** digest of the challenge that is in force for this type */
  readonly digestFor: (type: TokenType) => Uint8Array
}

/**
 * Refusals: what `readToken` refuses, `wrong-token-type`, `unknown-key`, `challenge-mismatch`, `bad-signature`. Only the
 * last one costs anything, so the public facts are compared first.
 */
export function redeem<V extends Verifier>(bytes: Uint8Array, { verifiers, digestFor }: Accepted<V>): [Token, V] {
  const token = readToken(bytes)
  const ofType = verifiers.filter(({ type }) => type === token.type)
  if (ofType.length === 0) throw new Refusal('wrong-token-type', 'a type that no key of ours has')
  const verifier = ofType.find(({ keyId }) => equal(keyId, token.keyId))
  if (verifier === undefined) throw new Refusal('unknown-key', 'a key that is not in force')
  if (!equal(digestFor(token.type), token.challengeDigest)) {
    throw new Refusal('challenge-mismatch', 'a challenge that is not in force')
  }
  if (!verifier.verify(token.input, token.authenticator)) throw new Refusal('bad-signature', 'not of this key')
  return [token, verifier]
}
