/** What a verifier demands of evidence: the parts of a policy (attestation.md d.1) that the judge reads; trust.md 7. */
import type { CrlPolicy, SnpPolicy } from './sev-snp/policy.ts'
import type { TdxPolicy } from './tdx/policy.ts'

/** Stands in for the hardware rules in development, and only by the caller's own word: no signed policy may carry it. */
export type AllowSimulated = {
  /** lower-case hex: SHA-256 of the simulated root's public key */
  readonly rootSha256: string
  /** lower-case hex, 48 bytes */
  readonly measurement: string
}

export type EvidencePolicy = {
  readonly role: string
  readonly allowSimulated?: AllowSimulated | undefined
  /** without it, SEV-SNP evidence is refused */
  readonly snp?: SnpPolicy | undefined
  /** without it, TDX evidence is refused */
  readonly tdx?: TdxPolicy | undefined
  readonly collateral?: CrlPolicy | undefined
  /** milliseconds by which our clock and a vendor's may differ; 120 s where it is left out */
  readonly clockSkew?: number | undefined
}
