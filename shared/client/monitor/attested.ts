/**
 * What a bundle of `inside` or `sealed` shows besides keys: a policy that is signed, current and logged, one and the same
 * for everybody; anchors that are young; keys that die in time. Evidence is judged where clients judge it. trust.md 1, 2,
 * 4 and 6.
 */
import type { AttestedBundle, CvmEntry } from '../../attestation/bundle.ts'
import { verifyAnchor, verifyLoggedPolicy } from '../../attestation/logged.ts'
import { checkStated, verifyStatement } from '../../attestation/serial-statement.ts'
import { verifyPolicy, type VerifiedPolicy } from '../../attestation/signed-policy.ts'
import type { TrustRoot } from '../../attestation/trust-root.ts'
import { Refusal } from '../../refusal.ts'
import type { Alarm, AlarmCode } from './alarms.ts'
import type { MonitorState } from './state.ts'

type Policies = MonitorState['policies']
type Question = { readonly root: TrustRoot; readonly now: number }

export type Offered = { readonly at: string; readonly bundle: AttestedBundle }
export type ComparedPolicies = { readonly policies: Policies; readonly alarms: readonly Alarm[] }

const hour = 3_600_000
/** trust.md 1 */
const longest: Readonly<Record<CvmEntry['layer'], number>> = { outer: 24 * hour, inner: hour }

export const unjudged = 'evidence and release proofs of the CVMs: clients of this version judge none of a bundle'

export async function judgeOffered(
  offered: readonly Offered[],
  memory: Policies,
  question: Question,
): Promise<ComparedPolicies> {
  let policies = memory
  const alarms: Alarm[] = []
  for (const one of offered) {
    const found = await policyAlarms(one, question)
    alarms.push(...found.alarms, ...(await anchorAlarms(one, found.policy, question)), ...longLives(one, found.policy))
    if (found.policy === undefined) continue
    alarms.push(...succession(one.at, found.policy, policies))
    policies = withPolicy(policies, found.policy)
  }
  return { policies, alarms }
}

async function policyAlarms({ at, bundle }: Offered, question: Question) {
  const alarms: Alarm[] = []
  const policy = await tried(alarms, 'policy-refused', at, () => verifyPolicy(bundle.policy, question))
  if (policy === undefined) return { policy, alarms }
  await tried(alarms, 'policy-unlogged', at, () => verifyLoggedPolicy(policy, bundle.policyProof, question))
  await tried(alarms, 'statement-refused', at, async () => {
    checkStated(policy, await verifyStatement(bundle.statement, { ...question, role: policy.role }))
  })
  return { policy, alarms }
}

async function anchorAlarms({ at, bundle }: Offered, policy: VerifiedPolicy | undefined, question: Question) {
  const alarms: Alarm[] = []
  for (const { id, anchor } of bundle.cvms) {
    const verified = await tried(alarms, 'anchor-old', at, () =>
      verifyAnchor(anchor, { ...question, maxCosignatureAge: policy?.log.maxCosignatureAge }),
    )
    if (verified?.age === 'stale') alarms.push({ code: 'anchor-old', about: at, detail: `key ${id}: stale` })
  }
  return alarms
}

/** A policy may want less and never more. */
function longLives({ at, bundle }: Offered, policy: VerifiedPolicy | undefined): Alarm[] {
  const most = policy?.binding.maxKeyLife ?? Infinity
  const old = bundle.cvms.filter((cvm) => cvm.notAfter - cvm.notBefore > Math.min(longest[cvm.layer], most))
  return old.map(({ id, layer, notBefore, notAfter }) => {
    const life = ((notAfter - notBefore) / hour).toFixed(1)
    return { code: 'key-too-old', about: at, detail: `${layer} key ${id} lives for ${life} h` }
  })
}

/** Two policies of one serial are as many truths; signature lines may differ, texts may not. */
function succession(about: string, { role, serial, sha256, note }: VerifiedPolicy, policies: Policies): Alarm[] {
  const last = policies.find((one) => one.role === role)
  if (last === undefined || serial > last.serial) return []
  if (serial < last.serial) {
    return [{ code: 'policy-backwards', about, detail: `serial ${serial} after ${last.serial}` }]
  }
  if (sha256 === last.sha256) return []
  return [{ code: 'policy-equivocation', about, detail: `serial ${serial}`, notes: [last.note, note] }]
}

function withPolicy(policies: Policies, { role, serial, sha256, note }: VerifiedPolicy): Policies {
  const last = policies.find((one) => one.role === role)
  if (last !== undefined && last.serial >= serial) return policies
  return [...policies.filter((one) => one.role !== role), { role, serial, sha256, note }]
}

async function tried<T>(
  alarms: Alarm[],
  code: AlarmCode,
  about: string,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work()
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    alarms.push({ code, about, detail: cause.code })
    return undefined
  }
}
