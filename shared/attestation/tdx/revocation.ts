/**
 * Check 7 of attestation.md a.6 for TDX: how old the collateral is, and what Intel took back. The root's list names
 * issuers, the issuer's list names platforms. Missing or stale is a refusal: what nobody showed is not good news.
 */
import { equal, type Bytes } from '../../bytes.ts'
import { Refusal, refuseAs } from '../../refusal.ts'
import type { Proven } from '../proven.ts'
import type { PublicKey } from '../signatures.ts'
import { checkValidity, type Certificate } from '../x509/certificate.ts'
import { readCrl, type Crl } from '../x509/crl.ts'
import type { Chain } from './chain.ts'
import type { Collateral } from './collateral.ts'
import { isEcdsa, signedBy } from './vendor.ts'
import type { Issue } from './vendor-json.ts'

export type TimeQuestion = {
  /** milliseconds that ratings and the list of platforms may be old; Intel renews them every 30 days */
  readonly tdxMaxAge: number
  readonly now: number
  readonly skew: number
  readonly proven: Proven
}

/** Gives the first end of ratings and of who signed them. */
export function checkFresh({ tcbInfo, qeIdentity, signers }: Collateral, question: TimeQuestion): number {
  const documents = [tcbInfo, qeIdentity].map((issue) => checkIssue(issue, question))
  const { now, skew } = question
  const certified = refuseAs('collateral-issuer-refused', () => signers.map((one) => checkValidity(one, now, skew)))
  return Math.min(...documents, ...certified)
}

function checkIssue({ issueDate, nextUpdate }: Issue, { now, skew, tdxMaxAge }: TimeQuestion): number {
  if (now < issueDate - skew) throw new Refusal('collateral-not-yet-valid', 'ratings from the future')
  const notAfter = Math.min(nextUpdate, issueDate + tdxMaxAge)
  if (now > notAfter) throw new Refusal('collateral-expired', 'stale ratings')
  return notAfter
}

/** Gives the first end of the two lists. The root's lives for a year, so only its own end counts. */
export async function checkRevocation(
  { pckCrl, rootCrl, pckCrlChain, signers }: Collateral,
  chain: Chain,
  question: TimeQuestion,
): Promise<number> {
  const { leaf, ca, caKey, root, rootKey } = chain
  const [issuer, top] = pckCrlChain
  if (!isSame(issuer, ca) || !isSame(top, root)) throw wrongIssuer("not of the quote's own chain")
  const ofRoot = await listOf(rootCrl, root, rootKey, question.proven)
  const ofCa = await listOf(pckCrl, ca, caKey, question.proven)
  const ends = [checkTimes(ofRoot, question, Infinity), checkTimes(ofCa, question, question.tdxMaxAge)]
  const revoked = [root, ca, ...signers].find(({ serial }) => ofRoot.serials.includes(serial))
  if (revoked !== undefined) throw new Refusal('issuer-revoked', `serial ${revoked.serial}`)
  if (ofCa.serials.includes(leaf.serial)) throw new Refusal('leaf-revoked', `serial ${leaf.serial}`)
  return Math.min(...ends)
}

function listOf(der: Bytes, issuer: Certificate, key: PublicKey, proven: Proven): Promise<Crl> {
  return proven.of('intel-crl', [der, issuer.der], async () => {
    const crl = refuseAs('bad-crl', () => readCrl(der))
    if (!equal(crl.issuer, issuer.subject)) throw wrongIssuer('of another issuer')
    if (isEcdsa(crl) && (await signedBy(key, crl))) return crl
    throw new Refusal('crl-signature-refused', 'the issuer did not sign this list')
  })
}

function checkTimes({ thisUpdate, nextUpdate }: Crl, { now, skew }: TimeQuestion, maxAge: number): number {
  if (now < thisUpdate - skew) throw new Refusal('crl-not-yet-valid', 'a list from the future')
  const notAfter = Math.min(nextUpdate, thisUpdate + maxAge)
  if (now > notAfter) throw new Refusal('crl-expired', 'the list is stale')
  return notAfter
}

function isSame(der: Bytes | undefined, certificate: Certificate): boolean {
  return der !== undefined && equal(der, certificate.der)
}

function wrongIssuer(what: string): Refusal {
  return new Refusal('crl-issuer-mismatch', `a list that is ${what}`)
}
