/**
 * Endorsements as people and tools have them: PEM or hex. The order is that of evidence: leaf, issuer, root, revocation
 * list; the last three may come as one PEM file.
 */
import { concat, fromHex, type Bytes } from '../../bytes.ts'
import { readPem } from '../pem.ts'

export function readEndorsements(texts: readonly string[]): readonly Bytes[] {
  const [leaf, ...others] = texts.map((text) => (text.includes('-----') ? readPem(text) : [fromHex(text)]))
  if (leaf === undefined) return []
  // Two certificates where one is expected: kept as one, for the judge to refuse among its other findings.
  return [concat(...leaf), ...others.flat()]
}
