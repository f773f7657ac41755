/** What a client has verified and what it has not, in words that an application can show. trust.md 3 and 8. */
import type { Placement } from '../attestation/trust-root.ts'
import { hex } from '../bytes.ts'
import type { Held } from './bundle.ts'

export type Verdict = {
  readonly placement: Placement
  /** True in `front`, the one placement of this version: the gateway's operator vouches for the CVM, this client has seen no evidence of it. */
  readonly operatorTrusted: boolean
  readonly serial: number
  readonly rootVersion: number
  readonly use: 'production' | 'development'
  /** Milliseconds since 1970: the time in which the bundle's keys may be used. */
  readonly notBefore: number
  readonly notAfter: number
  readonly key: { readonly id: string; readonly kem: string; readonly aead: string }
  /** Sentences; an empty list does not exist in this version. */
  readonly notVerified: readonly string[]
}

export function verdictOf({ bundle, root, key }: Held): Verdict {
  return {
    placement: bundle.placement,
    operatorTrusted: true,
    serial: bundle.serial,
    rootVersion: root.version,
    use: root.use,
    notBefore: bundle.notBefore,
    notAfter: bundle.notAfter,
    key: { id: hex(Uint8Array.of(key.config.keyId)), kem: key.config.kem.name, aead: key.suite.aead.name },
    notVerified: [...unverified, ...(root.use === 'development' ? [development] : [])],
  }
}

const unverified = [
  'the confidential VM: its evidence is verified by the gateway, whose operator is trusted for that',
  'that the key bundle is the same for everybody: no transparency log is consulted in this placement',
  'that relay and gateway are run by operators who do not collude',
]
const development = 'anything about production: the trust root is a development root, evidence may be simulated'
