/** PEM, RFC 7468, at the edges where people, tools and vendors hand over certificates as text. Inside there is only DER. */
import { fromBase64, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'

const block = /-----BEGIN (CERTIFICATE|X509 CRL)-----\r?\n([A-Za-z0-9+/=\r\n]+?)\r?\n-----END \1-----/g

/** The DER of each block, in order; nothing but ends of lines between them. */
export function readPem(text: string): readonly Bytes[] {
  const blocks = [...text.matchAll(block)].map(([, , body = '']) => fromBase64(body.replace(/\r?\n/g, '')))
  if (blocks.length === 0 || /[^\r\n]/.test(text.replace(block, ''))) throw new Refusal('bad-encoding', 'not PEM')
  return blocks
}
