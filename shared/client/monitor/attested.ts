/**
 * What a bundle of `inside` or `sealed` shows, part by part, whether or not a client takes the whole: a policy that is
 * signed, current and logged, one and the same for everybody; for every key a young anchor, a short life, evidence that
 * the policy wants, and an image that a log knows. trust.md 1, 2, 4 and 6.
 */
import { checkRelease, judgeKey, type KeyJudgement } from '../../attestation/appraised-key.ts'
import type { AttestedBundle, CvmEntry } from '../../attestation/bundle.ts'
import { keyLives } from '../../attestation/key-evidence.ts'
import { verifyAnchor, verifyLoggedPolicy, type VerifiedAnchor } from '../../attestation/logged.ts'
import { checkStated, verifyStatement } from '../../attestation/serial-statement.ts'
import { verifyPolicy, type VerifiedPolicy } from '../../attestation/signed-policy.ts'
import { Refusal } from '../../refusal.ts'
import type { Alarm, AlarmCode } from './alarms.ts'
import type { MonitorState } from './state.ts'

type Policies = MonitorState['policies']
type Question = Omit<KeyJudgement, 'policy' | 'seen'>
/** `newest`: the highest serial of a bundle that was shown anywhere. */
type Compared = Question & { readonly newest: number }

export type Offered = { readonly at: string; readonly bundle: AttestedBundle }
export type ComparedPolicies = { readonly policies: Policies; readonly alarms: readonly Alarm[] }

const hour = 3_600_000

export async function judgeOffered(
  offered: readonly Offered[],
  memory: Policies,
  question: Compared,
): Promise<ComparedPolicies> {
  let policies = memory
  const alarms: Alarm[] = []
  for (const one of offered) {
    const found = await policyAlarms(one, question)
    alarms.push(...found.alarms)
    for (const cvm of one.bundle.cvms) alarms.push(...(await keyAlarms(one.at, cvm, found.policy, question)))
    if (found.policy === undefined) continue
    alarms.push(...succession(one, found.policy, policies, question.newest))
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

/** Without a policy nobody can say which machine is wanted, but every anchor and every key must be young all the same. */
async function keyAlarms(
  at: string,
  cvm: CvmEntry,
  policy: VerifiedPolicy | undefined,
  question: Question,
): Promise<Alarm[]> {
  const alarms = tooLong(at, cvm, policy)
  const anchor = await anchorAlarms(alarms, at, cvm, policy, question)
  if (policy === undefined || anchor === undefined) return alarms
  const judgement = { ...question, policy }
  const key = `key ${cvm.id}`
  const verdict = await tried(alarms, 'evidence-refused', at, () => judgeKey(cvm, anchor, judgement), key)
  if (verdict === undefined) return alarms
  await tried(alarms, 'release-unlogged', at, () => checkRelease(cvm, verdict, judgement), key)
  return alarms
}

async function anchorAlarms(
  alarms: Alarm[],
  at: string,
  { id, anchor: note }: CvmEntry,
  policy: VerifiedPolicy | undefined,
  question: Question,
): Promise<VerifiedAnchor | undefined> {
  const { maxCosignatureAge } = policy?.log ?? {}
  const asked = { ...question, maxCosignatureAge, skew: policy?.clockSkew }
  const anchor = await tried(alarms, 'anchor-old', at, () => verifyAnchor(note, asked), `key ${id}`)
  if (anchor?.age === 'stale') alarms.push({ code: 'anchor-old', about: at, detail: `key ${id}: stale` })
  return anchor
}

/** A policy may want less and never more. */
function tooLong(
  at: string,
  { id, layer, notBefore, notAfter }: CvmEntry,
  policy: VerifiedPolicy | undefined,
): Alarm[] {
  const life = notAfter - notBefore
  if (life <= Math.min(keyLives[layer], policy?.binding.maxKeyLife ?? Infinity)) return []
  const detail = `${layer} key ${id} lives for ${(life / hour).toFixed(1)} h`
  return [{ code: 'key-too-old', about: at, detail }]
}

/**
 * Two policies of one serial are as many truths; signature lines may differ, texts may not. An older bundle has its older
 * policy: whether it may still be shown is asked of the bundle.
 */
function succession(
  { at: about, bundle }: Offered,
  { role, serial, sha256, note }: VerifiedPolicy,
  policies: Policies,
  newest: number,
): Alarm[] {
  const last = policies.find((one) => one.role === role)
  if (last === undefined || serial > last.serial) return []
  if (serial < last.serial) {
    if (bundle.serial < newest) return []
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
  part?: string,
): Promise<T | undefined> {
  try {
    return await work()
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    alarms.push({ code, about, detail: part === undefined ? cause.code : `${part}: ${cause.code}` })
    return undefined
  }
}
