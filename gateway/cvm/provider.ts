/** Where the agent's evidence comes from. attestation.md c. */
import type { Evidence, EvidenceKind } from '../../shared/attestation/evidence.ts'
import type { Binding } from '../../shared/attestation/report-data.ts'

export type EvidenceProvider = {
  readonly kind: EvidenceKind
  /**
   * Evidence over `reportData(binding)`. Whoever makes it builds those 64 bytes from the fields, so that nobody can have
   * other bytes attested. Refusal `evidence-unavailable` when there is none to be had.
   */
  evidence(binding: Binding): Promise<Evidence>
}
