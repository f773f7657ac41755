/** Labels: what keeps the message kinds apart, so that nothing sealed as one opens as another. RFC 9458 §4.6, draft -08 §6. */
import { concat, uint16, uint8, utf8, type Bytes } from '../bytes.ts'
import type { Kem, SuiteIds } from '../hpke/suites.ts'

export type Labels = { readonly request: string; readonly response: string }

export const standard: Labels = { request: 'message/bhttp request', response: 'message/bhttp response' }
export const chunked: Labels = { request: 'message/bhttp chunked request', response: 'message/bhttp chunked response' }

export const headerLength = 7

/** hdr: key id, KEM, KDF, AEAD. RFC 9458 §4.3. */
export function requestHeader(keyId: number, kem: Kem, { kdfId, aeadId }: SuiteIds): Bytes {
  return concat(uint8(keyId), uint16(kem.id), uint16(kdfId), uint16(aeadId))
}

/** info: label, a zero byte, hdr. The zero byte ends the label, so that no label is the beginning of another. */
export function requestInfo(labels: Labels, header: Uint8Array): Bytes {
  return concat(utf8(labels.request), uint8(0), header)
}

export function responseContext(labels: Labels): Bytes {
  return utf8(labels.response)
}
