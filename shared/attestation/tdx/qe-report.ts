/** The SGX report by which a quoting enclave vouches for its attestation key. Intel SDM 3D, 37.15; attestation.md a.4. */
import type { Bytes } from '../../bytes.ts'
import { LittleEndian } from '../little-endian.ts'

export const qeReportLength = 384

export type QeReport = {
  readonly miscSelect: Bytes
  readonly attributes: Bytes
  readonly mrSigner: Bytes
  readonly isvProdId: number
  readonly isvSvn: number
  readonly reportData: Bytes
  /** what the PCK signed */
  readonly signed: Bytes
  /** r ‖ s, big-endian */
  readonly signature: Bytes
  /** whatever else the quoting enclave binds to its key */
  readonly authentication: Bytes
}

export function readQeReport(signed: Bytes): Omit<QeReport, 'signature' | 'authentication'> {
  const from = new LittleEndian(signed)
  return {
    // CPUSVN: the certificate's is the one that counts.
    ...from.skip(16),
    miscSelect: from.take(4),
    ...from.skip(28),
    attributes: from.take(16),
    // MRENCLAVE changes with every release of Intel's; the signer and its SVN are what Intel lists.
    ...from.skip(32 + 32),
    mrSigner: from.take(32),
    ...from.skip(32 + 64),
    isvProdId: from.uint16(),
    isvSvn: from.uint16(),
    ...from.skip(2 + 42 + 16),
    reportData: from.take(64),
    signed,
  }
}
