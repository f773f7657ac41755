/**
 * What counts only if a log has it: the policy, and the identity of every CVM. The leaf is always made again from what
 * was verified, never taken from a proof. trust.md 4 and 6, attestation.md d.2.
 *
 * A leaf of a release holds three things that evidence does not show: the floor of the guest's security version (0 for
 * TDX, which has none), the day on which the release ends, and the artifact it was built from. They travel in the
 * policy's entry for that image (`minGuestSvn`, `notAfter`, `build`), signed by the releasers. So to end a release early its entry is
 * taken out or denied: another `notAfter` would be another leaf.
 */
import { fromHex } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { anchorOf } from '../tlog/anchor.ts'
import { leafHash } from '../tlog/merkle.ts'
import { judgeAge, verifyCheckpoint, type Clock, type LogTrust, type VerifiedCheckpoint } from '../tlog/policy.ts'
import { verifyProof, type LoggedLeaf } from '../tlog/proof.ts'
import { policyLeaf, releaseLeaf, type Release } from '../tlog/release.ts'
import { identityDigestOf } from './identity.ts'
import { policyLimits } from './policy-fields.ts'
import { checkSeenClock, checkSeenSplit, checkSeenTree, nothingSeen, type Seen } from './seen.ts'
import type { Measurement } from './sev-snp/policy.ts'
import { defaultSkew } from './sev-snp/policy.ts'
import type { VerifiedPolicy } from './signed-policy.ts'
import { entriesFor } from './tdx/policy.ts'
import type { Identity, Verdict } from './verdict.ts'

export type LogQuestion = {
  /** whose logs, witnesses and quorum count; a TrustRoot is one */
  readonly root: LogTrust
  /** milliseconds since 1970 */
  readonly now: number
  readonly seen?: Seen | undefined
  /** milliseconds by which our clock may be behind the witnesses' */
  readonly skew?: number | undefined
}

type Entry = Pick<Measurement, 'minGuestSvn' | 'notAfter' | 'build'>

/** Milliseconds. After `fresh` the verdict says `stale`, after both there is none. trust.md 6. */
export const anchorAges = { fresh: policyLimits.maxCosignatureAge, stale: 72 * 3_600_000 } as const

export type VerifiedAnchor = {
  readonly checkpoint: VerifiedCheckpoint
  /** what evidence of kind 2 binds: the digest of the whole note, and the size */
  readonly anchor: Uint8Array
  readonly age: 'fresh' | 'stale'
  /** milliseconds since 1970: from then on it is too old for anybody */
  readonly notAfter: number
}

/**
 * The policy is in a log of the root, in a tree that is not older than the last one in which a policy was shown.
 * Refuses with the codes of verifyProof, `checkpoint-rolled-back` or `split-view`.
 */
export async function verifyLoggedPolicy(
  policy: VerifiedPolicy,
  proof: string,
  question: LogQuestion,
): Promise<LoggedLeaf> {
  const leaf = leafHash(policyLeaf(fromHex(policy.sha256)))
  const logged = await verifyProof(proof, leaf, logsOf(question), clockOf(question))
  checkSeenTree(question.seen ?? nothingSeen, logged)
  return logged
}

/**
 * The identity that the judge found is a release in a log of the root, for this role, and has not ended. Refuses with
 * the codes of verifyProof, `no-proof`, `role-refused`, `measurement-refused`, `measurement-expired` or `split-view`.
 */
export async function verifyLoggedIdentity(
  verdict: Verdict,
  proof: string,
  question: LogQuestion & { readonly policy: VerifiedPolicy },
): Promise<LoggedLeaf> {
  const release = releaseOf(verdict, question.policy)
  if (question.now >= release.notAfter) throw new Refusal('measurement-expired', 'the release ended')
  const logged = await verifyProof(proof, leafHash(releaseLeaf(release)), logsOf(question), clockOf(question))
  checkSeenSplit(question.seen ?? nothingSeen, logged)
  return logged
}

/** What the log must hold for this CVM: also for whoever puts it there. */
export function releaseOf({ identity, kind, role }: Verdict, policy: VerifiedPolicy): Release {
  if (identity === undefined) throw new Refusal('no-proof', `no log knows an identity of ${kind} evidence`)
  if (role !== policy.role || identity.role !== policy.role) {
    throw new Refusal('role-refused', `attested for ${role}, the policy is for ${policy.role}`)
  }
  const { minGuestSvn, notAfter, build } = entryFor(kind, identity, policy)
  if (build === undefined) throw new Refusal('no-proof', 'the policy does not say of which build this is')
  const identitySha256 = identityDigestOf(identity)
  return { role, tee: kind, identitySha256, guestSvn: minGuestSvn, notAfter, artifactSha256: fromHex(build) }
}

/**
 * A recent moment that everybody can know, as evidence of kind 2 binds it; the policy may want it younger, not older.
 * Refuses with the codes of verifyCheckpoint, `cosignature-too-old` or `split-view`.
 */
export async function verifyAnchor(
  note: string,
  question: LogQuestion & { readonly maxCosignatureAge?: number | undefined },
): Promise<VerifiedAnchor> {
  const { now, maxCosignatureAge = anchorAges.fresh } = question
  const checkpoint = await verifyCheckpoint(note, logsOf(question), clockOf(question))
  checkSeenSplit(question.seen ?? nothingSeen, checkpoint)
  const limits = { fresh: Math.min(anchorAges.fresh, maxCosignatureAge), stale: anchorAges.stale }
  const age = judgeAge(checkpoint.oldest, now, limits)
  const notAfter = checkpoint.oldest + limits.fresh + limits.stale
  return { checkpoint, anchor: anchorOf(checkpoint), age, notAfter }
}

function entryFor(kind: Verdict['kind'], identity: Identity, { snp, tdx }: VerifiedPolicy): Entry {
  const [td] = kind === 'tdx' && tdx !== undefined ? entriesFor(tdx, identity) : []
  const guest = kind === 'sev-snp' ? snp?.measurements.find(({ digest }) => digest === identity.measurement) : undefined
  const entry = guest ?? (td && { ...td, minGuestSvn: 0 })
  if (entry === undefined) throw new Refusal('measurement-refused', 'not in the list of the policy')
  return entry
}

/** A root without logs knows placement `front` alone, and there nothing of this is asked. */
function logsOf({ root }: LogQuestion): LogTrust {
  if (root.logs.length === 0 || root.quorum < 1) throw new Refusal('no-proof', 'the trust root names no log')
  return root
}

function clockOf({ now, seen = nothingSeen, skew = defaultSkew }: LogQuestion): Clock {
  checkSeenClock(seen, now, skew)
  return { now, skew }
}
