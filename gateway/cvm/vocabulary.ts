/** Every word an agent inside the CVM may log. Nothing here can name a peer, a path, a content or the time of a request (conformance OPS-1). */
import type { EvidenceKind } from '../../shared/attestation/evidence.ts'
import type { Several } from '../../shared/observability/tally.ts'
import type { RefusalCode } from '../../shared/refusal.ts'
import type { Outcome } from '../oblivious.ts'

export type AgentEvents = {
  listening: { port: number; kind: EvidenceKind; publicPort?: number }
  'simulated-evidence': { listener: 'loopback' }
  'evidence-given': { kind: EvidenceKind }
  'evidence-withheld': { code: RefusalCode | 'fault' }
  'keys-turned': { created: number; destroyed: number }
  'key-evidence-given': { kind: EvidenceKind }
  'key-evidence-withheld': { code: RefusalCode | 'fault' }
  'connection-refused': { why: 'no-pinned-certificate' | 'not-attested-in-time'; count: Several }
  'requests-refused': { why: 'not-attested' | 'evidence-twice' | 'unwritable' | 'unknown'; count: Several }
  /** those that this process opened, or was to open, and did not serve */
  'requests-ended': { outcome: Outcome; count: Several }
  'bundle-served': { serial: number }
  'bundle-failed': { code: RefusalCode | 'fault' }
  'app-failed': { when: 'before-answer' | 'in-answer'; count: Several }
  /** milliseconds at most */
  draining: { within: number }
  stopped: { why: 'signal' | 'second-signal' }
  endorsements: { state: 'fresh' | 'not-refreshed' }
  failed: { why: RefusalCode | 'settings' | 'fault' }
}
