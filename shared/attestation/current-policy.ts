/**
 * The policy that holds now: signed, logged, not older than the statement, not older than anything seen. One question
 * for everything that a client or a gateway is offered. trust.md 1, 2, 4 and 6.
 */
import { Refusal } from '../refusal.ts'
import type { LoggedLeaf } from '../tlog/proof.ts'
import { verifyLoggedPolicy } from './logged.ts'
import type { RootFields } from './root-fields.ts'
import { checkSeenClock, joined, nothingSeen, policySeen, treeSeen, type Seen } from './seen.ts'
import { checkStated, verifyStatement, type VerifiedStatement } from './serial-statement.ts'
import { defaultSkew } from './sev-snp/policy.ts'
import { verifyPolicy, type VerifiedPolicy } from './signed-policy.ts'

export type CurrentPolicyQuestion = {
  readonly policy: string
  readonly proof: string
  readonly statement: string
  readonly root: RootFields
  /** milliseconds since 1970 */
  readonly now: number
  readonly seen?: Seen | undefined
  /** the role that the caller means, where it knows */
  readonly role?: string | undefined
  /** milliseconds by which our clock may be behind others' */
  readonly skew?: number | undefined
}

export type CurrentPolicy = {
  readonly policy: VerifiedPolicy
  readonly statement: VerifiedStatement
  readonly logged: LoggedLeaf
  /**
   * milliseconds since 1970: the earliest end of policy, statement and root. Whoever goes on after it may be obeying a
   * policy that was taken back; the bound on revocation rests on this.
   */
  readonly notAfter: number
  /** `seen`, and this: to be stored before anything is done on the policy's word */
  readonly seen: Seen
}

/** Refuses with the codes of verifyPolicy, verifyStatement and verifyLoggedPolicy; `role-refused`; `rolled-back`. */
export async function verifyCurrentPolicy(question: CurrentPolicyQuestion): Promise<CurrentPolicy> {
  const { root, now, seen = nothingSeen, skew = defaultSkew } = question
  checkSeenClock(seen, now, skew)
  const policy = await verifyPolicy(question.policy, { root, now, skew })
  const { role, serial, clockSkew } = policy
  if (role !== (question.role ?? role)) throw new Refusal('role-refused', `a policy for ${role}`)
  const last = policySeen(seen, role)
  if (serial < last.serial) throw new Refusal('rolled-back', `policy.serial ${serial} after ${last.serial}`)
  const narrow = { root, now, seen, skew: Math.min(skew, clockSkew) }
  const statement = await verifyStatement(question.statement, { ...narrow, role, lastTime: last.time })
  checkStated(policy, statement)
  const logged = await verifyLoggedPolicy(policy, question.proof, narrow)
  return {
    policy,
    statement,
    logged,
    notAfter: Math.min(policy.notAfter, statement.notAfter, root.notAfter),
    seen: joined(seen, {
      policies: { [role]: { serial, time: statement.time } },
      checkpoints: treeSeen(logged),
      newest: logged.newest,
    }),
  }
}
