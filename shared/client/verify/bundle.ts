/**
 * A bundle, check by check, and what a client makes of the whole: the last row is the client's own judgement, which alone
 * decides. The rows above it say where it comes from. trust.md 2-6.
 */
import { Anchors, checkKeyLife, checkRelease, judgeKey, type KeyJudgement } from '../../attestation/appraised-key.ts'
import {
  checkPlacement,
  checkTimes,
  signedBundle,
  verifyBundle,
  type AttestedBundle,
  type BundleQuestion,
  type CvmEntry,
  type VerifiedBundle,
} from '../../attestation/bundle.ts'
import { verifyLoggedPolicy } from '../../attestation/logged.ts'
import { Proven } from '../../attestation/proven.ts'
import { checkStated, verifyStatement } from '../../attestation/serial-statement.ts'
import { verifyPolicy, type VerifiedPolicy } from '../../attestation/signed-policy.ts'
import type { TrustRoot } from '../../attestation/trust-root.ts'
import type { Verdict } from '../../attestation/verdict.ts'
import { asked, notReached, type Check } from './checks.ts'
import { bundleRows as rows, type BundleRowName } from './bundle-rows.ts'
import { judged, unseen } from './evidence.ts'

/** `usableUntil`: milliseconds since 1970, only where everything held. */
export type Examined = {
  readonly ok: boolean
  readonly checks: readonly Check[]
  /** what nobody looked at, in sentences */
  readonly notVerified: readonly string[]
  readonly usableUntil?: number
}

export async function examineBundle(question: BundleQuestion): Promise<Examined> {
  const asking = { proven: new Proven(), ...question }
  const checks: Check[] = []
  const signed = await asked(
    checks,
    'bundle',
    rows.signature,
    () => signedBundle(asking),
    ({ bundle, root }) => `serial ${bundle.serial}, trust root version ${root.version} (${root.use})`,
  )
  const verdicts: Verdict[] = []
  if (signed === undefined) checks.push(...notReached('bundle', [rows.placement, rows.times]))
  else {
    const { bundle, root } = signed
    await asked(checks, 'bundle', rows.placement, () => checkPlacement(bundle, root, question.placement))
    await asked(
      checks,
      'bundle',
      rows.times,
      () => checkTimes(bundle, root, question.now),
      () => `until ${timeOf(bundle.notAfter)}`,
    )
    if (bundle.placement !== 'front') verdicts.push(...(await examineAttested(checks, bundle, root, asking)))
  }
  const whole = await asked(checks, 'whole', rows.whole, () => verifyBundle(asking), countOf)
  const usableUntil = whole && (whole.appraisal?.notAfter ?? Math.min(whole.bundle.notAfter, whole.root.notAfter))
  return {
    ok: checks.every(({ result }) => result === 'ok'),
    checks,
    notVerified: [...unseen(verdicts, answered), ...leftOpen(question)],
    ...(usableUntil === undefined ? {} : { usableUntil }),
  }
}

async function examineAttested(
  checks: Check[],
  bundle: AttestedBundle,
  root: TrustRoot,
  asking: BundleQuestion,
): Promise<Verdict[]> {
  const policy = await examinePolicy(checks, bundle, root, asking)
  if (policy === undefined) {
    checks.push(...bundle.cvms.flatMap((cvm) => notReached(`key ${cvm.id}`, keyRows)))
    return []
  }
  const judgement = { ...asking, root, policy }
  const anchors = new Anchors(judgement)
  const verdicts: Verdict[] = []
  for (const cvm of bundle.cvms) {
    const verdict = await examineKey(checks, cvm, judgement, anchors)
    if (verdict !== undefined) verdicts.push(verdict)
  }
  return verdicts
}

const namesOf = (names: readonly BundleRowName[]) => names.map((name) => rows[name])
const keyRows = namesOf(['life', 'anchor', 'evidence', 'release'])

async function examinePolicy(
  checks: Check[],
  bundle: AttestedBundle,
  root: TrustRoot,
  { now, role }: BundleQuestion,
): Promise<VerifiedPolicy | undefined> {
  const question = { root, now }
  const policy = await asked(
    checks,
    'policy',
    rows.policy,
    () => verifyPolicy(bundle.policy, question),
    ({ serial, signers, notAfter }) => `serial ${serial}, signed by ${signers.join(', ')}, until ${timeOf(notAfter)}`,
  )
  if (policy === undefined) {
    checks.push(...notReached('policy', namesOf(['statement', 'policyProof'])))
    return undefined
  }
  const stated = { ...question, skew: policy.clockSkew }
  await asked(
    checks,
    'policy',
    rows.statement,
    async () => {
      const statement = await verifyStatement(bundle.statement, { ...stated, role: role ?? policy.role })
      checkStated(policy, statement)
      return statement
    },
    ({ serial, time }) => `serial ${serial} is current, stated at ${timeOf(time)}`,
  )
  await asked(
    checks,
    'policy',
    rows.policyProof,
    () => verifyLoggedPolicy(policy, bundle.policyProof, stated),
    ({ origin, size }) => `in ${origin}, tree of ${size}`,
  )
  return policy
}

async function examineKey(
  checks: Check[],
  cvm: CvmEntry,
  judgement: KeyJudgement,
  anchors: Anchors,
): Promise<Verdict | undefined> {
  const part = `key ${cvm.id}`
  await asked(
    checks,
    part,
    rows.life,
    () => checkKeyLife(cvm, judgement.policy, judgement.now),
    () => `${cvm.layer} key, ${timeOf(cvm.notBefore)} to ${timeOf(cvm.notAfter)}`,
  )
  const anchor = await asked(
    checks,
    part,
    rows.anchor,
    () => anchors.verified(cvm.anchor),
    ({ age, checkpoint }) => `${age}: ${checkpoint.origin}, seen by the quorum at ${timeOf(checkpoint.oldest)}`,
  )
  if (anchor === undefined) {
    checks.push(...notReached(part, namesOf(['evidence', 'release'])))
    return undefined
  }
  const verdict = await judged(checks, part, cvm.evidence.kind, () => judgeKey(cvm, anchor, judgement))
  if (verdict === undefined) checks.push(...notReached(part, [rows.release]))
  else checks.push(...(await examineRelease(part, cvm, verdict, judgement)))
  return verdict
}

/** Of simulated evidence nothing is compared, so nothing is said to have held. */
async function examineRelease(
  part: string,
  cvm: CvmEntry,
  verdict: Verdict,
  judgement: KeyJudgement,
): Promise<readonly Check[]> {
  const checks: Check[] = []
  await asked(checks, part, rows.release, () => checkRelease(cvm, verdict, judgement))
  return verdict.simulated ? checks.filter(({ result }) => result !== 'ok') : checks
}

function countOf({ appraisal }: VerifiedBundle): string {
  return appraisal === undefined ? '' : `CVMs: ${appraisal.cvms}, chips: ${appraisal.chips}`
}

/** Whose signature the policy has was looked at, and for hardware that its release is logged. */
function answered({ simulated }: Verdict): readonly string[] {
  return simulated ? ['policy signature'] : ['policy signature', 'transparency log']
}

function leftOpen({ placement }: BundleQuestion): string[] {
  return [
    ...(placement === 'front'
      ? ['the confidential VM: in front its evidence is verified by the gateway, whose operator is trusted for that']
      : []),
    'keys: whether your client speaks their algorithms',
    'sameness: whether everybody is shown this bundle, and that none is older than one seen before (asunder monitor)',
    'collusion: whether relay and gateway are run by operators who keep apart',
  ]
}

function timeOf(time: number): string {
  return new Date(time).toISOString().replace('.000Z', 'Z')
}
