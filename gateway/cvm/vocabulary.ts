/** Every word an agent inside the CVM may log. Nothing here can name a peer, a path, a content or the time of a request (conformance OPS-1). */
import type { EvidenceKind } from '../../shared/attestation/evidence.ts'
import type { Several } from '../../shared/observability/tally.ts'
import type { RefusalCode } from '../../shared/refusal.ts'

export type AgentEvents = {
  listening: { port: number; kind: EvidenceKind }
  'simulated-evidence': { listener: 'loopback' }
  'evidence-given': { kind: EvidenceKind }
  'evidence-withheld': { code: RefusalCode | 'fault' }
  'connection-refused': { why: 'no-pinned-certificate' | 'not-attested-in-time' }
  'requests-refused': { why: 'not-attested' | 'evidence-twice' | 'unwritable'; count: Several }
  'app-failed': { when: 'before-answer' | 'in-answer'; count: Several }
  /** milliseconds at most */
  draining: { within: number }
  stopped: { why: 'signal' | 'second-signal' }
  endorsements: { state: 'fresh' | 'not-refreshed' }
  failed: { why: RefusalCode | 'settings' | 'fault' }
}
