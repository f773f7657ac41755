/**
 * What the publisher learns from one CVM: over a link that was judged first, evidence for every key on offer. Everything
 * is checked again with the bundle that it becomes part of (publish-attested.ts). trust.md 2 and 4.
 */
import { cvmId } from '../shared/attestation/bundle-fields.ts'
import type { CvmEntry } from '../shared/attestation/bundle.ts'
import { judge } from '../shared/attestation/judge.ts'
import {
  keyLimits,
  keyResources,
  readKeyAnswer,
  writeKeyQuestion,
  type KeyAnswer,
  type KeyQuestion,
} from '../shared/attestation/key-evidence.ts'
import type { VerifiedPolicy } from '../shared/attestation/signed-policy.ts'
import type { TrustRoot } from '../shared/attestation/trust-root.ts'
import { utf8 } from '../shared/bytes.ts'
import { Refusal } from '../shared/refusal.ts'
import { askCvm } from './ask-cvm.ts'
import { AttestedConnection } from './attested-connection.ts'
import { bind } from './binding.ts'
import { CvmFailure } from './cvm-failure.ts'
import type { CvmSettings } from './cvm-settings.ts'

export type Collecting = {
  readonly root: TrustRoot
  readonly policy: VerifiedPolicy
  /** a checkpoint note whose quorum spoke lately */
  readonly anchor: string
  readonly layer: CvmEntry['layer']
  readonly now: () => number
  readonly file: (name: string) => Buffer
}

/** Milliseconds: a machine makes one report after the other, each in its own time. */
const patience = 30_000

export async function collectKeys(
  cvm: CvmSettings,
  { root, policy, anchor, layer, now, file }: Collecting,
): Promise<CvmEntry[]> {
  const question: KeyQuestion = { anchor, policySha256: policy.sha256 }
  const answer = await asked(cvm, question, { root, policy, now, file })
  if (answer.layer !== layer) throw new Refusal('placement-mismatch', `a CVM with keys of layer ${answer.layer}`)
  const proof = cvm.proof === undefined ? '' : file(cvm.proof).toString('utf8')
  return answer.keys.map((key) => ({
    id: cvmId(key.keyConfig),
    layer,
    ...key,
    anchor,
    policySha256: policy.sha256,
    proof,
  }))
}

async function asked(
  { host, port, role, identity, allowSimulated }: CvmSettings,
  question: KeyQuestion,
  { root, policy, now, file }: Pick<Collecting, 'root' | 'policy' | 'now' | 'file'>,
): Promise<KeyAnswer> {
  const bound = await bind({
    origin: { host, port },
    role,
    limit: patience,
    clientTls: identity && { key: file(identity.key).toString('utf8'), cert: file(identity.cert).toString('utf8') },
    judge: (evidence, reportData) =>
      judge({
        evidence,
        expected: { reportData },
        policy: { ...policy.evidence, allowSimulated },
        trust: root,
        now: now(),
      }),
  })
  const connection = new AttestedConnection({ ...bound, now, limits: { firstByte: patience, stall: patience } })
  try {
    const body = utf8(writeKeyQuestion(question))
    const cvm = { send: (request: Parameters<AttestedConnection['send']>[0]) => connection.send(request).response }
    return readKeyAnswer(
      await askCvm(cvm, { method: 'POST', path: keyResources.evidence, body, limit: keyLimits.answer }),
    )
  } catch (cause) {
    throw cause instanceof CvmFailure ? new Refusal('target-unreachable', 'the CVM did not answer', { cause }) : cause
  } finally {
    connection.end(new CvmFailure('unreachable', 'asked and answered'))
  }
}
