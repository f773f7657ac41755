/** What a verifier demands of evidence. The signed policy of attestation.md d.1 will narrow it further; trust.md 7. */

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
}
