/** What checks 1-5 and 12 must refuse: encoding and signature of the report, DER of the leaf. attestation-negatives.md. */
import { concat, fromHex, type Bytes } from '../../../../shared/bytes.ts'
import * as der from '../../../../shared/upstream/der.ts'
import { tcb, type Changes } from './forge.ts'
import { keys } from './forge-certificate.ts'
import type { ReportFields } from './forge-report.ts'
import { bytes } from '../values.ts'
import type { Finding } from '../../../../shared/attestation/sev-snp/findings.ts'

export type Case = readonly [finding: Finding, title: string, changes: Changes]

const flip = (at: number) => (report: Bytes) => report.with(at, (report[at] ?? 0) ^ 1)
const reversed = (at: number) => (report: Bytes) => {
  const scalar = report.slice(at, at + 48).reverse()
  return concat(report.subarray(0, at), scalar, report.subarray(at + 48))
}
const asDer = (report: Bytes) => {
  const scalar = (at: number) => der.integer(report.slice(at, at + 48).reverse())
  const signature = der.sequence(scalar(0x2a0), scalar(0x2e8))
  return concat(report.subarray(0, 0x2a0), signature, new Uint8Array(0x4a0 - 0x2a0 - signature.length))
}
const one = Uint8Array.of(1)
const reserved: readonly (readonly [string, ReportFields])[] = [
  ['0x04C', { reserved04c: one }],
  ['0x18B', { reserved18b: one }],
  ['the last byte before CHIP_ID', { reserved18b: bytes(21, 0).with(20, 1) }],
  ['0x1EB', { reserved1eb: one }],
  ['0x1EF', { reserved1ef: one }],
  ['0x208', { reserved208: one }],
  ['0x29F', { reserved208: bytes(152, 0).with(151, 1) }],
  ['the flags', { flags: 1 << 5 }],
  ['the highest flag', { flags: 0x8000_0000 }],
  ['POLICY', { policy: (1n << 26n) | 0x2_0000n }],
  ['the highest bit of POLICY', { policy: (1n << 63n) | 0x2_0000n }],
  ['CURRENT_TCB', { currentTcb: tcb.Genoa.with(2, 1) }],
  ['REPORTED_TCB', { reportedTcb: tcb.Genoa.with(5, 1) }],
  ['COMMITTED_TCB', { committedTcb: tcb.Genoa.with(3, 1) }],
  ['LAUNCH_TCB', { launchTcb: tcb.Genoa.with(4, 1) }],
  ['a mitigation vector before version 5', { version: 4 }],
  ['the padding of r', { rPadding: one }],
  ['the last byte of the padding of r', { rPadding: bytes(24, 0).with(23, 1) }],
  ['the padding of s', { sPadding: one }],
  ['the unsigned tail', { tail: one }],
  ['the last byte of the unsigned tail', { tail: bytes(368, 0).with(367, 1) }],
]

export const encodingCases: readonly Case[] = [
  ['bad-evidence', 'one byte short', { mangle: (report) => report.slice(0, -1) }],
  ['bad-evidence', 'one byte long', { mangle: (report) => concat(report, bytes(1, 0)) }],
  ['bad-evidence', 'no report', { mangle: () => new Uint8Array(0) }],
  ['bad-evidence', 'an oversized endorsement', { endorse: () => [new Uint8Array(65_536)] }],
  ['bad-evidence', 'a fifth endorsement', { endorse: (four) => [...four, ...four.slice(3)] }],
  ['bad-evidence', 'collateral, which is of another kind', { evidence: { collateral: bytes(1, 1) } }],
  ...[0, 1, 6, 0x100, 0xffff_ffff].map((version): Case => [
    'report-version-refused',
    `version ${version}`,
    { report: { version } },
  ]),
  ['report-version-refused', 'a version that policy does not name', { snp: { reportVersions: [3, 4] } }],
  ...reserved.map(([where, report]): Case => ['reserved-not-zero', `in ${where}`, { report }]),
  [
    'reserved-not-zero',
    'in CPUID before version 3',
    { report: { version: 2, launchMitigations: 0, currentMitigations: 0 }, snp: { reportVersions: [2] } },
  ],
  ['reserved-not-zero', 'a signature as DER', { mangle: asDer }],
  ['report-algorithm-refused', 'signature algorithm 0', { report: { signatureAlgorithm: 0 } }],
  ['report-algorithm-refused', 'signature algorithm 2', { report: { signatureAlgorithm: 2 } }],
  ['signing-key-refused', 'signing key none', { report: { flags: 7 << 2 } }],
  ['signing-key-refused', 'an unknown signing key', { report: { flags: 2 << 2 } }],
  ['vlek-refused', 'a provider key, unasked', { kind: 'VLEK' }],
  ['leaf-missing', 'no endorsements', { endorse: () => [] }],
  ['bad-leaf', 'bytes behind the leaf', { leaf: { tail: bytes(1, 0) } }],
  ['bad-leaf', 'a leaf one byte short', { endorse: ([leaf = one, ...others]) => [leaf.slice(0, -1), ...others] }],
  ['bad-leaf', 'two leaves in one', { endorse: ([leaf = one, ...others]) => [concat(leaf, leaf), ...others] }],
  ...(['whole', 'body', 'version', 'validity', 'extensions'] as const).map((more): Case => [
    'bad-leaf',
    `something more in its ${more}`,
    { leaf: { more } },
  ]),
  ['bad-leaf', 'an empty leaf', { endorse: ([, ...others]) => [new Uint8Array(0), ...others] }],
  ['bad-leaf', 'a certificate of version 1', { leaf: { version: 0 } }],
  [
    'bad-leaf',
    'a leaf over 8 KiB',
    { leaf: { extensions: [der.sequence(der.objectId('1.2.3'), der.octetString(bytes(8192, 0)))] } },
  ],
  [
    'bad-leaf',
    'a critical flag that says no',
    { moreExtensions: [der.sequence(der.objectId('1.2.3'), der.boolean(false), der.octetString(one))] },
  ],
  ['bad-signature', 'a flipped bit of the measurement', { mangle: flip(0x090) }],
  ['bad-signature', 'report_data replaced', { mangle: flip(0x050) }],
  ['bad-signature', 'a flipped bit of REPORT_ID', { mangle: flip(0x140) }],
  ['bad-signature', 'a flipped bit of r', { mangle: flip(0x2a0) }],
  ['bad-signature', 'a flipped bit of s', { mangle: flip(0x2e8) }],
  ['bad-signature', 'a zero signature', { report: { r: bytes(48, 0), s: bytes(48, 0) } }],
  ['bad-signature', 'r in the other endianness', { mangle: reversed(0x2a0) }],
  [
    'bad-signature',
    'r and s in the other endianness',
    { mangle: (report) => reversed(0x2e8)(reversed(0x2a0)(report)) },
  ],
  ['bad-signature', 'the key of another chip', { reportKey: keys.otherLeaf }],
  ['bad-signature', 'a key of another curve', { reportKey: keys.p256, report: { r: fromHex('01'), s: fromHex('01') } }],
]
