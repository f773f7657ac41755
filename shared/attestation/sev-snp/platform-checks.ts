/** Checks 8-11 of attestation.md a.6: which product, which chip, and how old its firmware is by AMD's own word. */
import { sha256 } from '@noble/hashes/sha2.js'
import { equal, hex } from '../../bytes.ts'
import { Refusal } from '../../refusal.ts'
import type { SnpFacts } from './facts.ts'
import { isNameOf, type LeafClaims } from './leaf.ts'
import type { SnpPolicy } from './policy.ts'
import { productOfCpu, type ProductRow } from './products.ts'
import type { Firmware, SnpReport } from './report.ts'
import { below, differs, readTcb, type Tcb, type TcbFloor } from './tcb.ts'

/** Everything that checks 8-11 look at. */
export type Platform = {
  readonly report: SnpReport
  readonly claims: LeafClaims
  readonly row: ProductRow
  readonly policy: SnpPolicy
}

/** Check 8: root, leaf and processor speak of one product, and policy allows it. */
export function checkProduct({ report: { version, cpu }, claims, row, policy }: Platform): void {
  if (!isNameOf(claims.productName, row)) throw new Refusal('product-mismatch', `leaf for ${claims.productName}`)
  const known = version >= 3
  if (known && productOfCpu(cpu.family, cpu.model) !== row) {
    throw new Refusal('product-mismatch', `family ${cpu.family} model ${cpu.model} under ${row.name}`)
  }
  if (!policy.products.includes(row.name)) throw new Refusal('product-refused', row.name)
}

const maskChipKey = 0b10

/** Check 9. The certificate's id decides: the report's alone is a claim of whoever has a key of any chip. */
export function checkChip({ report, claims: { hwid }, policy: { chips } }: Platform): SnpFacts['chip'] {
  if ((report.flags & maskChipKey) !== 0) throw new Refusal('chip-masked', 'MASK_CHIP_KEY is set')
  const expected = new Uint8Array(report.chipId.length)
  expected.set(hwid ?? [])
  if (!equal(report.chipId, expected)) throw new Refusal('chip-mismatch', 'CHIP_ID is not that of the certificate')
  if (hwid === undefined && chips.mode !== 'any') throw new Refusal('chip-refused', 'no chip is named')
  if (hwid === undefined) return null
  const digest = hex(sha256(hwid))
  if (chips.mode === 'allowlist' && !chips.sha256.includes(digest)) throw new Refusal('chip-refused', 'not in the list')
  return { hwid: hex(hwid), sha256: digest }
}

/** Check 10: what the report says of its firmware is what AMD made the key for. Counter by counter. */
export function checkTcb({ report, claims, row }: Platform): void {
  const part = differs(readTcb(report.reportedTcb, row), claims.tcb, row)
  if (part !== undefined) throw new Refusal('tcb-mismatch', `${part} is not that of the certificate`)
}

/** Check 11: the certificate's TCB first; what else the report tells must not be lower, nor reversible. */
export function checkFloors(platform: Platform): void {
  const { report, claims, row, policy } = platform
  const floor = policy.minTcb[row.name] ?? {}
  const launch = policy.minLaunchTcb[row.name] ?? floor
  atLeast('certificate', claims.tcb, floor, platform)
  atLeast('COMMITTED_TCB', readTcb(report.committedTcb, row), floor, platform)
  atLeast('LAUNCH_TCB', readTcb(report.launchTcb, row), launch, platform)
  checkCommitted(platform)
  const least = policy.minFw[row.name]
  if (least !== undefined && order(report.current, least) < 0)
    throw new Refusal('firmware-too-old', text(report.current))
  checkMitigations(platform)
}

function atLeast(what: string, tcb: Tcb, floor: TcbFloor, { report: { version, cpu }, row }: Platform): void {
  const part = below(tcb, floor, row, version < 3 ? undefined : cpu.model)
  if (part !== undefined) throw new Refusal('tcb-too-low', `${part} of ${what}`)
}

/** Firmware that is not committed can be taken back, to one that reads the guest. */
function checkCommitted({ report, row, policy }: Platform): void {
  if (policy.allowProvisional) return
  const part = differs(readTcb(report.currentTcb, row), readTcb(report.committedTcb, row), row)
  if (part !== undefined) throw new Refusal('firmware-provisional', `${part} is not committed`)
  if (order(report.current, report.committed) !== 0) throw new Refusal('firmware-provisional', text(report.current))
}

/** Before version 5 a report has no vectors, so it cannot show that anything was mitigated. */
function checkMitigations({ report, row, policy }: Platform): void {
  const required = policy.requireMit[row.name] ?? 0n
  const both = report.launchMitigations & report.currentMitigations
  if ((both & required) !== required) throw new Refusal('mitigation-missing', `${required & ~both}`)
}

function order(a: Firmware, b: Firmware): number {
  return a.major - b.major || a.minor - b.minor || a.build - b.build
}

function text({ major, minor, build }: Firmware): string {
  return `firmware ${major}.${minor}.${build}`
}
