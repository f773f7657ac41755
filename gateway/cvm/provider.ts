/** Where the agent's evidence comes from. attestation.md c. */
import type { Evidence, EvidenceKind } from '../../shared/attestation/evidence.ts'

export type EvidenceProvider = {
  readonly kind: EvidenceKind
  /** Evidence over exactly these 64 bytes; Refusal `evidence-unavailable` when there is none to be had. */
  evidence(reportData: Uint8Array): Promise<Evidence>
}
