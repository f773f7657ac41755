/**
 * One published key and the machine that it lives in: its life, the moment that its evidence names, the evidence itself,
 * and that a log knows the image. trust.md 2-6, attestation.md b.4.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import type { Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import type { AttestedBundle, CvmEntry } from './bundle-fields.ts'
import { judge, type Verdict } from './judge.ts'
import { keyBinding, keyLives } from './key-evidence.ts'
import { verifyAnchor, verifyLoggedIdentity, type VerifiedAnchor } from './logged.ts'
import type { AllowSimulated } from './policy.ts'
import type { Proven } from './proven.ts'
import { reportData } from './report-data.ts'
import { nothingSeen, type Seen } from './seen.ts'
import type { VerifiedPolicy } from './signed-policy.ts'
import type { TrustRoot } from './trust-root.ts'

export type KeyJudgement = {
  readonly root: TrustRoot
  /** milliseconds since 1970 */
  readonly now: number
  /** already verified: the one that holds now */
  readonly policy: VerifiedPolicy
  readonly seen?: Seen | undefined
  /** the caller's own word; no policy can hold it (trust.md 7) */
  readonly allowSimulated?: AllowSimulated | undefined
  readonly proven?: Proven | undefined
}

/** One key, and what is known of the machine that it lives in. Times in milliseconds since 1970. */
export type AppraisedKey = {
  readonly id: string
  readonly keyConfig: Bytes
  readonly verdict: Verdict
  readonly anchor: 'fresh' | 'stale'
  /** when the quorum behind its anchor had spoken: the key is not older than that */
  readonly anchored: number
  /** the earliest end of key, evidence and anchor */
  readonly notAfter: number
}

/** The layer on which a placement's keys are attested. */
const layers = { inside: 'outer', sealed: 'inner' } as const

/**
 * Refuses with the codes of checkKeyLife, verifyAnchor, judgeKey and checkRelease, in this order; with `bundle-mismatch`
 * for a key of the other layer.
 */
export async function appraiseKey(
  entry: CvmEntry,
  placement: AttestedBundle['placement'],
  question: KeyJudgement,
  anchors: Anchors,
): Promise<AppraisedKey> {
  const { id, layer, keyConfig, notAfter } = entry
  if (layer !== layers[placement]) throw new Refusal('bundle-mismatch', `a key of layer ${layer}`)
  checkKeyLife(entry, question.policy, question.now)
  const anchor = await anchors.verified(entry.anchor)
  const verdict = await judgeKey(entry, anchor, question)
  await checkRelease(entry, verdict, question)
  const ends = Math.min(notAfter, verdict.notAfter, anchor.notAfter)
  return { id, keyConfig, verdict, anchor: anchor.age, anchored: anchor.checkpoint.oldest, notAfter: ends }
}

/** Refuses `key-expired`, also for a key that is good for too long. */
export function checkKeyLife(
  { id, layer, notBefore, notAfter }: CvmEntry,
  { binding, clockSkew }: VerifiedPolicy,
  now: number,
): void {
  const life = notAfter - notBefore
  if (life <= 0 || life > Math.min(keyLives[layer], binding.maxKeyLife)) {
    throw new Refusal('key-expired', `key ${id} is good for nothing, or for too long`)
  }
  if (now < notBefore - clockSkew) throw new Refusal('key-expired', `key ${id} is not good yet`)
  if (now >= notAfter) throw new Refusal('key-expired', `key ${id} ended`)
}

/** Evidence for exactly this key, this life and this moment. Refuses with the codes of the judge, or `role-refused`. */
export async function judgeKey(
  { keyConfig, evidence, notBefore, notAfter, policySha256 }: CvmEntry,
  { anchor }: Pick<VerifiedAnchor, 'anchor'>,
  { policy, root, now, seen, allowSimulated, proven }: KeyJudgement,
): Promise<Verdict> {
  const { role } = policy
  const bound = { role, keyConfigSha256: sha256(keyConfig), anchor, notBefore, notAfter, policySha256 }
  const verdict = await judge({
    evidence,
    expected: { reportData: reportData(keyBinding(bound)) },
    policy: { ...policy.evidence, allowSimulated },
    trust: root,
    now,
    seen,
    proven,
  })
  if (verdict.role !== role) throw new Refusal('role-refused', `attested for ${verdict.role}, not for ${role}`)
  return verdict
}

/**
 * Simulated evidence stands for no image that a log could know, so there is nothing to show and nothing may be shown.
 * Refuses with the codes of verifyLoggedIdentity, or `bundle-mismatch`.
 */
export async function checkRelease({ id, proof }: CvmEntry, verdict: Verdict, question: KeyJudgement): Promise<void> {
  if (!verdict.simulated) await verifyLoggedIdentity(verdict, proof, question)
  else if (proof !== '') throw new Refusal('bundle-mismatch', `a log proof beside the simulated evidence of ${id}`)
}

/** Most keys of a bundle share one anchor: its signatures are looked at once. */
export class Anchors {
  readonly #question: KeyJudgement
  readonly #verified = new Map<string, Promise<VerifiedAnchor>>()
  newest = 0

  constructor(question: KeyJudgement) {
    this.#question = question
  }

  async verified(note: string): Promise<VerifiedAnchor> {
    const { root, now, seen = nothingSeen, policy } = this.#question
    const { log, clockSkew: skew } = policy
    const known = this.#verified.get(note) ?? verifyAnchor(note, { root, now, seen, skew, ...log })
    this.#verified.set(note, known)
    const anchor = await known
    this.newest = Math.max(this.newest, anchor.checkpoint.newest)
    return anchor
  }
}
