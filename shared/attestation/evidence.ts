/** Evidence as it travels: strict JSON with base64, `application/asunder-evidence`, and inside bundles. trust.md 2. */
import { base64, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { at, bytesOf, fieldsOf, listOf, wordOf, type At } from '../tlog/json-fields.ts'
import { parseStrictJson } from '../tlog/strict-json.ts'

export const evidenceMediaType = 'application/asunder-evidence'

export const evidenceKinds = ['simulated', 'sev-snp', 'tdx'] as const
export type EvidenceKind = (typeof evidenceKinds)[number]

export type Evidence = {
  readonly kind: EvidenceKind
  /** the signed report or quote, as the platform gave it */
  readonly report: Bytes
  /** what leads from the report's key to a root, nearest first */
  readonly endorsements: readonly Bytes[]
  /** TDX only: TCB info, QE identity and revocation lists */
  readonly collateral: Bytes | null
}

/** Octets. `text` is the most that the JSON form of an evidence within the others can need. */
export const evidenceLimits = {
  evidence: 64 * 1024,
  collateral: 256 * 1024,
  endorsements: 8,
  text: 512 * 1024,
} as const

export function parseEvidence(text: string): Evidence {
  if (text.length > evidenceLimits.text) throw new Refusal('body-too-large', 'evidence is longer than allowed')
  return readEvidence(at(parseStrictJson(text), 'evidence'))
}

export function serializeEvidence(evidence: Evidence): string {
  return JSON.stringify(evidenceJson(evidence))
}

export function readEvidence(from: At): Evidence {
  const fields = fieldsOf(from, ['kind', 'report', 'endorsements', 'collateral'])
  const evidence = {
    kind: wordOf(fields.kind, evidenceKinds),
    report: bytesOf(fields.report),
    endorsements: listOf(fields.endorsements, evidenceLimits.endorsements).map(bytesOf),
    collateral: fields.collateral.value === null ? null : bytesOf(fields.collateral),
  }
  checkSizes(evidence)
  return evidence
}

export function evidenceJson({ kind, report, endorsements, collateral }: Evidence): unknown {
  return {
    kind,
    report: base64(report),
    endorsements: endorsements.map(base64),
    collateral: collateral === null ? null : base64(collateral),
  }
}

/** The caps hold wherever evidence comes from, not only on the wire. */
export function checkSizes({ kind, report, endorsements, collateral }: Evidence): void {
  const size = endorsements.reduce((sum, one) => sum + one.length, report.length)
  if (size > evidenceLimits.evidence || endorsements.length > evidenceLimits.endorsements) {
    throw new Refusal('bad-evidence', `${size} bytes in ${endorsements.length} endorsements`)
  }
  if (collateral === null) return
  if (kind !== 'tdx') throw new Refusal('bad-evidence', `collateral beside ${kind}`)
  if (collateral.length > evidenceLimits.collateral) throw new Refusal('bad-evidence', 'collateral is too long')
}
