/**
 * Labels: what keeps the message kinds apart, so that nothing sealed as one opens as another. RFC 9458 §4.6, draft -08
 * §6; the inner messages of a sealed exchange, trust.md 5.
 */
import { concat, uint16, uint8, utf8, type Bytes } from '../bytes.ts'
import type { Kem, SuiteIds } from '../hpke/suites.ts'

export type Labels = { readonly name: string; readonly request: Bytes; readonly response: Bytes }

export const standard = labels('message/bhttp')
export const chunked = labels('message/bhttp chunked')
export const sealed = labels('asunder sealed')
export const sealedChunked = labels('asunder sealed chunked')

/** A message kind of its own: what is sealed under one name never opens under another. */
export function labels(name: string): Labels {
  return { name, request: utf8(`${name} request`), response: utf8(`${name} response`) }
}

export const headerLength = 7

/** hdr: key id, KEM, KDF, AEAD. RFC 9458 §4.3. */
export function requestHeader(keyId: number, kem: Kem, { kdfId, aeadId }: SuiteIds): Bytes {
  return concat(uint8(keyId), uint16(kem.id), uint16(kdfId), uint16(aeadId))
}

/** info: label, a zero byte, hdr. The zero byte ends the label, so that no label is the beginning of another. */
export function requestInfo(labels: Labels, header: Uint8Array): Bytes {
  return concat(labels.request, uint8(0), header)
}
