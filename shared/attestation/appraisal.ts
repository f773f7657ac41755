/**
 * What a bundle of `inside` or `sealed` is worth: its policy is the current one and logged, and every key in it is bound
 * by evidence of a machine that this policy wants, to a moment that is not long ago. One entry that is not refuses them
 * all: what is published is published whole. trust.md 2-6, attestation.md b.4.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { concat, equal, hex, uint16, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import type { AttestedBundle, CvmEntry } from './bundle-fields.ts'
import { verifyCurrentPolicy, type CurrentPolicy } from './current-policy.ts'
import { judge, type Verdict } from './judge.ts'
import { keyBinding, keyLives } from './key-evidence.ts'
import { verifyAnchor, verifyLoggedIdentity, type VerifiedAnchor } from './logged.ts'
import type { AllowSimulated } from './policy.ts'
import { reportData } from './report-data.ts'
import { usableUntil } from './revocation.ts'
import { joined, nothingSeen, type Seen } from './seen.ts'
import type { Proven } from './proven.ts'
import type { VerifiedPolicy } from './signed-policy.ts'
import type { TrustRoot } from './trust-root.ts'

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

/** The layer on which a placement's keys are attested. */
const layers = { inside: 'outer', sealed: 'inner' } as const

/**
 * Refuses with the codes of verifyCurrentPolicy, verifyAnchor, verifyLoggedIdentity and the judge; with
 * `bundle-mismatch`, `key-expired`, `policy-refused` or `too-few-machines`.
 */
export async function appraise(question: AppraisalQuestion): Promise<Appraisal> {
  const { bundle } = question
  const current = await verifyCurrentPolicy({ ...question, ...notesOf(bundle) })
  const { policy, statement } = current
  if (!policy.binding.kinds.includes(2)) throw new Refusal('policy-refused', 'the policy wants no published keys')
  if (bundle.placement === 'inside') checkList(bundle)
  const anchors = new Anchors(question, policy)
  const keys: AppraisedKey[] = []
  for (const entry of bundle.cvms) keys.push(await appraiseEntry(entry, question, policy, anchors))
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

async function appraiseEntry(
  entry: CvmEntry,
  { bundle, root, now, seen = nothingSeen, allowSimulated, proven }: AppraisalQuestion,
  policy: VerifiedPolicy,
  anchors: Anchors,
): Promise<AppraisedKey> {
  const { id, layer, keyConfig, evidence, notBefore, notAfter, policySha256 } = entry
  if (layer !== layers[bundle.placement]) throw new Refusal('bundle-mismatch', `a key of layer ${layer}`)
  checkLife(entry, policy, now)
  const { anchor, age, checkpoint, notAfter: anchorEnds } = await anchors.verified(entry.anchor)
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
  await checkLogged(entry, verdict, { root, now, seen, policy })
  const ends = Math.min(notAfter, verdict.notAfter, anchorEnds)
  return { id, keyConfig, verdict, anchor: age, anchored: checkpoint.oldest, notAfter: ends }
}

function checkLife({ id, layer, notBefore, notAfter }: CvmEntry, { binding, clockSkew }: VerifiedPolicy, now: number) {
  const life = notAfter - notBefore
  if (life <= 0 || life > Math.min(keyLives[layer], binding.maxKeyLife)) {
    throw new Refusal('key-expired', `key ${id} is good for nothing, or for too long`)
  }
  if (now < notBefore - clockSkew) throw new Refusal('key-expired', `key ${id} is not good yet`)
  if (now >= notAfter) throw new Refusal('key-expired', `key ${id} ended`)
}

/** Simulated evidence stands for no image that a log could know, so there is nothing to show and nothing may be shown. */
async function checkLogged(
  { id, proof }: CvmEntry,
  verdict: Verdict,
  question: Parameters<typeof verifyLoggedIdentity>[2],
): Promise<void> {
  if (!verdict.simulated) await verifyLoggedIdentity(verdict, proof, question)
  else if (proof !== '') throw new Refusal('bundle-mismatch', `a log proof beside the simulated evidence of ${id}`)
}

/** Most keys of a bundle share one anchor: its signatures are looked at once. */
class Anchors {
  readonly #question: Pick<AppraisalQuestion, 'root' | 'now' | 'seen'>
  readonly #policy: VerifiedPolicy
  readonly #verified = new Map<string, Promise<VerifiedAnchor>>()
  newest = 0

  constructor(question: AppraisalQuestion, policy: VerifiedPolicy) {
    this.#question = question
    this.#policy = policy
  }

  async verified(note: string): Promise<VerifiedAnchor> {
    const { root, now, seen } = this.#question
    const { log, clockSkew: skew } = this.#policy
    const known = this.#verified.get(note) ?? verifyAnchor(note, { root, now, seen, skew, ...log })
    this.#verified.set(note, known)
    const anchor = await known
    this.newest = Math.max(this.newest, anchor.checkpoint.newest)
    return anchor
  }
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
  const lists = keys.flatMap(({ verdict: { snp } }) => (snp ? [{ [snp.product]: snp.crlNumber }] : []))
  return lists.reduce<Seen>((all, crlNumbers) => joined(all, { crlNumbers }), joined(seen, { newest }))
}
