/**
 * What this machine's own report says of us: the bytes that we had attested, and the digest of the settings with which
 * the machine was started. Judging is the other side's. attestation.md a.1, a.4; trust.md 4.
 */
import { createHash, randomBytes } from 'node:crypto'
import { type Bytes, equal, hex } from '../../shared/bytes.ts'
import type { Evidence, EvidenceKind } from '../../shared/attestation/evidence.ts'
import type { LinkBinding } from '../../shared/attestation/report-data.ts'
import { readReport } from '../../shared/attestation/sev-snp/report.ts'
import { readQuote } from '../../shared/attestation/tdx/quote.ts'
import { Refusal } from '../../shared/refusal.ts'

export type HardwareKind = Exclude<EvidenceKind, 'simulated'>

type OwnReport = { readonly reportData: Bytes; readonly configuration: Bytes }

const readers: Readonly<Record<HardwareKind, (report: Bytes) => OwnReport>> = {
  'sev-snp': (report) => {
    const { reportData, hostData } = readReport(report)
    return { reportData, configuration: hostData }
  },
  tdx: (quote) => {
    const { reportData, mrConfigId } = readQuote(quote)
    return { reportData, configuration: mrConfigId }
  },
}

/** Where the host's word on the settings stands, and its length: a SHA-256, and zeros behind it. */
const measured = {
  'sev-snp': { field: 'HOST_DATA', length: 32 },
  tdx: { field: 'MRCONFIGID', length: 48 },
} as const

/** Refuses what is not laid out as its kind demands, as the judge would. */
export function readOwnReport({ kind, report }: Pick<Evidence, 'kind' | 'report'>): OwnReport {
  if (kind === 'simulated') throw new TypeError('simulated evidence has no settings of its own')
  return readers[kind](report)
}

/** Evidence that helps nobody: of a key, a nonce and a connection that never were. For looking at oneself. */
export function aboutNobody(role: string): LinkBinding {
  const dice = () => Uint8Array.from(randomBytes(32))
  return { kind: 1, role, spki_sha256: dice(), nonce: dice(), exporter: dice() }
}

/**
 * The settings must be those that the machine was started with: others were not measured, and whoever attests this
 * machine would be told of settings that it does not run. Refuses `unmeasured-configuration`.
 */
export function checkMeasured(settings: Uint8Array, { kind, report }: Evidence): void {
  if (kind === 'simulated') return
  const { field, length } = measured[kind]
  const digest = createHash('sha256').update(settings).digest()
  const expected = new Uint8Array(length)
  expected.set(digest)
  const { configuration } = readOwnReport({ kind, report })
  if (equal(configuration, expected)) return
  throw new Refusal(
    'unmeasured-configuration',
    `unmeasured configuration: the settings file has the SHA-256 ${hex(digest)}, but ${field} of this machine is ` +
      `${hex(configuration)}. Start the machine with ${field} = ${hex(expected)}, or put back the settings file ` +
      'that it was started for',
  )
}
