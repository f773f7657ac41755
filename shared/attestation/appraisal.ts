/**
 * What a bundle of `inside` or `sealed` is worth: its policy is the current one and logged, and every key in it is bound
 * by evidence of a machine that this policy wants, to a moment that is not long ago. One entry that is not refuses them
 * all: what is published is published whole. trust.md 2-6, attestation.md b.4.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { concat, equal, hex, uint16 } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { Anchors, appraiseKey, type AppraisedKey } from './appraised-key.ts'
import type { AttestedBundle, CvmEntry } from './bundle-fields.ts'
import { verifyCurrentPolicy, type CurrentPolicy } from './current-policy.ts'
import type { Verdict } from './judge.ts'
import type { AllowSimulated } from './policy.ts'
import type { Proven } from './proven.ts'
import { usableUntil } from './revocation.ts'
import { joined, type Seen } from './seen.ts'
import type { VerifiedPolicy } from './signed-policy.ts'
import type { TrustRoot } from './trust-root.ts'

export type { AppraisedKey } from './appraised-key.ts'

export type AppraisalQuestion = {
  readonly bundle: AttestedBundle
  readonly root: TrustRoot
  /** milliseconds since 1970 */
  readonly now: number
  readonly seen?: Seen | undefined
  /** the caller's own word; no policy can hold it (trust.md 7) */
  readonly allowSimulated?: AllowSimulated | undefined
  /** the role that the caller means, where it knows; otherwise the policy's */
  readonly role?: string | undefined
  readonly proven?: Proven | undefined
}

export type Appraisal = {
  readonly policy: VerifiedPolicy
  /** when the policy's releasers last said that it is the current one */
  readonly stated: number
  readonly keys: readonly AppraisedKey[]
  readonly cvms: number
  readonly chips: number
  /** `stale` as soon as one anchor is */
  readonly age: 'fresh' | 'stale'
  /** until when the bundle may be used: the earliest end of anything that this rests on */
  readonly notAfter: number
  /** to be stored before anything is done on its word */
  readonly seen: Seen
}

/**
 * Refuses with the codes of verifyCurrentPolicy and appraiseKey; with `bundle-mismatch`, `policy-refused` or
 * `too-few-machines`.
 */
export async function appraise(question: AppraisalQuestion): Promise<Appraisal> {
  const { bundle } = question
  const current = await verifyCurrentPolicy({ ...question, ...notesOf(bundle) })
  const { policy, statement } = current
  if (!policy.binding.kinds.includes(2)) throw new Refusal('policy-refused', 'the policy wants no published keys')
  if (bundle.placement === 'inside') checkList(bundle)
  const judgement = { ...question, policy }
  const anchors = new Anchors(judgement)
  const keys: AppraisedKey[] = []
  for (const entry of bundle.cvms) keys.push(await appraiseKey(entry, bundle.placement, judgement, anchors))
  const counted = countMachines(bundle.cvms, keys, policy)
  return {
    policy,
    stated: statement.time,
    keys,
    ...counted,
    age: keys.some(({ anchor }) => anchor === 'stale') ? 'stale' : 'fresh',
    notAfter: Math.min(usableUntil(bundle, current), ...keys.map(({ notAfter }) => notAfter)),
    seen: learned(current, keys, anchors),
  }
}

function notesOf({ policy, policyProof: proof, statement }: AttestedBundle) {
  return { policy, proof, statement }
}

/** In `inside` the list is the entries and nothing else, in their order: an attested key vouches for no neighbour. */
function checkList({ keys, cvms }: AttestedBundle): void {
  const list = concat(...cvms.flatMap(({ keyConfig }) => [uint16(keyConfig.length), keyConfig]))
  if (!equal(keys, list)) throw new Refusal('bundle-mismatch', 'the key list is not that of the attested keys')
}

/**
 * A machine shows one key for each KEM, so there are as many as the KEM with the most keys has. Chips count by what names
 * them; where nothing does, all such keys together are one.
 */
function countMachines(entries: readonly CvmEntry[], keys: readonly AppraisedKey[], { snp }: VerifiedPolicy) {
  const byKem = Map.groupBy(entries, ({ keyConfig }) => hex(keyConfig.subarray(1, 3)))
  const cvms = Math.max(...[...byKem.values()].map(({ length }) => length))
  const chips = new Set(keys.map(({ verdict }, at) => chipOf(verdict, entries[at]))).size
  const [minCvms, minChips] = [snp?.minCvms ?? 1, snp?.minChips ?? 1]
  if (cvms < minCvms || chips < minChips) {
    throw new Refusal('too-few-machines', `${cvms} CVMs on ${chips} chips, not ${minCvms} on ${minChips}`)
  }
  return { cvms, chips }
}

function chipOf({ simulated, snp, tdx }: Verdict, entry: CvmEntry | undefined): string {
  const [endorsement] = entry?.evidence.endorsements ?? []
  if (simulated && endorsement !== undefined) return hex(sha256(endorsement))
  return (snp?.chip ?? tdx?.chip)?.sha256 ?? ''
}

function learned({ seen }: CurrentPolicy, keys: readonly AppraisedKey[], { newest }: Anchors): Seen {
  return keys.reduce((all, { verdict }) => joined(all, vendorNumbers(verdict)), joined(seen, { newest }))
}

/** What vendors said of themselves: whoever shows an older word of theirs later is refused. */
function vendorNumbers({ snp, tdx }: Verdict): Partial<Seen> {
  return {
    ...(snp === undefined ? {} : { crlNumbers: { [snp.product]: snp.crlNumber } }),
    ...(tdx === undefined ? {} : { tcbEvaluationDataNumber: tdx.tcbEvaluationDataNumber }),
  }
}
