/** A forged machine that everybody would accept, under a root that pins its vendor and a policy that names it. */
import { judge, type Verdict } from '../../../shared/attestation/judge.ts'
import type { VerifiedPolicy } from '../../../shared/attestation/signed-policy.ts'
import type { TrustRoot } from '../../../shared/attestation/trust-root.ts'
import { releaseLeaf } from '../../../shared/tlog/release.ts'
import { releaseOf } from '../../../shared/attestation/logged.ts'
import type { Bytes } from '../../../shared/bytes.ts'
import { house, snpJson, type House } from './policies.ts'
import { ask, hwid, type Changes } from './sev-snp/forge.ts'
import { digestOf } from './values.ts'

export async function hardwareHouse(): Promise<House> {
  return house({ use: 'production', vendorRoots: ask().trust.vendorRoots ?? [] })
}

export function hardwareJson(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return snpJson({ chips: { sha256: [digestOf(hwid('Genoa'))] }, ...changes })
}

/** What the judge says of this machine under that policy and root. */
export async function judged(
  policy: VerifiedPolicy,
  root: TrustRoot,
  now: number,
  changes: Changes = {},
): Promise<Verdict> {
  return judge({ ...ask(changes), policy: policy.evidence, trust: root, now })
}

/** What the log must hold of it. */
export function identityLeaf(verdict: Verdict, policy: VerifiedPolicy): Bytes {
  return releaseLeaf(releaseOf(verdict, policy))
}
