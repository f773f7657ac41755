/** Names of vendors: every part is the same in all of them but the common name. RFC 5280 §4.1.2.4. */
import { equal, fromUtf8, type Bytes } from '../../bytes.ts'
import { Refusal } from '../../refusal.ts'
import { readDer, tags, type DerReader } from '../der.ts'

/** The RDNs that stand around the common name, as they are encoded. */
export type NameShape = { readonly before: readonly Bytes[]; readonly after: readonly Bytes[] }

/** The common name; undefined for any name that is not built like that, to the byte. */
export function commonNameIn(name: Bytes, shape: NameShape): string | undefined {
  try {
    return readDer(name, (whole) => readName(whole, shape))
  } catch (cause) {
    if (cause instanceof Refusal) return undefined
    throw cause
  }
}

function readName(whole: DerReader, { before, after }: NameShape): string {
  const from = whole.enter(tags.sequence)
  for (const expected of before) checkPart(from, expected)
  const text = readCommonName(from.enter(tags.set))
  for (const expected of after) checkPart(from, expected)
  from.end()
  return text
}

function checkPart(from: DerReader, expected: Bytes): void {
  if (!equal(from.element(tags.set).whole, expected)) throw new Refusal('bad-encoding', 'not a name of this vendor')
}

function readCommonName(set: DerReader): string {
  const pair = set.enter(tags.sequence)
  if (pair.objectId() !== '2.5.4.3') throw new Refusal('bad-encoding', 'not a common name')
  const text = fromUtf8(pair.element(tags.utf8String).content)
  pair.end()
  set.end()
  return text
}
