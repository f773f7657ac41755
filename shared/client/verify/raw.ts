/**
 * A report or quote that somebody hands over, without the bundle around it: what the judge makes of it, and whatever of
 * policy and log is given beside it. attestation.md a.6.
 */
import type { Evidence } from '../../attestation/evidence.ts'
import { judge } from '../../attestation/judge.ts'
import { verifyLoggedIdentity } from '../../attestation/logged.ts'
import type { AllowSimulated, EvidencePolicy } from '../../attestation/policy.ts'
import { readReport } from '../../attestation/sev-snp/report.ts'
import { products } from '../../attestation/sev-snp/products.ts'
import { verifyPolicy, type VerifiedPolicy } from '../../attestation/signed-policy.ts'
import { readQuote } from '../../attestation/tdx/quote.ts'
import { intelRoot } from '../../attestation/tdx/vendor.ts'
import { readSimulatedReport } from '../../attestation/simulated.ts'
import type { TrustRoot } from '../../attestation/trust-root.ts'
import type { Trust, Verdict } from '../../attestation/verdict.ts'
import type { Bytes } from '../../bytes.ts'
import { Refusal } from '../../refusal.ts'
import { bundleRows as rows } from './bundle-rows.ts'
import type { Examined } from './bundle.ts'
import { asked, notReached, type Check } from './checks.ts'
import { evidenceRows } from './evidence-rows.ts'
import { judged, unseen } from './evidence.ts'

export type RawQuestion = {
  readonly evidence: Evidence
  /** 64 bytes; null: nobody says what it must bind */
  readonly reportData: Bytes | null
  /** a signed note with the root that says by whom, or the rules alone */
  readonly policy: { readonly note: string; readonly root: TrustRoot } | { readonly rules: EvidencePolicy }
  /** of the release, where a root is given */
  readonly proof?: string | undefined
  readonly allowSimulated?: AllowSimulated | undefined
  /** milliseconds since 1970 */
  readonly now: number
}

export async function examineEvidence(question: RawQuestion): Promise<Examined> {
  const { evidence, policy: given, now, proof } = question
  const checks: Check[] = []
  const root = 'root' in given ? given.root : undefined
  const policy = 'root' in given ? await signedPolicy(checks, given, now) : undefined
  const rules = policy?.evidence ?? ('rules' in given ? given.rules : undefined)
  const verdict =
    rules === undefined
      ? void checks.push(
          ...notReached(
            'evidence',
            evidenceRows[evidence.kind].map(({ name, compared, from }) => ({ name, compared, from })),
          ),
        )
      : await judged(checks, 'evidence', evidence.kind, () => judgement(question, rules, root))
  const logged = policy !== undefined && root !== undefined && proof !== undefined
  if (logged && verdict === undefined) checks.push(...notReached('evidence', [rows.release]))
  if (logged && verdict !== undefined) {
    const release = { root, now, policy }
    await asked(checks, 'evidence', rows.release, () => verifyLoggedIdentity(verdict, proof, release))
  }
  const known = [...(root === undefined ? [] : ['policy signature']), ...(logged ? ['transparency log'] : [])]
  const ok = checks.every(({ result }) => result === 'ok')
  return {
    ok,
    checks,
    notVerified: [...unseen(verdict === undefined ? [] : [verdict], () => known), ...leftOpen(question, root)],
    ...(ok && verdict !== undefined ? { usableUntil: verdict.notAfter } : {}),
  }
}

function signedPolicy(
  checks: Check[],
  { note, root }: { readonly note: string; readonly root: TrustRoot },
  now: number,
): Promise<VerifiedPolicy | undefined> {
  return asked(
    checks,
    'policy',
    rows.policy,
    () => verifyPolicy(note, { root, now }),
    ({ serial, signers }) => `serial ${serial}, signed by ${signers.join(', ')}`,
  )
}

/** Without a root: whoever asks trusts the vendors' own roots, and takes the chips that the rules take. */
const vendors: Trust = {
  use: 'development',
  vendorRoots: [...Object.values(products).map((product) => product.root), intelRoot],
  chips: 'any',
}

function judgement(question: RawQuestion, rules: EvidencePolicy, root: TrustRoot | undefined): Promise<Verdict> {
  const { evidence, allowSimulated, now } = question
  const expected = question.reportData ?? ownReportData(evidence)
  const policy = { ...rules, allowSimulated }
  return judge({ evidence, expected: { reportData: expected }, policy, trust: root ?? vendors, now })
}

/** Zeros bind nothing, and what cannot be read is refused by the judge in its own words: both are asked for the impossible. */
function ownReportData(evidence: Evidence): Bytes {
  const own = readOwn(evidence)
  return own?.some((octet) => octet !== 0) === true ? own : crypto.getRandomValues(new Uint8Array(64))
}

function readOwn({ kind, report }: Evidence): Bytes | undefined {
  const readers = { 'sev-snp': readReport, tdx: readQuote, simulated: readSimulatedReport }
  try {
    return readers[kind](report).reportData
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    return undefined
  }
}

function leftOpen({ reportData, proof }: RawQuestion, root: TrustRoot | undefined): string[] {
  return [
    ...(reportData === null ? ['binding: what report_data stands for; it was held against nothing'] : []),
    'freshness: when this evidence was made; anybody can keep it and show it again',
    'policy: whether it is the current one, and whether a log knows it',
    ...(root === undefined
      ? ['trust root: none was given; the roots of AMD and Intel are those that this program knows']
      : []),
    ...(root === undefined && proof !== undefined
      ? ['release: the proof, since no trust root says whose log counts']
      : []),
  ]
}
