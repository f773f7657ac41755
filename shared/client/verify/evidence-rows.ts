/**
 * The checks of evidence in the order in which the judge asks them: a refusal at one says that everything before it held.
 * Their numbers are those of shared/attestation/sev-snp/findings.ts and tdx/findings.ts; 0 is what comes before evidence is read.
 */
import type { EvidenceKind } from '../../attestation/evidence.ts'
import { findings } from '../../attestation/sev-snp/findings.ts'
import { tdxFindings } from '../../attestation/tdx/findings.ts'
import type { Verdict } from '../../attestation/verdict.ts'
import type { RefusalCode } from '../../refusal.ts'
import type { CheckRow } from './checks.ts'

export type EvidenceRow = CheckRow & {
  readonly number: number
  /** what the verdict says of it, where it says something */
  readonly found?: (verdict: Verdict) => string
}

const row = (
  number: number,
  name: string,
  compared: string,
  from: string,
  found?: (verdict: Verdict) => string,
): EvidenceRow => ({ number, name, compared, from, ...(found === undefined ? {} : { found }) })

const measurementOf = ({ measurement }: Verdict): string => measurement
const endOf = ({ notAfter }: Verdict): string => `the verdict holds until ${new Date(notAfter).toISOString()}`
const binding = row(
  19,
  'binding',
  'report_data with the digest of key, anchor, life, policy and role (or of the connection) made again here',
  'what this client sees itself',
  endOf,
)

const snp: readonly EvidenceRow[] = [
  row(0, 'wanted at all', 'the kind of evidence with the sections of the policy', 'policy'),
  row(1, 'form', 'length of the report, number and size of certificates', 'AMD, SEV-SNP firmware ABI'),
  row(2, 'report version', 'version with those allowed', 'policy snp.reportVersions', ({ snp: facts }) =>
    String(facts?.reportVersion),
  ),
  row(3, 'reserved fields', 'every reserved bit and the unsigned tail with zero', 'AMD, SEV-SNP firmware ABI'),
  row(4, 'signing key', 'kind of key and algorithm', 'policy snp.allowVlek', ({ snp: facts }) => facts?.leaf ?? ''),
  row(5, 'certificate', 'one certificate, whole, in DER', 'AMD, VCEK certificate specification'),
  row(6, 'chain', 'chip key, issuer and root by signature; the root by its digest', 'trust root vendorRoots'),
  row(7, 'revocation', 'issuer with a current list of the vendor, not older than one seen', 'AMD', ({ snp: facts }) =>
    facts === undefined ? '' : `list number ${facts.crlNumber}`,
  ),
  row(
    8,
    'product',
    'product of certificate, root and processor with one another and those allowed',
    'policy snp.products',
    ({ snp: facts }) => facts?.product ?? '',
  ),
  row(9, 'chip', 'chip of report and certificate with the list', 'policy snp.chips', ({ snp: facts }) =>
    facts?.chip === null ? `none named, provider ${facts.provider ?? 'unnamed'}` : (facts?.chip.sha256 ?? ''),
  ),
  row(10, 'patch level', 'every part of the reported TCB with the certificate', 'AMD, in the certificate', (verdict) =>
    JSON.stringify(verdict.snp?.tcb),
  ),
  row(11, 'firmware floor', 'TCBs and firmware with the least allowed', 'policy snp.minTcb', ({ snp: facts }) =>
    facts === undefined ? '' : `firmware ${facts.firmware.major}.${facts.firmware.minor}.${facts.firmware.build}`,
  ),
  row(12, 'signature', 'report with the key of the certificate', 'AMD, by the chain above'),
  row(13, 'guest policy', 'debugging, migration, threads, memory with what is allowed', 'policy snp.guestPolicy'),
  row(14, 'platform', 'state of the host with what is allowed', 'policy snp.platform'),
  row(15, 'privilege level', 'VMPL that asked with those allowed', 'policy snp.vmpl', ({ snp: facts }) =>
    String(facts?.vmpl),
  ),
  row(16, 'image', 'launch measurement with the images of this role', 'policy snp.measurements', measurementOf),
  row(17, 'settings', 'HOST_DATA and ID keys with those allowed', 'policy snp', ({ snp: facts }) =>
    facts === undefined ? '' : `HOST_DATA ${facts.hostData}`,
  ),
  row(18, 'identity', 'measurement and settings, together, with one entry', 'policy snp.measurements'),
  binding,
]

const tdx: readonly EvidenceRow[] = [
  row(0, 'wanted at all', 'the kind of evidence with the sections of the policy', 'policy'),
  row(1, 'form', 'lengths inside the quote', 'Intel, TDX DCAP quote format'),
  row(2, 'quote version', 'version with those allowed', 'policy tdx.quoteVersions', ({ tdx: facts }) =>
    String(facts?.quoteVersion),
  ),
  row(3, 'tail', 'bytes after the quote with zero', 'Intel, TDX DCAP quote format'),
  row(4, 'quoting enclave', 'vendor and key type of the quote', 'Intel, TDX DCAP quote format'),
  row(5, 'certificate', 'certificate of the platform inside the quote, whole', 'Intel, PCK certificate profile'),
  row(6, 'chain', 'platform, issuer and root by signature; the root by its digest', 'trust root vendorRoots'),
  row(7, 'collateral', 'ratings and revocation lists by signature and date', 'Intel'),
  row(8, 'platform kind', 'FMSPC and PCE of certificate and ratings', 'Intel, in the certificate', ({ tdx: facts }) =>
    facts === undefined ? '' : `FMSPC ${facts.fmspc}`,
  ),
  row(9, 'chip', 'platform id with the list', 'policy tdx.chips', ({ tdx: facts }) => facts?.chip.sha256 ?? ''),
  row(10, 'ratings', 'module, enclave and ratings with those that Intel rates', 'Intel', ({ tdx: facts }) =>
    facts === undefined ? '' : `evaluation ${facts.tcbEvaluationDataNumber}`,
  ),
  row(11, 'patch level', 'the rating of the platform with those allowed', 'policy tdx', ({ tdx: facts }) =>
    facts === undefined ? '' : [facts.tcb.status, ...facts.tcb.advisories].join(' '),
  ),
  row(12, 'signatures', 'platform on enclave, enclave on key, key on quote', 'Intel, by the chain above'),
  row(13, 'guest', 'debugging, migration, features and module with what is allowed', 'policy tdx'),
  row(16, 'image', 'MRTD with the images of this role', 'policy tdx.mrtd', measurementOf),
  row(17, 'settings', 'RTMRs, MRCONFIGID and owners with those allowed', 'policy tdx', ({ identity }) =>
    identity === undefined ? '' : `MRCONFIGID ${identity.mrConfigId}`,
  ),
  row(18, 'identity', 'measurement and settings, together, with one entry', 'policy tdx'),
  binding,
]

const simulated: readonly EvidenceRow[] = [
  row(0, 'allowed at all', 'your own word and the use of the trust root', '--allow-simulated'),
  row(1, 'form', 'report and one endorsement', 'this project'),
  row(6, 'chain', 'simulated platform with its root', '--allow-simulated'),
  row(12, 'signature', 'report with the key of the platform', 'the chain above'),
  row(16, 'image', 'role and measurement with those allowed', '--allow-simulated', measurementOf),
  binding,
]

export const evidenceRows: Readonly<Record<EvidenceKind, readonly EvidenceRow[]>> = {
  'sev-snp': snp,
  tdx,
  simulated,
}

type Numbers = Partial<Record<RefusalCode, number>>

/** An end is told at the chain: whether it is that of the report or of what endorses it, nothing after it was looked at. */
const simulatedFindings: Numbers = {
  'bad-evidence': 1,
  'bad-chain': 6,
  'evidence-expired': 6,
  'bad-signature': 12,
  'role-refused': 16,
  'measurement-refused': 16,
  'binding-mismatch': 19,
}
const numbers: Readonly<Record<EvidenceKind, Numbers>> = {
  'sev-snp': findings,
  tdx: tdxFindings,
  simulated: simulatedFindings,
}

/** Of the check that refused; 0, so that nothing is called good, for what belongs to none. */
export function numberOf(kind: EvidenceKind, code: RefusalCode): number {
  return numbers[kind][code] ?? 0
}
