/** Forges attestation reports: attestation.md a.1 by offsets, written apart from the reader that it tests. */
import { sign, type KeyObject } from 'node:crypto'
import { concat, type Bytes } from '../../../../shared/bytes.ts'

/** [offset, length] of each field, in hex as the table has them. Numbers are written little-endian. */
export const layout = {
  version: [0x000, 4],
  guestSvn: [0x004, 4],
  policy: [0x008, 8],
  familyId: [0x010, 16],
  imageId: [0x020, 16],
  vmpl: [0x030, 4],
  signatureAlgorithm: [0x034, 4],
  currentTcb: [0x038, 8],
  platform: [0x040, 8],
  flags: [0x048, 4],
  reserved04c: [0x04c, 4],
  reportData: [0x050, 64],
  measurement: [0x090, 48],
  hostData: [0x0c0, 32],
  idKeyDigest: [0x0e0, 48],
  authorKeyDigest: [0x110, 48],
  reportId: [0x140, 32],
  reportIdMa: [0x160, 32],
  reportedTcb: [0x180, 8],
  cpu: [0x188, 3],
  reserved18b: [0x18b, 21],
  chipId: [0x1a0, 64],
  committedTcb: [0x1e0, 8],
  current: [0x1e8, 3],
  reserved1eb: [0x1eb, 1],
  committed: [0x1ec, 3],
  reserved1ef: [0x1ef, 1],
  launchTcb: [0x1f0, 8],
  launchMitigations: [0x1f8, 8],
  currentMitigations: [0x200, 8],
  reserved208: [0x208, 152],
  r: [0x2a0, 48],
  rPadding: [0x2d0, 24],
  s: [0x2e8, 48],
  sPadding: [0x318, 24],
  tail: [0x330, 368],
} as const satisfies Record<string, readonly [number, number]>

export type ReportFields = Partial<Record<keyof typeof layout, Bytes | number | bigint>>

/** Signed first; fields behind 0x2a0 are written over the signature afterwards. */
export function forgeReport(fields: ReportFields, key: KeyObject): Bytes {
  const report = new Uint8Array(0x4a0)
  write(report, fields)
  const signature = sign('sha384', report.subarray(0, 0x2a0), { key, dsaEncoding: 'ieee-p1363' })
  const scalar = (at: number) => Uint8Array.from(signature.subarray(at, at + 48)).reverse()
  if (signature.length === 96) write(report, { r: scalar(0), s: scalar(48) })
  const { r, rPadding, s, sPadding, tail } = fields
  write(
    report,
    Object.fromEntries(Object.entries({ r, rPadding, s, sPadding, tail }).filter(([, v]) => v !== undefined)),
  )
  return report
}

function write(report: Uint8Array, fields: ReportFields): void {
  for (const [name, value] of Object.entries(fields)) {
    const [offset, length] = layout[name as keyof typeof layout]
    report.set(typeof value === 'object' ? value.subarray(0, length) : littleEndian(value, length), offset)
  }
}

function littleEndian(value: number | bigint, length: number): Bytes {
  return concat(...Array.from({ length }, (_, i) => Uint8Array.of(Number((BigInt(value) >> BigInt(8 * i)) & 0xffn))))
}
