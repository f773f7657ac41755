/**
 * How long a policy may be obeyed after another has taken its place, at worst. Every number comes from the check that
 * enforces it, and a test plays the worst case through. trust.md 6.
 *
 * The two skews: the statement's signer may be ahead of the true time, the client behind it, each by as much as we
 * forgive. A client whose clock is further off is protected by nothing here but the newest cosignature it has seen.
 */
import { policyLimits } from './policy-fields.ts'
import { maxStatementAge } from './serial-statement.ts'
import { defaultSkew } from './sev-snp/policy.ts'

/** Milliseconds from the publication of the newer policy to the last client that refuses the older one. */
export const revocationBounds = {
  /** relay and gateway hide the new policy, and show the last statement that was true for as long as it counts */
  hidden: maxStatementAge + 2 * defaultSkew,
  /** the same with a stolen timestamp key: the older policy ends by itself, a week after its `notBefore` */
  timestampStolen: policyLimits.life + 2 * defaultSkew,
} as const

/**
 * Until when what was verified may be used, milliseconds since 1970. Without the policy's own end a bundle that was
 * fetched in the statement's last minute would carry its policy through another day.
 */
export function usableUntil(bundle: { readonly notAfter: number }, current: { readonly notAfter: number }): number {
  return Math.min(bundle.notAfter, current.notAfter)
}
