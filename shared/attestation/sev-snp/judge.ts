/**
 * The judge on SEV-SNP evidence: checks 1-18 of attestation.md a.6, in their order, each ending the matter. The
 * binding (19) is compared by whoever calls, as for every kind; 20-24 are named in findings.ts.
 */
import { hex } from '../../bytes.ts'
import { Refusal } from '../../refusal.ts'
import { checkSizes, type Evidence } from '../evidence.ts'
import { Proven } from '../proven.ts'
import type { PublicKey } from '../signatures.ts'
import type { Findings, Question } from '../verdict.ts'
import { checkChain, readLeaf } from './chain.ts'
import { checkCrl } from './crl.ts'
import type { SnpFacts } from './facts.ts'
import * as guest from './guest-checks.ts'
import { readLeafClaims } from './leaf.ts'
import * as platform from './platform-checks.ts'
import { defaultSkew, narrowed, strictCrl, type SnpPolicy } from './policy.ts'
import { readReport, type SnpReport } from './report.ts'
import { checkReserved, checkSigner, checkVersion } from './report-checks.ts'
import { counted } from './tcb.ts'

/** Leaf, issuer, root and revocation list. */
const maxEndorsements = 4

export async function judgeSnp(question: Question): Promise<Findings> {
  const policy = policyOf(question)
  const { evidence, now } = question
  const report = readEvidence(evidence)
  checkVersion(report, policy)
  checkReserved(report)
  const kind = checkSigner(report, policy)
  const leaf = readLeaf(evidence.endorsements)
  const asked = { now, skew: question.policy.clockSkew ?? defaultSkew, proven: question.proven ?? new Proven() }
  const { endorsements } = evidence
  const chain = await checkChain(leaf, { ...asked, endorsements, kind, vendorRoots: question.trust.vendorRoots ?? [] })
  const rules = question.policy.collateral ?? strictCrl
  const seen = question.seen?.crlNumbers[chain.row.name] ?? 0
  const revocation = await checkCrl(endorsements[3], chain, { ...asked, rules, seen })
  const claims = readLeafClaims(leaf, kind, chain.row)
  const one = { report, claims, row: chain.row, policy }
  platform.checkProduct(one)
  const chip = platform.checkChip(one)
  platform.checkTcb(one)
  platform.checkFloors(one)
  await checkSignature(report, chain.key)
  const listed = checkGuest(report, policy, now)
  const facts: SnpFacts = {
    product: chain.row.name,
    reportVersion: report.version,
    leaf: kind,
    tcb: counted(claims.tcb, chain.row),
    firmware: report.current,
    chip,
    provider: claims.cspId ?? null,
    hostData: hex(report.hostData),
    guestSvn: report.guestSvn,
    vmpl: report.vmpl,
    crlNumber: revocation.crl.number,
  }
  return {
    ...identified(report, question.policy.role),
    simulated: false,
    notAfter: Math.min(chain.notAfter, revocation.notAfter, listed.notAfter),
    notVerified: notVerified(report, policy, facts),
    snp: facts,
  }
}

/** Leave before anything is read: without a section for this kind, nothing of this kind is wanted. */
function policyOf({ policy, trust }: Question): SnpPolicy {
  if (policy.snp === undefined) throw new Refusal('policy-refused', 'the policy wants no SEV-SNP evidence')
  return narrowed(policy.snp, trust.use, trust.chips)
}

/** Check 1. */
function readEvidence(evidence: Evidence): SnpReport {
  checkSizes(evidence)
  const count = evidence.endorsements.length
  if (count > maxEndorsements) throw new Refusal('bad-evidence', `${count} endorsements`)
  return readReport(evidence.report)
}

/** Check 12. */
async function checkSignature({ signature, signed }: SnpReport, key: PublicKey): Promise<void> {
  if (await key.verifies(signature, signed)) return
  throw new Refusal('bad-signature', 'the leaf did not sign this report')
}

/** Checks 13-18. */
function checkGuest(report: SnpReport, policy: SnpPolicy, now: number) {
  guest.checkGuestPolicy(report, policy)
  guest.checkPlatform(report, policy)
  guest.checkVmpl(report, policy)
  const listed = guest.checkMeasurement(report, policy, now)
  guest.checkHostSide(report, policy)
  guest.checkIdentity(report, policy, listed)
  return listed
}

/** trust.md 4. Without an ID block the digest of its key is zeros: the field is absent. */
function identified(report: SnpReport, role: string) {
  const measurement = hex(report.measurement)
  const idKeyDigest = report.idKeyDigest.some((octet) => octet !== 0) ? hex(report.idKeyDigest) : ''
  const tdOnly = { mrConfigId: '', rtmr: ['', '', '', ''] } as const
  const identity = { measurement, hostData: hex(report.hostData), ...tdOnly, idKeyDigest, role }
  return { measurement, role, reportData: report.reportData, identity }
}

const knownPlatformBits = 0b1011_1111n

/** What this verdict leaves open, in words for people. */
function notVerified({ platform: bits }: SnpReport, policy: SnpPolicy, { product, chip }: SnpFacts): readonly string[] {
  const strange = bits & ~knownPlatformBits
  const named = chip === null || policy.chips.mode === 'any' ? ['chip'] : []
  return [
    ...(policy.chips.mode === 'log' ? ['chip log'] : named),
    ...(policy.minTcb[product] === undefined ? ['firmware floor'] : []),
    ...(strange === 0n ? [] : [`platform bits 0x${strange.toString(16)}`]),
    'gpu',
    'transparency log',
    'policy signature',
  ]
}
