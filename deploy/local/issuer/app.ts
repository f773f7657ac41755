/**
 * A development issuer: it gives tokens to whoever asks, so it protects nothing. A real one decides first who may have how
 * many. RFC 9578 §4 (directory), §5 and §6 (issuance).
 */
import { Hono } from 'hono'
import { base64url, Reader, type Bytes } from '../../../shared/bytes.ts'
import { tokenRequestType, tokenResponseType } from '../../../shared/client/issuance.ts'
import { contentOf, readBounded } from '../../../shared/http/body.ts'
import { essence } from '../../../shared/http/media-types.ts'
import { Refusal } from '../../../shared/refusal.ts'
import type { SigningKey } from './keys.ts'

export const directoryPath = '/.well-known/private-token-issuer-directory'
export const requestPath = '/token-request'

export function createIssuer(keys: readonly SigningKey[]): Hono {
  const issuer = new Hono()
  const directory = JSON.stringify({
    'issuer-request-uri': requestPath,
    'token-keys': keys.map(({ type, tokenKey }) => ({ 'token-type': type.id, 'token-key': base64url(tokenKey) })),
  })
  issuer.get(directoryPath, () => answer(200, directory, 'application/private-token-issuer-directory'))
  issuer.post(requestPath, async (context) => {
    if (essence(context.req.header('content-type')) !== tokenRequestType) return answer(415)
    try {
      const request = await readBounded(contentOf(context), { max: 1_024, stall: 10_000 })
      return answer(200, signed(request, keys), tokenResponseType)
    } catch (cause) {
      // RFC 9578 §5.2 and §6.2: one answer for everything that is wrong with a request.
      if (cause instanceof Refusal) return answer(422)
      throw cause
    }
  })
  return issuer
}

function signed(request: Bytes, keys: readonly SigningKey[]): Bytes {
  const from = new Reader(request)
  const type = from.uint16()
  const shortKeyId = from.uint8()
  const key = keys.find((one) => one.type.id === type && one.keyId[31] === shortKeyId)
  if (key === undefined) throw new Refusal('unknown-key', 'a key that is not ours')
  const message = from.take(key.messageLength)
  from.end()
  try {
    return key.sign(message)
  } catch (cause) {
    throw new Refusal('unusable-key', 'not a blinded message', { cause })
  }
}

function answer(status: number, body: Bytes | string = '', type = 'text/plain'): Response {
  return new Response(body, { status, headers: { 'content-type': type, 'cache-control': 'no-store' } })
}
