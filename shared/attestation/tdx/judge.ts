/**
 * The judge on TDX evidence: the checks of attestation.md a.6 in their order, with what that page says differs, each ending
 * the matter. The binding (19) is compared by whoever calls, as for every kind.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { concat, equal, hex } from '../../bytes.ts'
import { Refusal } from '../../refusal.ts'
import { checkSizes, type Evidence } from '../evidence.ts'
import { Proven } from '../proven.ts'
import type { PublicKey } from '../signatures.ts'
import { defaultSkew, strictCrl } from '../sev-snp/policy.ts'
import type { Findings, Identity, Question } from '../verdict.ts'
import { checkChain, readLeaf } from './chain.ts'
import { proveCollateral, readCollateral, type CollateralParts } from './collateral.ts'
import * as guest from './guest-checks.ts'
import { readPckClaims } from './pck.ts'
import { narrowedTdx, type NarrowTdxPolicy, type TdMeasurement, type TdxPolicy } from './policy.ts'
import { readQuote, type Quote } from './quote.ts'
import { checkFresh, checkRevocation } from './revocation.ts'
import * as tcb from './tcb.ts'
import { intelVendorId, keyAt } from './vendor.ts'

export async function judgeTdx(question: Question): Promise<Findings> {
  const policy = policyOf(question)
  const { evidence, now, trust } = question
  const quote = readEvidence(evidence)
  checkQuote(quote, policy)
  const rules = { ...strictCrl, ...question.policy.collateral }
  const asked = {
    now,
    skew: question.policy.clockSkew ?? defaultSkew,
    proven: question.proven ?? new Proven(),
    ...rules,
  }
  const chain = await checkChain(readLeaf(quote), { ...asked, vendorRoots: trust.vendorRoots ?? [] })
  const collateral = await proveCollateral(collateralOf(evidence), chain, asked.proven)
  const rated = checkFresh(collateral, asked)
  const listed = await checkRevocation(collateral, chain, asked)
  const claims = readPckClaims(chain.leaf)
  tcb.checkPlatform(claims, collateral)
  const chip = guest.checkChip(claims, policy)
  const least = Math.max(policy.minTcbEval, question.seen?.tcbEvaluationDataNumber ?? 0)
  const tcbEvaluationDataNumber = tcb.checkEvaluation(collateral, least)
  const ratings = tcb.rate(quote, claims, collateral)
  tcb.checkRatings(ratings, policy)
  await checkSignatures(quote, chain.key)
  const identity = identityOf(quote, question.policy.role)
  const image = checkGuest(quote, identity, policy, now)
  return {
    measurement: identity.measurement,
    role: identity.role,
    reportData: quote.reportData,
    identity,
    simulated: false,
    notAfter: Math.min(chain.notAfter, rated, listed, image.notAfter),
    notVerified: notVerified(policy),
    tdx: {
      quoteVersion: quote.version,
      fmspc: claims.fmspc,
      chip,
      tcb: ratings,
      tcbEvaluationDataNumber,
      ...shown(quote),
    },
  }
}

/** Leave before anything is read: without a section for this kind, nothing of this kind is wanted. */
function policyOf({ policy, trust }: Question): NarrowTdxPolicy {
  if (policy.tdx === undefined) throw new Refusal('policy-refused', 'the policy wants no TDX evidence')
  return narrowedTdx(policy.tdx, trust.use, trust.chips)
}

/** Check 1. A quote carries its own chain, so there is nothing to endorse it beside. */
function readEvidence(evidence: Evidence): Quote {
  checkSizes(evidence)
  if (evidence.endorsements.length > 0) throw new Refusal('bad-evidence', 'endorsements beside a quote')
  return readQuote(evidence.report)
}

/** Checks 2-4. */
function checkQuote({ version, tail, vendorId }: Quote, { quoteVersions }: TdxPolicy): void {
  if (!quoteVersions.includes(version)) throw new Refusal('report-version-refused', `version ${version}`)
  // The tail of a fixed buffer is covered by nothing but this.
  if (tail.some((octet) => octet !== 0)) throw new Refusal('reserved-not-zero', 'bytes after the quote')
  if (!equal(vendorId, intelVendorId)) throw new Refusal('signing-key-refused', 'not a quoting enclave of Intel')
}

function collateralOf({ collateral }: Evidence): CollateralParts {
  if (collateral === null) throw new Refusal('collateral-missing', 'no collateral')
  return readCollateral(collateral)
}

/** Check 12: the platform vouches for its quoting enclave, that for a key, and the key for the quote. */
async function checkSignatures({ qe, attestationKey, signature, signed }: Quote, pck: PublicKey): Promise<void> {
  if (!(await pck.verifies(qe.signature, qe.signed))) {
    throw new Refusal('quoting-enclave-unsigned', 'the platform did not sign the report of the quoting enclave')
  }
  const bound = concat(sha256(concat(attestationKey, qe.authentication)), new Uint8Array(32))
  if (!equal(qe.reportData, bound)) {
    throw new Refusal('attestation-key-unbound', 'the quoting enclave vouches for another key')
  }
  const key = await keyAt(attestationKey)
  if (!(await key.verifies(signature, signed))) throw new Refusal('bad-signature', 'the key did not sign this quote')
}

/** Checks 13 and 16-18. */
function checkGuest(quote: Quote, identity: Identity, policy: TdxPolicy, now: number): TdMeasurement {
  guest.checkAttributes(quote, policy)
  guest.checkModule(quote, policy)
  guest.checkMeasurement(identity, policy, now)
  guest.checkHostSide(quote, identity, policy)
  return guest.checkIdentity(identity, policy, now)
}

/** trust.md 4. */
function identityOf({ mrTd, mrConfigId, rtmr }: Quote, role: string): Identity {
  const [rtmr0, rtmr1, rtmr2, rtmr3] = rtmr
  return {
    measurement: hex(mrTd),
    hostData: '',
    mrConfigId: hex(mrConfigId),
    rtmr: [hex(rtmr0), hex(rtmr1), hex(rtmr2), hex(rtmr3)],
    idKeyDigest: '',
    role,
  }
}

function shown({ teeTcbSvn, mrSeam }: Quote) {
  return { teeTcbSvn: hex(teeTcbSvn), mrSeam: hex(mrSeam) }
}

/** What this verdict leaves open, in words for people. */
function notVerified({ chips, minTcbEval }: NarrowTdxPolicy): readonly string[] {
  const open = { allowlist: [], log: ['chip log'], any: ['chip'] } as const
  return [
    ...open[chips.mode],
    ...(minTcbEval === 0 ? ['age of TCB ratings'] : []),
    'gpu',
    'transparency log',
    'policy signature',
  ]
}
