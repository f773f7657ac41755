/** Revocation lists, complete ones of one issuer: read strictly, judged elsewhere. RFC 5280 §5. */
import type { Bytes } from '../../bytes.ts'
import { Refusal } from '../../refusal.ts'
import { context, readDer, readExtensions, tags, type DerReader, type Extension } from '../der.ts'
import { readSigned, type Signed } from './certificate.ts'

/** Times are milliseconds since 1970. */
export type Crl = Signed & {
  readonly issuer: Bytes
  readonly thisUpdate: number
  readonly nextUpdate: number
  readonly number: number
  /** lower-case hex */
  readonly serials: readonly string[]
}

const crlNumber = '2.5.29.20'

/** `most`: how many entries its issuer can ever need, where that is known. */
export function readCrl(der: Bytes, most = Infinity): Crl {
  return readSigned(der, (whole) => readBody(whole, most))
}

function readBody(whole: DerReader, most: number) {
  const from = whole.enter(tags.sequence)
  // Version 2 is the number 1. §5.1.2.1
  if (from.small(1) !== 1) throw unfit('not a list of version 2')
  const innerAlgorithm = from.element(tags.sequence).whole
  const issuer = from.element(tags.sequence).whole
  const thisUpdate = from.time()
  const nextUpdate = from.time()
  const serials = from.next(tags.sequence) ? readSerials(from.enter(tags.sequence), most) : []
  const wrapped = from.enter(context(0))
  const number = readNumber(wrapped)
  wrapped.end()
  from.end()
  return { innerAlgorithm, issuer, thisUpdate, nextUpdate, serials, number }
}

/** §5.1.2.6: absent where there are none. */
function readSerials(from: DerReader, most: number): readonly string[] {
  const serials: string[] = []
  do {
    if (serials.length === most) throw unfit('more entries than its issuer can need')
    const entry = from.enter(tags.sequence)
    serials.push(entry.unsigned())
    entry.time()
    if (!entry.done) checkKnown(readExtensions(entry), [])
    entry.end()
  } while (!from.done)
  return serials
}

function readNumber(from: DerReader): number {
  const extensions = readExtensions(from)
  checkKnown(extensions, [crlNumber])
  const [number, ...more] = extensions.filter(({ id }) => id === crlNumber)
  if (number === undefined || more.length > 0) throw unfit('not exactly one number')
  return readDer(number.value, (value) => value.small(0xffff_ffff))
}

/** Partial and indirect lists say so in critical extensions (§5.2.4, §5.2.5): here they end. */
function checkKnown(extensions: readonly Extension[], known: readonly string[]): void {
  if (extensions.some(({ id, critical }) => critical && !known.includes(id)))
    throw unfit('an unknown critical extension')
}

function unfit(what: string): Refusal {
  return new Refusal('bad-encoding', what)
}
