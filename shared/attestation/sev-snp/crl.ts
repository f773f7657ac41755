/**
 * Check 7 of attestation.md a.6: AMD's list of revoked issuers, signed by the root. Missing, stale or older than one
 * already seen is a refusal: what nobody showed is not good news. RFC 5280 §5.
 */
import { equal, type Bytes } from '../../bytes.ts'
import { Refusal, refuseAs } from '../../refusal.ts'
import { context, readDer, readExtensions, tags, type DerReader, type Extension } from '../der.ts'
import type { Chain } from './chain.ts'
import type { CrlPolicy } from './policy.ts'
import type { Proven } from './proven.ts'
import { isPss, signedBy, type Signed } from './signatures.ts'

export type Crl = Signed & {
  readonly issuer: Bytes
  /** milliseconds since 1970 */
  readonly thisUpdate: number
  readonly nextUpdate: number
  readonly number: number
  /** lower-case hex */
  readonly serials: readonly string[]
}

export type CrlQuestion = {
  readonly rules: CrlPolicy
  /** the highest number that the asker has seen for this product */
  readonly seen: number
  readonly now: number
  readonly skew: number
  readonly proven: Proven
}

const maxRevoked = 1024
const crlNumber = '2.5.29.20'

/** Gives the list and the end of what rests on it. */
export async function checkCrl(der: Bytes | undefined, chain: Chain, question: CrlQuestion) {
  if (der === undefined) throw new Refusal('crl-missing', 'no revocation list')
  const crl = await question.proven.of('crl', [der, chain.ark.der], () => prove(der, chain))
  const notAfter = checkTimes(crl, question)
  const least = Math.max(question.seen, question.rules.minCrlNumber[chain.row.name] ?? 0)
  if (crl.number < least) throw new Refusal('crl-rolled-back', `number ${crl.number} after ${least}`)
  const revoked = [chain.ask, chain.ark].find(({ serial }) => crl.serials.includes(serial))
  if (revoked !== undefined) throw new Refusal('issuer-revoked', `serial ${revoked.serial}`)
  return { crl, notAfter }
}

async function prove(der: Bytes, { ark, rootKey }: Chain): Promise<Crl> {
  const crl = refuseAs('bad-crl', () => readCrl(der))
  if (!equal(crl.issuer, ark.subject)) throw new Refusal('crl-issuer-mismatch', 'a list of another root')
  if (isPss(crl) && (await signedBy(rootKey, crl))) return crl
  throw new Refusal('crl-signature-refused', 'the root did not sign this list')
}

export function readCrl(der: Bytes): Crl {
  return readDer(der, (from) => {
    const all = from.enter(tags.sequence)
    const tbs = all.element(tags.sequence).whole
    const outerAlgorithm = all.element(tags.sequence).whole
    const signature = all.bits()
    all.end()
    return { tbs, outerAlgorithm, signature, ...readDer(tbs, readBody) }
  })
}

function readBody(whole: DerReader) {
  const from = whole.enter(tags.sequence)
  // Version 2 is the number 1. §5.1.2.1
  if (from.small(1) !== 1) throw unfit('not a list of version 2')
  const innerAlgorithm = from.element(tags.sequence).whole
  const issuer = from.element(tags.sequence).whole
  const thisUpdate = from.time()
  const nextUpdate = from.time()
  const serials = from.next(tags.sequence) ? readSerials(from.enter(tags.sequence)) : []
  const wrapped = from.enter(context(0))
  const number = readNumber(wrapped)
  wrapped.end()
  from.end()
  return { innerAlgorithm, issuer, thisUpdate, nextUpdate, serials, number }
}

/** §5.1.2.6: absent where there are none. */
function readSerials(from: DerReader): readonly string[] {
  const serials: string[] = []
  do {
    if (serials.length === maxRevoked) throw unfit('more entries than AMD has issuers')
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

function checkTimes({ thisUpdate, nextUpdate }: Crl, { rules, now, skew }: CrlQuestion): number {
  if (now < thisUpdate - skew) throw new Refusal('crl-not-yet-valid', 'a list from the future')
  const notAfter = Math.min(nextUpdate + rules.crlGrace, thisUpdate + rules.crlMaxAge)
  if (now > notAfter) throw new Refusal('crl-expired', 'the list is stale')
  return notAfter
}

function unfit(what: string): Refusal {
  return new Refusal('bad-encoding', what)
}
