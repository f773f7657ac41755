/** What an appraisal found, as data that an application can show: machines, policy, log, and how fresh all that is. trust.md 6. */
import type { Appraisal, AppraisedKey } from '../attestation/appraisal.ts'
import type { EvidenceKind } from '../attestation/evidence.ts'
import { anchorAges } from '../attestation/logged.ts'
import type { TrustRoot } from '../attestation/trust-root.ts'

/** Times are milliseconds since 1970. */
export type Attested = {
  /** `stale`: the witnesses have been silent for longer than they should be; after three more days it is refused. */
  readonly age: 'fresh' | 'stale'
  /** The oldest moment at which a quorum of witnesses had spoken before one of the keys was made. */
  readonly anchored: number
  readonly policy: {
    readonly serial: number
    readonly sha256: string
    readonly role: string
    readonly signers: readonly string[]
    /** when its releasers last said that it is the current one */
    readonly stated: number
    readonly notAfter: number
  }
  readonly logs: readonly string[]
  readonly witnesses: { readonly operators: readonly string[]; readonly quorum: number }
  readonly cvms: number
  readonly chips: number
  readonly keys: readonly AttestedKey[]
  /** True if any evidence was made by software: it proves nothing about a machine. */
  readonly simulated: boolean
}

export type AttestedKey = {
  readonly id: string
  readonly evidence: EvidenceKind
  readonly measurement: string
  readonly notAfter: number
}

export function attestedBy({ policy, stated, keys, cvms, chips }: Appraisal, root: TrustRoot, now: number): Attested {
  const { serial, sha256, role, signers, notAfter, log } = policy
  const anchored = Math.min(...keys.map((key) => key.anchored))
  // Asked anew: a bundle that is held grows older.
  const fresh = Math.min(anchorAges.fresh, log.maxCosignatureAge)
  return {
    age: now - anchored > fresh ? 'stale' : 'fresh',
    anchored,
    policy: { serial, sha256, role, signers, stated, notAfter },
    logs: root.logs.map(({ origin }) => origin),
    witnesses: { operators: [...new Set(root.witnesses.map(({ operator }) => operator))], quorum: root.quorum },
    cvms,
    chips,
    keys: keys.map(keyOf),
    simulated: keys.some(({ verdict }) => verdict.simulated),
  }
}

function keyOf({ id, verdict, notAfter }: AppraisedKey): AttestedKey {
  return { id, evidence: verdict.kind, measurement: verdict.measurement, notAfter }
}
