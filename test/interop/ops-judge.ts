/**
 * Door op of the judge: attest.judge. The door is asked on behalf of somebody who trusts both vendors' own roots, takes
 * any chip that the policy takes, and says nothing of simulated evidence unless the case does (`allow_simulated`).
 */
import type { Evidence, EvidenceKind } from '../../shared/attestation/evidence.ts'
import { evidenceKinds } from '../../shared/attestation/evidence.ts'
import { identityDigestOf } from '../../shared/attestation/identity.ts'
import { judge, type Verdict } from '../../shared/attestation/judge.ts'
import type { AllowSimulated, EvidencePolicy } from '../../shared/attestation/policy.ts'
import { reportData, reportDataLength } from '../../shared/attestation/report-data.ts'
import { readEndorsements } from '../../shared/attestation/sev-snp/pem.ts'
import { durationOf, readCrlPolicy, readSnpPolicy } from '../../shared/attestation/sev-snp/policy-json.ts'
import { products } from '../../shared/attestation/sev-snp/products.ts'
import { readTdxPolicy } from '../../shared/attestation/tdx/policy-json.ts'
import { intelRoot } from '../../shared/attestation/tdx/vendor.ts'
import { fromHex, hex, utf8, type Bytes } from '../../shared/bytes.ts'
import { Refusal } from '../../shared/refusal.ts'
import { at, textOf } from '../../shared/tlog/json-fields.ts'
import { optionsOf } from '../../shared/tlog/json-options.ts'
import type { Case, Op } from './case.ts'
import { bindingOf } from './ops-trust.ts'

export const judgeOps: Readonly<Record<string, Op>> = { 'attest.judge': attest }

const vendorRoots = [...Object.values(products).map(({ root }) => root), intelRoot]

async function attest(input: Case): Promise<object> {
  const verdict = await judge({
    evidence: evidenceOf(input),
    expected: { reportData: expectedOf(input) },
    policy: policyOf(input),
    trust: { use: 'development', vendorRoots, chips: 'any' },
    now: nowOf(input),
  })
  return told(verdict)
}

function told({ identity, notAfter, notVerified, snp, tdx, ...verdict }: Verdict): object {
  return {
    ...verdict,
    ...{ not_verified: notVerified, expires: new Date(notAfter).toISOString() },
    ...(identity === undefined ? {} : { identity, identity_sha256: hex(identityDigestOf(identity)) }),
    ...(snp ?? tdx),
  }
}

function evidenceOf(input: Case): Evidence {
  const kind = evidenceKinds.find((one) => one === input.text('kind'))
  if (kind === undefined) throw new Refusal('bad-encoding', 'kind is sev-snp, tdx or simulated')
  const report = input.hex('evidence')
  return { kind, report, endorsements: endorsementsOf(input, kind), collateral: collateralOf(input, kind) }
}

/** A revocation list may also come where it is called collateral. */
function endorsementsOf(input: Case, kind: EvidenceKind): readonly Bytes[] {
  const given = input.has('endorsements') ? input.texts('endorsements') : []
  const lists = kind === 'sev-snp' && input.has('collateral') ? [input.text('collateral')] : []
  return readEndorsements([...given, ...lists])
}

/** An object, its text, or the octets of its text. */
function collateralOf(input: Case, kind: EvidenceKind): Bytes | null {
  if (kind === 'sev-snp' || !input.has('collateral')) return null
  const value = input.raw('collateral')
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return /^[0-9a-f]+$/.test(text) ? fromHex(text) : utf8(text)
}

/** Zeros are no binding, so the judge takes no such question: then it is asked for what no evidence can have. */
function expectedOf(input: Case): Bytes {
  const expected = input.has('binding') ? reportData(bindingOf(input.object('binding'))) : input.hex('report_data')
  if (expected.length !== reportDataLength) throw new Refusal('bad-encoding', 'report_data has 64 bytes')
  return expected.some((octet) => octet !== 0) ? expected : crypto.getRandomValues(expected)
}

function nowOf(input: Case): number {
  const now = Date.parse(input.text('now'))
  if (!Number.isFinite(now)) throw new Refusal('bad-encoding', 'now is a time in ISO form')
  return now
}

type PolicyParts = Pick<EvidencePolicy, 'role' | 'snp' | 'tdx' | 'collateral' | 'clockSkew'>
/** What others read of a policy: known here, and asked by nobody. */
type Elsewhere = Readonly<Record<'version' | 'serial' | 'notBefore' | 'notAfter' | 'log' | 'binding', unknown>>

function policyOf(input: Case): EvidencePolicy {
  const raw = ({ value }: { value: unknown }) => value
  const { role, snp, tdx, collateral, clockSkew } = optionsOf<PolicyParts & Elsewhere>(
    at(input.raw('policy'), 'policy'),
    {
      ...{ role: textOf, snp: readSnpPolicy, tdx: readTdxPolicy, collateral: readCrlPolicy, clockSkew: durationOf },
      ...{ version: raw, serial: raw, notBefore: raw, notAfter: raw, log: raw, binding: raw },
    },
    {
      ...{ role: 'any', snp: undefined, tdx: undefined, collateral: undefined, clockSkew: undefined },
      ...{ version: 1, serial: 1, notBefore: '', notAfter: '', log: {}, binding: {} },
    },
  )
  return { role, snp, tdx, collateral, clockSkew, allowSimulated: allowed(input) }
}

function allowed(input: Case): AllowSimulated | undefined {
  if (!input.has('allow_simulated')) return undefined
  const given = input.object('allow_simulated')
  return { rootSha256: given.text('rootSha256'), measurement: given.text('measurement') }
}
