/**
 * The edge where people and tools hand over endorsements as text: PEM (RFC 7468) or hex. Inside there is only DER.
 * The order is that of evidence: leaf, issuer, root, revocation list; the last three may come as one PEM file.
 */
import { concat, fromBase64, fromHex, type Bytes } from '../../bytes.ts'
import { Refusal } from '../../refusal.ts'

const block = /-----BEGIN (CERTIFICATE|X509 CRL)-----\r?\n([A-Za-z0-9+/=\r\n]+?)\r?\n-----END \1-----/g

export function readEndorsements(texts: readonly string[]): readonly Bytes[] {
  const [leaf, ...others] = texts.map((text) => (text.includes('-----') ? readPem(text) : [fromHex(text)]))
  if (leaf === undefined) return []
  // Two certificates where one is expected: kept as one, for the judge to refuse among its other findings.
  return [concat(...leaf), ...others.flat()]
}

/** The DER of each block, in order; nothing but white space between them. */
export function readPem(text: string): readonly Bytes[] {
  const blocks = [...text.matchAll(block)].map(([, , body = '']) => fromBase64(body.replace(/\r?\n/g, '')))
  if (blocks.length === 0 || text.replace(block, '').trim() !== '') throw new Refusal('bad-encoding', 'not PEM')
  return blocks
}
