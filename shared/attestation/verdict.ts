/** What the judge is asked and what it answers. house.md 1, trust.md 3 and 8. */
import type { Evidence, EvidenceKind } from './evidence.ts'
import type { EvidencePolicy } from './policy.ts'

/** What was found, before the binding is compared. */
export type Findings = {
  readonly measurement: string
  readonly role: string
  readonly reportData: Uint8Array
  readonly notAfter: number
  readonly simulated: boolean
  readonly notVerified: readonly string[]
}

export type Verdict = {
  readonly kind: EvidenceKind
  /** lower-case hex */
  readonly measurement: string
  readonly role: string
  readonly simulated: boolean
  /** milliseconds since 1970: the earliest end of anything that the verdict rests on */
  readonly notAfter: number
  /** what nobody checked, in words for the caller's eyes */
  readonly notVerified: readonly string[]
}

export type TrustUse = 'production' | 'development'

export type Question = {
  readonly evidence: Evidence
  /** recomputed by the asker from what it saw itself */
  readonly expected: { readonly reportData: Uint8Array }
  readonly policy: EvidencePolicy
  /** a TrustRoot fits; with `notAfter`, the verdict does not outlive it */
  readonly trust: { readonly use: TrustUse; readonly notAfter?: number | undefined }
  /** milliseconds since 1970 */
  readonly now: number
}
