/** A token as it is redeemed: what it was made for, and an authenticator over that. RFC 9577 §2.2. */
import { base64url, concat, fromBase64url, Reader, uint16, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { quotedString, readAuthSchemes } from './auth-params.ts'
import { scheme } from './challenge.ts'
import { tokenType, type TokenType } from './types.ts'

export type Token = {
  readonly type: TokenType
  readonly nonce: Bytes
  readonly challengeDigest: Bytes
  readonly keyId: Bytes
  readonly authenticator: Bytes
  /** what the authenticator covers: everything before it */
  readonly input: Bytes
}

const inputLength = 98

/** Refusals: `wrong-token-type` (unknown or greased), `truncated`, `trailing-data`. */
export function readToken(bytes: Uint8Array): Token {
  const from = new Reader(bytes)
  const type = tokenType(from.uint16())
  if (type === undefined) throw new Refusal('wrong-token-type', 'a token of an unknown type')
  const nonce = from.take(32)
  const challengeDigest = from.take(32)
  const keyId = from.take(32)
  const authenticator = from.take(type.authenticatorLength)
  from.end()
  return { type, nonce, challengeDigest, keyId, authenticator, input: bytes.subarray(0, inputLength) as Bytes }
}

export type TokenInput = Pick<Token, 'type' | 'nonce' | 'challengeDigest' | 'keyId'>

/** What an issuer signs blindly. A token is this and the authenticator behind it. */
export function tokenInput({ type, nonce, challengeDigest, keyId }: TokenInput): Bytes {
  return concat(uint16(type.id), nonce, challengeDigest, keyId)
}

/** The value of `authorization`. RFC 9577 §2.2.2. */
export function tokenField(token: Uint8Array): string {
  return `PrivateToken token=${quotedString(base64url(token))}`
}

/**
 * The token of an `authorization` field. Refusals: `token-missing` where no token is offered, `bad-encoding` where what
 * is offered is none, or more than one.
 */
export function readTokenField(field: string): Bytes {
  const [credentials, ...others] = readAuthSchemes(field)
  if (credentials?.scheme !== scheme) throw new Refusal('token-missing', 'credentials of another scheme')
  const token = credentials.params.get('token')
  if (others.length > 0 || token === undefined) throw new Refusal('bad-encoding', 'not exactly one token')
  return fromBase64url(token)
}
