/** Encapsulated responses, both sides: response_nonce, then one AEAD message. RFC 9458 §4.4. */
import { concat, Reader, utf8, type Bytes } from '../bytes.ts'
import type { AeadOpen, Awaitable, Hkdf, Responder } from '../hpke/context.ts'
import type { Aead, SymmetricSuite } from '../hpke/suites.ts'
import { Refusal } from '../refusal.ts'
import type { Labels } from './labels.ts'

/** All that an answer needs of the request it belongs to. */
export type Exchange = { readonly suite: SymmetricSuite; readonly enc: Bytes; readonly secret: Bytes }

export type AeadKeys = { readonly key: Bytes; readonly nonce: Bytes }

const none = new Uint8Array()
const keyInfo = utf8('key')
const nonceInfo = utf8('nonce')

// RFC 9458 §4.4 wants the longer of Nk and Nn, for the secret and for the nonce; a fixed 16 would pass AES-128 vectors only.
export function responseNonceLength({ keyLength, nonceLength }: Aead): number {
  return Math.max(keyLength, nonceLength)
}

/** How much longer an Encapsulated Response is than its content. */
export function responseOverhead({ aead }: SymmetricSuite): number {
  return responseNonceLength(aead) + aead.tagLength
}

/** The secret that both sides export from the request's HPKE context. */
export function exportSecret<T extends Awaitable<Bytes>>(
  context: { export(context: Uint8Array, length: number): T },
  labels: Labels,
  { aead }: SymmetricSuite,
): T {
  return context.export(labels.response, responseNonceLength(aead))
}

/** Plain HKDF here, not HPKE's labeled one; the salt is enc and then the nonce. */
export function responseKeys(hkdf: Hkdf, { suite, enc, secret }: Exchange, responseNonce: Uint8Array): AeadKeys {
  const { kdf, aead } = suite
  const prk = hkdf.extract(kdf, concat(enc, responseNonce), secret)
  return {
    key: hkdf.expand(kdf, prk, keyInfo, aead.keyLength),
    nonce: hkdf.expand(kdf, prk, nonceInfo, aead.nonceLength),
  }
}

/** Every call draws its own nonce, also where the same request is answered twice (RFC 9458 §6.5). */
export function sealResponse(responder: Responder, exchange: Exchange, content: Uint8Array): Bytes {
  const { aead } = exchange.suite
  const responseNonce = responder.random(responseNonceLength(aead))
  const { key, nonce } = responseKeys(responder, exchange, responseNonce)
  return responder.seal(aead, key, nonce, none, content, responseNonce)
}

export async function openResponse(
  hpke: Hkdf & { open: AeadOpen },
  exchange: Exchange,
  message: Uint8Array,
): Promise<Bytes> {
  const { aead } = exchange.suite
  const from = new Reader(message)
  const responseNonce = from.take(responseNonceLength(aead))
  if (from.remaining < aead.tagLength) throw new Refusal('truncated', 'shorter than an AEAD tag')
  const { key, nonce } = responseKeys(hpke, exchange, responseNonce)
  return await hpke.open(aead, key, nonce, none, from.rest())
}
