/**
 * What a client has verified and what it has not, how fresh that is and who vouched for it, in words that an application
 * can show. trust.md 3 and 8.
 */
import type { Placement } from '../attestation/trust-root.ts'
import { hex } from '../bytes.ts'
import type { Family } from '../http/media-types.ts'
import { attestedBy, type Attested } from './attested.ts'
import type { Held } from './bundle.ts'
import { notVerified, verified } from './verdict-words.ts'

/** Times are milliseconds since 1970. */
export type Verdict = {
  readonly placement: Placement
  /** True in `front`: the gateway's operator vouches for the CVM, this client has seen no evidence of it. */
  readonly operatorTrusted: boolean
  readonly serial: number
  readonly rootVersion: number
  readonly use: 'production' | 'development'
  /** The time in which the bundle's keys may be used: no longer than anything that they rest on. */
  readonly notBefore: number
  readonly notAfter: number
  /** When this client verified it. */
  readonly verifiedAt: number
  /** The key to which requests are sealed on the outside. */
  readonly key: { readonly id: string; readonly kem: string; readonly aead: string }
  /** Absent in `front`. */
  readonly attested?: Attested
  /** Sentences: what was verified, and by whose word. */
  readonly verified: readonly string[]
  /** Sentences; an empty list does not exist in this version. */
  readonly notVerified: readonly string[]
}

/** How one request went. */
export type Delivery = {
  readonly placement: Placement
  /** of the bundle that it was sealed by */
  readonly serial: number
  readonly family: Family
  /** the request was sent a second time, which the first attempt's refusal allowed */
  readonly retried: boolean
  /** `sealed` only: the one CVM that could open it */
  readonly cvm?: { readonly id: string; readonly measurement: string; readonly simulated: boolean }
}

export function verdictOf({ bundle, root, appraisal, key, verifiedAt, usableUntil }: Held, now: number): Verdict {
  const attested = appraisal && attestedBy(appraisal, root, now)
  return {
    placement: bundle.placement,
    operatorTrusted: bundle.placement === 'front',
    serial: bundle.serial,
    rootVersion: root.version,
    use: root.use,
    notBefore: bundle.notBefore,
    notAfter: usableUntil,
    verifiedAt,
    key: { id: hex(Uint8Array.of(key.config.keyId)), kem: key.config.kem.name, aead: key.suite.aead.name },
    ...(attested && { attested }),
    verified: verified(bundle.placement, attested),
    notVerified: notVerified(bundle.placement, root, appraisal),
  }
}
