/** Simulated evidence, judged for real. Every refusal has its own code; trust.md 7, order as attestation.md a.6. */
import { hex } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { ed25519Verifies } from '../tlog/ed25519.ts'
import { checkSizes, type Evidence } from './evidence.ts'
import type { AllowSimulated } from './policy.ts'
import {
  readSimulatedEndorsement,
  readSimulatedReport,
  simulatedRootSha256,
  type SimulatedEndorsement,
  type SimulatedReport,
} from './simulated.ts'
import type { Findings, Question } from './verdict.ts'

/** What real evidence would have shown and this kind cannot. */
export const notVerifiedBySimulation = ['hardware', 'firmware', 'chip', 'gpu', 'transparency log', 'policy signature']

export async function judgeSimulated({ evidence, policy, trust, now }: Question): Promise<Findings> {
  if (policy.allowSimulated === undefined) throw notAllowed('nobody asked for simulated evidence')
  if (trust.use !== 'development') throw notAllowed(`a ${trust.use} root takes no simulated evidence`)
  const { report, endorsement } = readParts(evidence)
  await checkChain(endorsement, policy.allowSimulated, now)
  if (!(await ed25519Verifies(endorsement.platformKey, report.signature, report.signed))) {
    throw new Refusal('bad-signature', 'the report is not signed by the endorsed platform')
  }
  checkClaims(report, policy.role, policy.allowSimulated, now)
  return {
    measurement: hex(report.measurement),
    role: report.role,
    reportData: report.reportData,
    notAfter: Math.min(report.notAfter, endorsement.notAfter),
    simulated: true,
    notVerified: notVerifiedBySimulation,
  }
}

function readParts(evidence: Evidence) {
  checkSizes(evidence)
  const [endorsement, ...others] = evidence.endorsements
  if (endorsement === undefined || others.length > 0) throw new Refusal('bad-evidence', 'not exactly one endorsement')
  return { report: readSimulatedReport(evidence.report), endorsement: readSimulatedEndorsement(endorsement) }
}

async function checkChain(endorsement: SimulatedEndorsement, allowed: AllowSimulated, now: number): Promise<void> {
  const { rootKey, signature, signed, notAfter } = endorsement
  if (simulatedRootSha256(rootKey) !== allowed.rootSha256) throw new Refusal('bad-chain', 'another simulated root')
  if (!(await ed25519Verifies(rootKey, signature, signed))) {
    throw new Refusal('bad-chain', 'the platform is not endorsed by that root')
  }
  if (now >= notAfter) throw new Refusal('evidence-expired', 'the endorsement ended')
}

function checkClaims(report: SimulatedReport, role: string, allowed: AllowSimulated, now: number): void {
  if (now >= report.notAfter) throw new Refusal('evidence-expired', 'the report ended')
  if (report.role !== role) throw new Refusal('role-refused', `attested for role ${report.role}`)
  if (hex(report.measurement) !== allowed.measurement) throw new Refusal('measurement-refused', 'another measurement')
}

function notAllowed(why: string): Refusal {
  return new Refusal('simulated-not-allowed', why)
}
