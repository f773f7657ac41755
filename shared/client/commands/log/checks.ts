/** A tlog-proof judged check by check, so that a person sees what held and what did not. C2SP tlog-proof; trust.md 6. */
import { hex } from '../../../bytes.ts'
import { anchorAges } from '../../../attestation/logged.ts'
import { defaultSkew as skew } from '../../../attestation/sev-snp/policy.ts'
import type { TrustRoot } from '../../../attestation/trust-root.ts'
import { Refusal, type RefusalCode, refusalOf } from '../../../refusal.ts'
import { timeText } from '../../../tlog/json-fields.ts'
import { verifyInclusion } from '../../../tlog/merkle.ts'
import { checkClock, countOperators, judgeAge, verifySignatures, type SignedCheckpoint } from '../../../tlog/policy.ts'
import { parseProof, verifyProof } from '../../../tlog/proof.ts'
import type { Subject } from './subject.ts'

export type Check = {
  readonly check: 'trust root' | 'proof' | 'log' | 'quorum' | 'clock' | 'age' | 'inclusion' | 'leaf'
  /** `fresh` and `stale` hold; a proof outlives its cosignatures, so `refused` counts only where freshness is asked for */
  readonly result: 'held' | 'fresh' | 'stale' | 'refused'
  readonly says: string
  readonly code?: RefusalCode
}

export type ProofVerdict = { readonly relied: boolean; readonly checks: readonly Check[] }

export type ProofQuestion = {
  readonly proof: string
  readonly subject: Subject
  readonly root: TrustRoot
  readonly now: number
  /** the checkpoint must be young enough to be an anchor */
  readonly fresh: boolean
}

export async function judgeProof(question: ProofQuestion): Promise<ProofVerdict> {
  const { proof, subject, root, now, fresh } = question
  const checks = await allChecks(question)
  const failed = checks.some(({ check, result }) => result === 'refused' && (fresh || check !== 'age'))
  // What counts is the path that clients take; the rows above only explain it.
  const client = await refusalOf(() => verifyProof(proof, subject.hash, root, { now, skew }))
  return { relied: !failed && client === undefined, checks }
}

async function allChecks({ proof, subject, root, now }: ProofQuestion): Promise<Check[]> {
  const checks = [
    await row('trust root', () => {
      if (now >= root.notAfter) throw new Refusal('root-expired', `it ended at ${timeText(root.notAfter)}`)
      return `version ${root.version} (${root.use}), until ${timeText(root.notAfter)}`
    }),
    await row('proof', () => `leaf ${parseProof(proof).index}`),
  ]
  if (checks[1]?.result === 'refused') return checks
  const { index, hashes, checkpoint } = parseProof(proof)
  let signed: SignedCheckpoint | undefined
  checks.push(
    await row('log', async () => {
      signed = await verifySignatures(checkpoint, root)
      return `${signed.origin}, ${signed.size} leaves, signed by ${signed.log.key.name}`
    }),
  )
  if (signed === undefined) return checks
  const { size, root: treeRoot } = signed
  checks.push(...(await witnessChecks(signed, root, now)))
  checks.push(
    await row('inclusion', () => {
      verifyInclusion({ index, size, leaf: subject.hash, proof: hashes, root: treeRoot })
      return `${hex(subject.hash)} is leaf ${index} of ${size} under ${hex(treeRoot)}`
    }),
    await row('leaf', () => leafLife(subject, now)),
  )
  return checks
}

async function witnessChecks({ cosignatures }: SignedCheckpoint, root: TrustRoot, now: number): Promise<Check[]> {
  let counted: ReturnType<typeof countOperators> | undefined
  const quorum = await row('quorum', () => {
    counted = countOperators(cosignatures, root.quorum)
    return `${counted.operators.length} operators, ${root.quorum} needed: ${counted.operators.join(', ')}`
  })
  if (counted === undefined) return [quorum]
  const { oldest, newest } = counted
  const clock = await row('clock', () => {
    checkClock(newest, { now, skew })
    return `the newest cosignature is of ${timeText(newest)}`
  })
  const says = `the quorum had spoken by ${timeText(oldest)}, ${hours(now - oldest)} ago`
  const age = await row('age', () => [judgeAge(oldest, now, anchorAges), says])
  return [quorum, clock, age]
}

function leafLife({ kind, notAfter }: Subject, now: number): string {
  if (kind === 'policy') return 'a policy; whether it is signed and current is not judged here'
  if (notAfter === undefined) return kind === 'hash' ? 'a bare hash: what it stands for is not judged here' : kind
  if (now >= notAfter) throw new Refusal('evidence-expired', `the release ended at ${timeText(notAfter)}`)
  return `a release, until ${timeText(notAfter)}`
}

async function row(
  check: Check['check'],
  work: () => string | ['fresh' | 'stale', string] | Promise<string>,
): Promise<Check> {
  try {
    const said = await work()
    return typeof said === 'string' ? { check, result: 'held', says: said } : { check, result: said[0], says: said[1] }
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    return { check, result: 'refused', says: cause.message, code: cause.code }
  }
}

function hours(milliseconds: number): string {
  return `${(milliseconds / 3_600_000).toFixed(1)} h`
}
