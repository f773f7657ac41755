/** Every word that the reporter may log: counts of refusals, and nothing of a connection or a key. */
import type { EvidenceKind } from '../../../shared/attestation/evidence.ts'
import type { Several } from '../../../shared/observability/tally.ts'
import type { RefusalCode } from '../../../shared/refusal.ts'

export type ReporterEvents = {
  listening: { kind: EvidenceKind }
  'report-refused': { code: RefusalCode | 'fault'; count: Several }
  stopped: { why: 'signal' }
  failed: { why: RefusalCode | 'settings' | 'fault' }
}
