/**
 * Who gives out tokens for one side, as an application ships it: names, keys and the complete challenge. Nothing of it is
 * learned from relay or gateway, so a challenge or key made for one client alone finds nobody to answer it. RFC 9577 §2.1,
 * RFC 9578 §4; PP-10.
 */
import { base64url, fromBase64url, type Bytes } from '../bytes.ts'
import { challengeDigest, writeTokenChallenge } from '../privacy-pass/challenge.ts'
import { keyIdOf } from '../privacy-pass/redeem.ts'
import { tokenType, type TokenType } from '../privacy-pass/types.ts'
import { Refusal } from '../refusal.ts'
import { parseStrictJson } from '../tlog/strict-json.ts'

export type Issuer = {
  /** issuer name, `host` or `host:port` */
  readonly name: string
  /** whom the tokens are for: exactly the list that relay or gateway has in its settings */
  readonly origins: readonly string[]
  /** where token requests go */
  readonly url: string
  /** as the issuer publishes them (base64url), the one to use first; the fewer there are, the less they tell */
  readonly keys: readonly { readonly type: number; readonly key: string }[]
}

/** A key with everything that is decided once. */
export type IssuerKey = {
  readonly type: TokenType
  readonly tokenKey: Bytes
  readonly keyId: Bytes
  readonly challenge: Bytes
  readonly challengeDigest: Bytes
}

/** From a file or setting of an application. Throws TypeError that says what is missing. */
export function readIssuer(text: string): Issuer {
  const value = parsed(text)
  if (!isIssuer(value)) throw new TypeError('issuer: needs `name`, `origins`, `url` and `keys` with `type` and `key`')
  issuerKeys(value)
  return value
}

/** Throws TypeError for a key that is none. */
export function issuerKeys({ name, origins, keys }: Issuer): readonly [IssuerKey, ...IssuerKey[]] {
  const [first, ...others] = keys.map(({ type: id, key }) => {
    const type = tokenType(id)
    const tokenKey = keyBytes(key)
    if (type === undefined || tokenKey.length !== type.keyLength) throw notKey(key)
    const challenge = writeTokenChallenge({
      tokenType: id,
      issuerName: name,
      redemptionContext: new Uint8Array(),
      originInfo: origins,
    })
    return { type, tokenKey, keyId: keyIdOf(tokenKey), challenge, challengeDigest: challengeDigest(challenge) }
  })
  if (first === undefined) throw new TypeError('issuer: at least one key is needed')
  return [first, ...others]
}

/** Whether two sides could put together what each sees of one client's tokens. */
export function shareAnything(one: Issuer, other: Issuer): boolean {
  return one.name === other.name || one.keys.some(({ key }) => other.keys.some((same) => same.key === key))
}

/** Plain HTTP is for an issuer on one's own machine, and only when said aloud. */
export function issuerAddress(url: string, plaintextLoopback: boolean): URL {
  if (!URL.canParse(url)) throw new TypeError('issuer: `url` is not a URL')
  const address = new URL(url)
  if (address.username !== '' || address.password !== '')
    throw new TypeError('issuer: `url` must not carry credentials')
  if (address.protocol === 'https:') return address
  const own = /^(localhost|\[::1\]|127(\.\d{1,3}){3})$/.test(address.hostname)
  if (address.protocol === 'http:' && own && plaintextLoopback) return address
  throw new TypeError('issuer: `url` must be https, or http on loopback with `plaintextLoopback: true`')
}

function keyBytes(key: string): Bytes {
  try {
    return fromBase64url(key)
  } catch (cause) {
    if (cause instanceof Refusal) throw notKey(key)
    throw cause
  }
}

function notKey(key: string): TypeError {
  return new TypeError(`issuer: not a token key of its type: ${JSON.stringify(key.slice(0, 24))}`)
}

function parsed(text: string): unknown {
  try {
    return parseStrictJson(text)
  } catch (cause) {
    throw new TypeError('issuer: not JSON', { cause })
  }
}

function isIssuer(value: unknown): value is Issuer {
  if (typeof value !== 'object' || value === null) return false
  const { name, origins, url, keys } = value as Partial<Record<keyof Issuer, unknown>>
  return typeof name === 'string' && typeof url === 'string' && isList(origins, isText) && isList(keys, isKey)
}

function isList<T>(value: unknown, is: (one: unknown) => one is T): value is T[] {
  return Array.isArray(value) && value.every(is)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isKey(value: unknown): value is Issuer['keys'][number] {
  if (typeof value !== 'object' || value === null) return false
  const { type, key } = value as { type?: unknown; key?: unknown }
  return typeof type === 'number' && typeof key === 'string'
}

/** For who writes such a file. */
export function publishedKey(type: TokenType, tokenKey: Uint8Array): Issuer['keys'][number] {
  return { type: type.id, key: base64url(tokenKey) }
}
