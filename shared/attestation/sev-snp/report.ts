/**
 * The attestation report, versions 2 to 5: 1184 bytes, integers little-endian. attestation.md a.1; AMD 56860,
 * ATTESTATION_REPORT. Reading takes every field where it lies and judges none, except that it must fit exactly.
 */
import type { Bytes } from '../../bytes.ts'
import { Refusal } from '../../refusal.ts'
import { LittleEndian } from '../little-endian.ts'

export const reportLength = 0x4a0
const signedLength = 0x2a0
const scalarLength = 48
const scalarSpace = 72

export type Firmware = { readonly major: number; readonly minor: number; readonly build: number }
/** Zeros in version 2, which does not tell. */
export type Cpu = { readonly family: number; readonly model: number; readonly stepping: number }

export type SnpReport = {
  readonly version: number
  readonly guestSvn: number
  readonly policy: bigint
  readonly familyId: Bytes
  readonly imageId: Bytes
  readonly vmpl: number
  readonly signatureAlgorithm: number
  readonly currentTcb: Bytes
  readonly platform: bigint
  /** AUTHOR_KEY_EN, MASK_CHIP_KEY, SIGNING_KEY */
  readonly flags: number
  readonly reportData: Bytes
  readonly measurement: Bytes
  readonly hostData: Bytes
  readonly idKeyDigest: Bytes
  readonly authorKeyDigest: Bytes
  readonly reportIdMa: Bytes
  readonly reportedTcb: Bytes
  readonly cpu: Cpu
  readonly chipId: Bytes
  readonly committedTcb: Bytes
  readonly current: Firmware
  readonly committed: Firmware
  readonly launchTcb: Bytes
  readonly launchMitigations: bigint
  readonly currentMitigations: bigint
  /** what the signature covers; behind the signature lies a tail that nothing covers */
  readonly signed: Bytes
  /** r ‖ s, big-endian, 48 octets each */
  readonly signature: Bytes
  /** everything that must be zero in this version, by name */
  readonly reserved: readonly (readonly [name: string, bytes: Bytes])[]
}

export function readReport(bytes: Uint8Array): SnpReport {
  if (bytes.length !== reportLength) throw new Refusal('bad-evidence', `a report of ${bytes.length} bytes`)
  const from = new LittleEndian(bytes)
  return { ...readBody(from), signed: bytes.slice(0, signedLength), ...readSignature(from), reserved: from.reserved }
}

function readBody(from: LittleEndian) {
  const version = from.uint32()
  return {
    version,
    guestSvn: from.uint32(),
    policy: from.uint64(),
    familyId: from.take(16),
    imageId: from.take(16),
    vmpl: from.uint32(),
    signatureAlgorithm: from.uint32(),
    currentTcb: from.take(8),
    platform: from.uint64(),
    flags: from.uint32(),
    ...from.zeros('0x04C', 4),
    reportData: from.take(64),
    measurement: from.take(48),
    hostData: from.take(32),
    idKeyDigest: from.take(48),
    authorKeyDigest: from.take(48),
    // REPORT_ID: random for each guest, so nothing can be demanded of it.
    ...from.skip(32),
    reportIdMa: from.take(32),
    reportedTcb: from.take(8),
    cpu: readCpu(from, version),
    chipId: from.take(64),
    committedTcb: from.take(8),
    current: readFirmware(from),
    committed: readFirmware(from),
    launchTcb: from.take(8),
    ...readMitigations(from, version),
    ...from.zeros('0x208', 152),
  }
}

function readCpu(from: LittleEndian, version: number): Cpu {
  if (version < 3) return { ...from.zeros('0x188', 24), family: 0, model: 0, stepping: 0 }
  return { family: from.uint8(), model: from.uint8(), stepping: from.uint8(), ...from.zeros('0x18B', 21) }
}

function readFirmware(from: LittleEndian): Firmware {
  const build = from.uint8()
  const minor = from.uint8()
  return { build, minor, major: from.uint8(), ...from.zeros('firmware version', 1) }
}

function readMitigations(from: LittleEndian, version: number) {
  if (version < 5) return { ...from.zeros('0x1F8', 16), launchMitigations: 0n, currentMitigations: 0n }
  return { launchMitigations: from.uint64(), currentMitigations: from.uint64() }
}

function readSignature(from: LittleEndian) {
  const signature = new Uint8Array(2 * scalarLength)
  signature.set(readScalar(from, 'r'), 0)
  signature.set(readScalar(from, 's'), scalarLength)
  return { ...from.zeros('0x330, unsigned', 368), signature }
}

function readScalar(from: LittleEndian, name: string): Bytes {
  const scalar = from.take(scalarLength).toReversed()
  from.zeros(name, scalarSpace - scalarLength)
  return scalar
}
