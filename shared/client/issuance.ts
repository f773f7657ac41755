/**
 * Tokens from their issuer, in batches of one size. The issuer sees who asks and how often, and neither nonce nor challenge;
 * what it signs cannot be joined with what is redeemed. RFC 9578 §5 and §6.
 */
import { concat, uint16, type Bytes } from '../bytes.ts'
import { essence } from '../http/media-types.ts'
import { tokenInput } from '../privacy-pass/token.ts'
import { blindRsa } from '../privacy-pass/types.ts'
import { blindRsaBlinder } from './blind-rsa.ts'
import { voprfBlinder } from './blind-voprf.ts'
import type { Blinder } from './blinder.ts'
import { ObliviousError } from './errors.ts'
import type { IssuerKey } from './issuer.ts'
import { gather, pieces } from './streams.ts'
import type { PlatformFetch } from './transport-fetch.ts'

export const tokenRequestType = 'application/private-token-request'
export const tokenResponseType = 'application/private-token-response'

/** Longer than every answer of a type that we know. */
const answerLimit = 1_024
const patience = 30_000

export type IssuanceOptions = { readonly url: URL; readonly fetch: PlatformFetch }

/** All or none: a batch of another size would be a mark. Throws ObliviousError `token-unavailable`. */
export async function issueBatch(key: IssuerKey, count: number, options: IssuanceOptions): Promise<Bytes[]> {
  try {
    const blind = key.type === blindRsa ? await blindRsaBlinder(key.tokenKey) : voprfBlinder(key.tokenKey)
    return await Promise.all(Array.from({ length: count }, () => issue(key, blind, options)))
  } catch (cause) {
    throw new ObliviousError('token-unavailable', { cause })
  }
}

async function issue(key: IssuerKey, blind: Blinder, options: IssuanceOptions): Promise<Bytes> {
  const nonce = crypto.getRandomValues(new Uint8Array(32)) // PP-8
  const input = tokenInput({ ...key, nonce })
  const { message, finish } = await blind(input)
  const shortKeyId = key.keyId.subarray(31)
  const answer = await ask(concat(uint16(key.type.id), shortKeyId, message), options)
  return concat(input, await finish(answer))
}

/** Everything by which a browser could be known again is switched off; a redirect would lead to who knows whom. */
const closed = {
  redirect: 'error',
  credentials: 'omit',
  cache: 'no-store',
  referrerPolicy: 'no-referrer',
} as const

async function ask(body: Bytes, { url, fetch }: IssuanceOptions): Promise<Bytes> {
  const headers = { 'content-type': tokenRequestType, accept: tokenResponseType }
  const signal = AbortSignal.timeout(patience)
  const answer = await fetch(url.href, { ...closed, method: 'POST', headers, body, signal })
  if (answer.status !== 200 || essence(answer.headers.get('content-type')) !== tokenResponseType) {
    await answer.body?.cancel()
    throw new Error(`the issuer answered ${answer.status}`)
  }
  return answer.body === null ? new Uint8Array() : gather(pieces(answer.body), answerLimit)
}
