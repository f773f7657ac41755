/**
 * The judge: evidence in, verdict or refusal out. Pure: `now`, policy and trust are handed in, so that a stored
 * case is judged the same way for ever. Order: leave, structure, chain, signature, policy, binding. attestation.md a.6.
 */
import { equal } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { reportDataLength } from './report-data.ts'
import { judgeSnp } from './sev-snp/judge.ts'
import { judgeSimulated } from './simulated-judge.ts'
import { judgeTdx } from './tdx/judge.ts'
import type { Findings, Question, Verdict } from './verdict.ts'

export type { Question, TrustUse, Verdict } from './verdict.ts'

export async function judge(question: Question): Promise<Verdict> {
  const { evidence, expected, trust, now } = question
  checkExpected(expected.reportData)
  if (trust.notAfter !== undefined && now >= trust.notAfter) throw new Refusal('root-expired', 'the trust root ended')
  const { reportData, ...said } = await findings(question)
  // Constant time: how far two values agree is nobody's business.
  if (!equal(reportData, expected.reportData)) throw new Refusal('binding-mismatch', 'another report_data')
  return { kind: evidence.kind, ...said, notAfter: Math.min(said.notAfter, trust.notAfter ?? Infinity) }
}

async function findings(question: Question): Promise<Findings> {
  const { evidence } = question
  if (evidence.kind === 'simulated') return judgeSimulated(question)
  return evidence.kind === 'sev-snp' ? judgeSnp(question) : judgeTdx(question)
}

/** Zeros are what a platform fills in when nobody gave it anything: never a binding. */
function checkExpected(reportData: Uint8Array): void {
  if (reportData.length !== reportDataLength) throw new TypeError('report_data has 64 bytes')
  if (reportData.every((byte) => byte === 0)) throw new TypeError('report_data of zeros binds nothing')
}
