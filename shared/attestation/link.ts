/**
 * The attested link: how a gateway asks a CVM for evidence over the very connection that will carry requests, and
 * what that evidence must speak of. attestation.md b.3, trust.md 4 (kind 1).
 */
import { base64, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { at, bytesOf, fieldsOf } from '../tlog/json-fields.ts'
import { parseStrictJson } from '../tlog/strict-json.ts'

export const link = {
  method: 'POST',
  path: '/.well-known/asunder-evidence',
  alpn: 'http/1.1',
  /** RFC 8446 §7.5; the context is the nonce. */
  exporterLabel: 'EXPORTER-asunder-attest',
  exporterLength: 32,
  nonceLength: 32,
  /** octets of the question; the nonce in JSON needs 56 */
  questionLimit: 256,
} as const

/** `{"nonce":"..."}`: the only thing that a gateway gives. All else comes from each side's own socket. */
export function writeQuestion(nonce: Uint8Array): string {
  return JSON.stringify({ nonce: base64(nonce) })
}

export function readQuestion(text: string): Bytes {
  if (text.length > link.questionLimit) throw new Refusal('body-too-large', 'a longer question than there is')
  const { nonce } = fieldsOf(at(parseStrictJson(text), 'question'), ['nonce'])
  const bytes = bytesOf(nonce)
  if (bytes.length !== link.nonceLength) throw new Refusal('bad-encoding', `a nonce of ${bytes.length} bytes`)
  return bytes
}
