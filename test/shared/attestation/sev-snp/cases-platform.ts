/** What checks 9-11 and 13-19 must refuse: chip, firmware, how the guest began, who it is. attestation-negatives.md. */
import { hex } from '../../../../shared/bytes.ts'
import { strictSnp } from '../../../../shared/attestation/sev-snp/policy.ts'
import { now } from '../makers.ts'
import type { Case } from './cases-encoding.ts'
import { small } from '../x509/forge.ts'
import { hwid, measurement, reportData, tcb } from './forge.ts'
import { bytes } from '../values.ts'

const listed = { digest: hex(measurement), minGuestSvn: 4, notAfter: Infinity }
const other = { digest: 'ee'.repeat(48), minGuestSvn: 0, notAfter: Infinity, hostData: '77'.repeat(32) }
const guest = (changes: Partial<typeof strictSnp.guestPolicy>) => ({
  snp: { guestPolicy: { ...strictSnp.guestPolicy, ...changes } },
})
const platform = (changes: Partial<typeof strictSnp.platform>) => ({
  snp: { platform: { ...strictSnp.platform, ...changes } },
})
const floor = (changes: object) => ({ snp: { minTcb: { Genoa: { bl: 9, tee: 1, snp: 23, ucode: 72, ...changes } } } })
const bit = (n: bigint) => 0x2_0000n | (1n << n)
const raised = (index: number) => tcb.Genoa.with(index, (tcb.Genoa[index] ?? 0) + 1)
const lowered = (index: number) => tcb.Genoa.with(index, (tcb.Genoa[index] ?? 0) - 1)
const counters = { bl: 0, tee: 1, snp: 6, ucode: 7 }

const chips: readonly Case[] = [
  ['chip-masked', 'a masked chip', { report: { flags: 0b10 } }],
  ['chip-masked', 'a masked chip that hides its id', { report: { flags: 0b10, chipId: bytes(64, 0) } }],
  ['chip-mismatch', 'the report of another chip', { report: { chipId: hwid('Genoa').with(63, 0) } }],
  ['chip-mismatch', 'Turin with more than eight bytes', { product: 'Turin', report: { chipId: bytes(9, 0xcc) } }],
  [
    'chip-mismatch',
    'a provider key with a chip',
    { kind: 'VLEK', snp: { allowVlek: true }, report: { chipId: bytes(64, 1) } },
  ],
  [
    'chip-refused',
    'a chip that is not in the list',
    { snp: { chips: { mode: 'allowlist', sha256: ['00'.repeat(32)] } } },
  ],
  ['chip-refused', 'an empty list', { snp: { chips: { mode: 'allowlist', sha256: [] } } }],
  ['chip-refused', 'a policy wider than the trust root', { snp: { chips: { mode: 'any', sha256: [] } } }],
  ['chip-refused', 'a provider key under a list of chips', { kind: 'VLEK', snp: { allowVlek: true } }],
  [
    'chip-refused',
    'a provider key under a log of chips',
    { kind: 'VLEK', snp: { allowVlek: true, chips: { mode: 'log', sha256: [] } }, trust: { chips: 'any' } },
  ],
]

const firmware: readonly Case[] = [
  ...Object.entries(counters).flatMap(([name, index]): Case[] => [
    ['tcb-mismatch', `${name} of the report raised`, { report: { reportedTcb: raised(index) } }],
    ['tcb-too-low', `${name} of the certificate below the floor`, floor({ [name]: (tcb.Genoa[index] ?? 0) + 1 })],
    [
      'tcb-too-low',
      `${name} committed below the floor`,
      { report: { committedTcb: lowered(index), currentTcb: lowered(index) } },
    ],
    ['tcb-too-low', `${name} at launch below the floor`, { report: { launchTcb: lowered(index) } }],
  ]),
  [
    'tcb-too-low',
    'a certificate of older firmware than what runs',
    { claims: { '3.3': small(22) }, report: { reportedTcb: lowered(6) } },
  ],
  ['tcb-mismatch', 'a certificate of higher firmware', { claims: { '3.3': small(24) } }],
  ['tcb-mismatch', 'a counter in a reserved place of the certificate', { claims: { '3.5': small(1) } }],
  [
    'tcb-mismatch',
    "Turin with Milan's layout",
    { product: 'Turin', report: { reportedTcb: Uint8Array.of(9, 1, 23, 2, 0, 0, 0, 72) } },
  ],
  [
    'tcb-too-low',
    'fmc of Turin',
    { product: 'Turin', snp: { minTcb: { Turin: { fmc: 3, bl: 9, tee: 1, snp: 23, ucode: 72 } } } },
  ],
  ['tcb-too-low', 'microcode below the floor of its model', floor({ ucodeByModel: new Map([[0x11, 73]]) })],
  ['tcb-too-low', 'microcode of a model without floor', floor({ ucodeByModel: new Map([[0xa0, 25]]) })],
  ['tcb-too-low', 'a launch floor of its own', { snp: { minLaunchTcb: { Genoa: { snp: 24 } } } }],
  ['firmware-provisional', 'microcode that is not committed', { report: { currentTcb: raised(7) } }],
  ['firmware-provisional', 'a version that is not committed', { report: { current: Uint8Array.of(50, 55, 1) } }],
  [
    'firmware-too-old',
    'a build below the floor',
    { report: { current: Uint8Array.of(48, 55, 1), committed: Uint8Array.of(48, 55, 1) } },
  ],
  [
    'firmware-too-old',
    'a minor version below the floor',
    { report: { current: Uint8Array.of(99, 54, 1), committed: Uint8Array.of(99, 54, 1) } },
  ],
  [
    'firmware-too-old',
    'a major version below the floor',
    { report: { current: Uint8Array.of(99, 99, 0), committed: Uint8Array.of(99, 99, 0) } },
  ],
  ['mitigation-missing', 'at launch', { report: { launchMitigations: 0x03 } }],
  ['mitigation-missing', 'now', { report: { currentMitigations: 0x0a } }],
  [
    'mitigation-missing',
    'in a version that shows none',
    { report: { version: 4, launchMitigations: 0, currentMitigations: 0 } },
  ],
]

const started: readonly Case[] = [
  ['guest-policy-malformed', 'bit 17 is zero', { report: { policy: 0 } }],
  ['debug-allowed', 'DEBUG', { report: { policy: bit(19n) } }],
  [
    'debug-allowed',
    'DEBUG in production, whatever policy says',
    { report: { policy: bit(19n) }, ...guest({ debug: null }) },
  ],
  ['migration-allowed', 'a migration agent allowed', { report: { policy: bit(18n) } }],
  [
    'migration-allowed',
    'a migration agent in production, whatever policy says',
    { report: { policy: bit(18n) }, ...guest({ migrateMa: 1 }) },
  ],
  ['migration-allowed', 'a migration agent there', { report: { reportIdMa: bytes(32, 0xff).with(31, 0xfe) } }],
  ['migration-allowed', 'a migration agent of zeros', { report: { reportIdMa: bytes(32, 0) } }],
  ['smt-allowed', 'SMT borne and on', { report: { policy: bit(16n), platform: 0x21 } }],
  ['cxl-allowed', 'CXL', { report: { policy: bit(21n) } }],
  ['single-socket-missing', 'one socket demanded', guest({ singleSocket: 1 })],
  ['aes-xts-missing', 'AES-256-XTS demanded', guest({ aes256xts: 1 })],
  ['rapl-allowed', 'no power readings demanded', guest({ raplDis: 1 })],
  ['ciphertext-hiding-missing', 'ciphertext hiding demanded', guest({ ciphertextHiding: 1 })],
  ['alias-check-missing', 'no alias check', { report: { platform: 0 } }],
  ['smt-enabled', 'SMT on, though the guest bears none', { report: { platform: 0x21 } }],
  ['tsme-off', 'TSME demanded', platform({ tsme: 1 })],
  ['ecc-off', 'ECC demanded', platform({ ecc: 1 })],
  ['rapl-enabled', 'no power readings demanded', platform({ raplDis: 1 })],
  ['ciphertext-hiding-off', 'ciphertext hiding demanded', platform({ ciphertextHiding: 1 })],
  ['vmpl-refused', 'another privilege level', { report: { vmpl: 1 } }],
  ['vmpl-refused', 'asked for by the host', { report: { vmpl: 0xffff_ffff } }],
]

const identity: readonly Case[] = [
  ['measurement-refused', 'not listed', { report: { measurement: measurement.with(47, 0) } }],
  ['measurement-refused', 'listed for another role only', { snp: { measurements: [other] } }],
  ['measurement-refused', 'nothing listed', { snp: { measurements: [] } }],
  ['measurement-denied', 'listed and denied', { snp: { deny: [hex(measurement)] } }],
  ['measurement-expired', 'its time ended', { snp: { measurements: [{ ...listed, notAfter: now }] } }],
  ['guest-svn-too-low', 'an older image', { report: { guestSvn: 3 } }],
  ['host-data-refused', 'settings that nobody expects', { report: { hostData: bytes(32, 1) } }],
  ['host-data-refused', 'no settings where some are expected', { snp: { hostData: '77'.repeat(32) } }],
  ['id-key-refused', 'another ID key', { snp: { idKeys: ['11'.repeat(48)] } }],
  ['author-key-refused', 'another author key', { snp: { authorKeys: ['11'.repeat(48)] } }],
  ['family-id-refused', 'another family', { snp: { familyId: '11'.repeat(16) } }],
  ['image-id-refused', 'another image id', { snp: { imageId: '11'.repeat(16) } }],
  [
    'identity-refused',
    'the settings of another image',
    { report: { hostData: bytes(32, 0x77) }, snp: { measurements: [listed, other] } },
  ],
  ['binding-mismatch', 'another binding', { expected: reportData.with(63, 0) }],
  ['binding-mismatch', 'zeros, which bind nothing', { report: { reportData: bytes(64, 0) } }],
]

export const platformCases: readonly Case[] = [...chips, ...firmware, ...started, ...identity]
