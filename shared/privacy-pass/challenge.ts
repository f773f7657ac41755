/** What an origin asks for: a token of one issuer, perhaps for one context and for named origins. RFC 9577 §2.1. */
import { sha256 } from '@noble/hashes/sha2.js'
import { base64url, concat, fromBase64url, fromLatin1, latin1, Reader, uint16, uint8, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { quotedString, readAuthSchemes, type AuthScheme } from './auth-params.ts'
import { tokenType } from './types.ts'

export type TokenChallenge = {
  readonly tokenType: number
  /** `host` or `host:port` */
  readonly issuerName: string
  /** nothing, or 32 octets */
  readonly redemptionContext: Bytes
  /** `host` or `host:port` each; none means every origin */
  readonly originInfo: readonly string[]
}

export const scheme = 'privatetoken'
const contextLengths = [0, 32]

export function writeTokenChallenge(challenge: TokenChallenge): Bytes {
  const { redemptionContext: context, originInfo } = challenge
  if (!contextLengths.includes(context.length)) throw new TypeError('a redemption context has 0 or 32 octets')
  const issuer = latin1(challenge.issuerName)
  const origins = latin1(originInfo.join(','))
  return concat(
    uint16(challenge.tokenType),
    ...[uint16(issuer.length), issuer],
    ...[uint8(context.length), context],
    ...[uint16(origins.length), origins],
  )
}

/** Refusals: `truncated`, `trailing-data`, `bad-framing` (lengths the RFC does not have), `bad-authority` (names). */
export function readTokenChallenge(bytes: Uint8Array): TokenChallenge {
  const from = new Reader(bytes)
  const type = from.uint16()
  const issuerName = named(from.take(from.uint16()))
  const redemptionContext = from.take(from.uint8())
  const origins = named(from.take(from.uint16()))
  from.end()
  if (issuerName === '') throw new Refusal('bad-framing', 'a challenge without an issuer')
  if (!contextLengths.includes(redemptionContext.length))
    throw new Refusal('bad-framing', 'a context of another length')
  return { tokenType: type, issuerName, redemptionContext, originInfo: origins === '' ? [] : origins.split(',') }
}

/** By this a token belongs to a challenge. */
export function challengeDigest(challenge: Uint8Array): Bytes {
  return sha256(challenge)
}

// Server names, so ASCII, and never anybody's name before an `@` (RFC 9577 §2.1.1).
function named(bytes: Uint8Array): string {
  const text = fromLatin1(bytes)
  if (/[^\x20-\x7e]|@/.test(text)) throw new Refusal('bad-authority', 'not a server name')
  return text
}

export type Offer = {
  /** as it was written: its digest counts, not what it says */
  readonly challenge: Bytes
  /** the issuer's key as it is published */
  readonly tokenKey?: Bytes | undefined
  /** seconds */
  readonly maxAge?: number | undefined
}

/** The value of `www-authenticate`. RFC 9577 §2.1.2. */
export function challengeField(offers: readonly Offer[]): string {
  return offers.map(written).join(', ')
}

function written({ challenge, tokenKey, maxAge }: Offer): string {
  const params = [`challenge=${quotedString(base64url(challenge))}`]
  if (tokenKey !== undefined) params.push(`token-key=${quotedString(base64url(tokenKey))}`)
  if (maxAge !== undefined) params.push(`max-age=${quotedString(String(maxAge))}`)
  return `PrivateToken ${params.join(', ')}`
}

export type Asked = Offer & { readonly says: TokenChallenge }

/**
 * The challenges that a client of ours could answer. Other schemes, unknown and greased types, other versions and what is
 * damaged are left out, as PP-1 and PP-2 have it; a field that is no authentication field is refused as `bad-encoding`.
 */
export function readChallengeField(field: string): Asked[] {
  return readAuthSchemes(field).flatMap((one) => (one.scheme === scheme ? (asked(one) ?? []) : []))
}

/** Whether somebody asks for a token at all, answerable or not. */
export function asksForToken(field: string): boolean {
  return mentions.test(field)
}

const mentions = /(?:^|[\s,])privatetoken(?:[\s,]|$)/i

function asked({ params }: AuthScheme): Asked | undefined {
  try {
    const challenge = fromBase64url(params.get('challenge') ?? '')
    const says = readTokenChallenge(challenge)
    if (tokenType(says.tokenType) === undefined) return undefined
    return { challenge, says, ...keyOf(params), ...ageOf(params) }
  } catch (cause) {
    if (cause instanceof Refusal) return undefined
    throw cause
  }
}

function keyOf(params: AuthScheme['params']): Pick<Offer, 'tokenKey'> {
  const key = params.get('token-key')
  return key === undefined ? {} : { tokenKey: fromBase64url(key) }
}

function ageOf(params: AuthScheme['params']): Pick<Offer, 'maxAge'> {
  const age = params.get('max-age') ?? ''
  return /^\d{1,9}$/.test(age) ? { maxAge: Number(age) } : {}
}
