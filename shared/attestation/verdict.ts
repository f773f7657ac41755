/** What the judge is asked and what it answers. house.md 1, trust.md 3 and 8. */
import type { Evidence, EvidenceKind } from './evidence.ts'
import type { EvidencePolicy } from './policy.ts'
import type { Proven } from './proven.ts'
import type { SnpFacts } from './sev-snp/facts.ts'
import type { ChipMode } from './sev-snp/policy.ts'
import type { Product } from './sev-snp/products.ts'
import type { TdxFacts } from './tdx/facts.ts'

/** What the log leaf of trust.md 4 is made of, as far as the kind has it; lower-case hex, '' where it is absent. */
export type Identity = {
  readonly measurement: string
  readonly hostData: string
  readonly mrConfigId: string
  readonly rtmr: readonly [string, string, string, string]
  readonly idKeyDigest: string
  readonly role: string
}

/** What was found, before the binding is compared. */
export type Findings = {
  readonly measurement: string
  readonly role: string
  readonly reportData: Uint8Array
  readonly notAfter: number
  readonly simulated: boolean
  readonly notVerified: readonly string[]
  readonly identity?: Identity
  readonly snp?: SnpFacts
  readonly tdx?: TdxFacts
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
  /** absent for simulated evidence, which no log knows */
  readonly identity?: Identity
  readonly snp?: SnpFacts
  readonly tdx?: TdxFacts
}

export type TrustUse = 'production' | 'development'

export type Question = {
  readonly evidence: Evidence
  /** recomputed by the asker from what it saw itself */
  readonly expected: { readonly reportData: Uint8Array }
  readonly policy: EvidencePolicy
  readonly trust: Trust
  /** milliseconds since 1970 */
  readonly now: number
  /** what the asker remembers of earlier evidence */
  readonly seen?: SeenNumbers | undefined
  /** kept by the asker from one question to the next: makes the later ones cheap, changes no answer */
  readonly proven?: Proven | undefined
}

/** The highest numbers so far. */
export type SeenNumbers = {
  /** of AMD's revocation lists */
  readonly crlNumbers: Readonly<Partial<Record<Product, number>>>
  /** of Intel's TCB ratings */
  readonly tcbEvaluationDataNumber?: number | undefined
}

/** A TrustRoot fits. Hardware evidence is refused where no vendor's root is pinned. */
export type Trust = {
  readonly use: TrustUse
  /** the verdict does not outlive it */
  readonly notAfter?: number | undefined
  /** lower-case hex: SHA-256 of each vendor root's DER */
  readonly vendorRoots?: readonly string[] | undefined
  /** a policy may be narrower, never wider */
  readonly chips?: ChipMode | undefined
}
