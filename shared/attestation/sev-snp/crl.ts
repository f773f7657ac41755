/**
 * Check 7 of attestation.md a.6: AMD's list of revoked issuers, signed by the root. Missing, stale or older than one
 * already seen is a refusal: what nobody showed is not good news. RFC 5280 §5.
 */
import { equal, type Bytes } from '../../bytes.ts'
import { Refusal, refuseAs } from '../../refusal.ts'
import type { Proven } from '../proven.ts'
import { readCrl, type Crl } from '../x509/crl.ts'
import type { Chain } from './chain.ts'
import type { CrlPolicy } from './policy.ts'
import { isPss, signedBy } from './signatures.ts'

export type CrlQuestion = {
  readonly rules: CrlPolicy
  /** the highest number that the asker has seen for this product */
  readonly seen: number
  readonly now: number
  readonly skew: number
  readonly proven: Proven
}

/** More than AMD has issuers. */
const maxRevoked = 1024

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
  const crl = refuseAs('bad-crl', () => readCrl(der, maxRevoked))
  if (!equal(crl.issuer, ark.subject)) throw new Refusal('crl-issuer-mismatch', 'a list of another root')
  if (isPss(crl) && (await signedBy(rootKey, crl))) return crl
  throw new Refusal('crl-signature-refused', 'the root did not sign this list')
}

function checkTimes({ thisUpdate, nextUpdate }: Crl, { rules, now, skew }: CrlQuestion): number {
  if (now < thisUpdate - skew) throw new Refusal('crl-not-yet-valid', 'a list from the future')
  const notAfter = Math.min(nextUpdate + rules.crlGrace, thisUpdate + rules.crlMaxAge)
  if (now > notAfter) throw new Refusal('crl-expired', 'the list is stale')
  return notAfter
}
