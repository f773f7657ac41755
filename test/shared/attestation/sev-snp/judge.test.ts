/**
 * The judge on forged SEV-SNP evidence: formats as AMD's, roots of this run. Every finding has a case that differs from
 * accepted evidence by that alone. attestation.md a.6, attestation-negatives.md.
 */
import { describe, expect, test } from 'vitest'
import { judge } from '../../../../shared/attestation/judge.ts'
import { checkOf, findings } from '../../../../shared/attestation/sev-snp/findings.ts'
import { strictSnp } from '../../../../shared/attestation/sev-snp/policy.ts'
import { Proven } from '../../../../shared/attestation/proven.ts'
import { hex } from '../../../../shared/bytes.ts'
import type { RefusalCode } from '../../../../shared/refusal.ts'
import * as der from '../../../../shared/upstream/der.ts'
import { codeOf } from '../../tlog/code-of.ts'
import { now } from '../makers.ts'
import { chainCases } from './cases-chain.ts'
import { encodingCases } from './cases-encoding.ts'
import { platformCases } from './cases-platform.ts'
import { structureCases } from './cases-structure.ts'
import { constraints, day, extension, small, usage } from '../x509/forge.ts'
import { ask, hwid, ia5, measurement, tcb, type Changes } from './forge.ts'
import { bytes, digestOf } from '../values.ts'

const refusal = (changes: Changes = {}) => codeOf(() => judge(ask(changes)))
const verdict = (changes: Changes = {}) => judge(ask(changes))
const newerAsk = [usage(0x04), constraints(0), extension('1.2.3', bytes(1, 0))]
const any = { chips: { mode: 'any', sha256: [] } } as const

describe('accepted', () => {
  test('a strict Genoa: the verdict says what was found and what nobody checked', async () => {
    expect(await verdict()).toEqual({
      kind: 'sev-snp',
      measurement: hex(measurement),
      role: 'orchestrator-cvm',
      simulated: false,
      identity: {
        measurement: hex(measurement),
        hostData: '00'.repeat(32),
        mrConfigId: '',
        rtmr: ['', '', '', ''],
        idKeyDigest: '',
        role: 'orchestrator-cvm',
      },
      notAfter: now + 20 * day,
      notVerified: ['platform bits 0x40', 'gpu', 'transparency log', 'policy signature'],
      snp: {
        product: 'Genoa',
        reportVersion: 5,
        leaf: 'VCEK',
        tcb: { bl: 9, tee: 1, snp: 23, ucode: 72 },
        firmware: { major: 1, minor: 55, build: 49 },
        chip: { hwid: hex(hwid('Genoa')), sha256: digestOf(hwid('Genoa')) },
        provider: null,
        hostData: '00'.repeat(32),
        guestSvn: 4,
        vmpl: 0,
        crlNumber: 4,
      },
    })
  })

  test('Turin, by its own layout and its short hardware id', async () => {
    const { snp } = await verdict({ product: 'Turin' })
    expect(snp).toMatchObject({ product: 'Turin', tcb: { fmc: 2, bl: 9, tee: 1, snp: 23, ucode: 72 } })
    expect(snp?.chip?.hwid).toBe('cc'.repeat(8))
  })

  test('a provider key names a provider and no chip, and the verdict says so', async () => {
    const { snp, notVerified } = await verdict({
      kind: 'VLEK',
      snp: { allowVlek: true, ...any },
      trust: { chips: 'any' },
    })
    expect(snp).toMatchObject({ leaf: 'VLEK', chip: null, provider: 'CN=cc-us-east-2.amazonaws.com' })
    expect(notVerified).toContain('chip')
  })

  const borne: readonly (readonly [string, Changes])[] = [
    ['Milan, chip by chip', { product: 'Milan', claims: { '2': ia5('Milan-B0') } }],
    ['Siena and Bergamo, which are Genoa', { report: { cpu: Uint8Array.of(0x19, 0xa0, 2) } }],
    ['version 3', older(3)],
    ['version 4', older(4)],
    ['version 2, where policy names it', { ...older(2), report: { ...older(2).report, cpu: bytes(3, 0) } }],
    ['a hardware id inside an octet string', { claims: { '4': der.octetString(hwid('Genoa')) } }],
    ['SMT borne where the platform has it off', { report: { policy: 0x3_0000 } }],
    ['every protection on', { report: { policy: 0x1d2_0000, platform: 0x3e }, snp: everyProtection() }],
    [
      'firmware that is not committed, where policy bears it',
      { report: { currentTcb: tcb.Genoa.with(7, 80) }, snp: { allowProvisional: true } },
    ],
    ['a list of nothing', { crl: { revoked: [] } }],
    [
      'a list that gives its reasons',
      { crl: { entryExtensions: [extension('2.5.29.21', Uint8Array.of(0x0a, 1, 1))] } },
    ],
    ['an ASK with something new that is not critical', { ask: { extensions: newerAsk } }],
    ['a list within its grace', { crl: { nextUpdate: now - 60_000 }, collateral: { crlGrace: 60_000 } }],
    [
      'certificates within the skew of clocks',
      { leaf: { notBefore: now + 120_000 }, ask: { notAfter: now - 120_000 } },
    ],
    ['the last listed number', { seen: { crlNumbers: { Genoa: 4 } }, collateral: { minCrlNumber: { Genoa: 4 } } }],
    ['microcode at the floor of its model', { snp: { minTcb: { Genoa: { ucodeByModel: new Map([[0x11, 72]]) } } } }],
    [
      'a lower floor for the launch',
      { report: { launchTcb: tcb.Genoa.with(6, 22) }, snp: { minLaunchTcb: { Genoa: { snp: 22 } } } },
    ],
    [
      'settings that go with the image',
      { report: { hostData: bytes(32, 7) }, snp: { measurements: [listed('07'.repeat(32))] } },
    ],
    [
      'settings that the policy names for all',
      { report: { hostData: bytes(32, 7) }, snp: { hostData: '07'.repeat(32) } },
    ],
    [
      'DEBUG in development, where policy bears it',
      {
        report: { policy: 0xa_0000 },
        snp: { guestPolicy: { ...strictSnp.guestPolicy, debug: 1 } },
        trust: { use: 'development' },
      },
    ],
  ]
  test.each(borne)('%s', async (_, changes) => {
    expect(await refusal(changes)).toBe('accepted')
  })
})

describe('refused', () => {
  const cases = [...encodingCases, ...chainCases, ...structureCases, ...platformCases]

  test.each(cases)('%s: %s', async (finding, _, changes) => {
    expect(await refusal(changes)).toBe(finding)
  })

  test('every finding has a case', () => {
    expect(Object.keys(findings).filter((code) => !cases.some(([finding]) => finding === code))).toEqual([])
  })

  test('a policy without a section for this kind wants none of it, whatever it is', async () => {
    expect(await refusal({ policy: { snp: undefined }, mangle: () => bytes(1, 0) })).toBe('policy-refused')
  })

  test('an ended trust root', async () => {
    expect(await refusal({ trust: { notAfter: now } })).toBe('root-expired')
  })
})

test('of many faults the lowest number is told: mended one by one, the numbers rise through all nineteen', async () => {
  const [ours, theirs] = [listed('01'.repeat(32)), { ...listed('02'.repeat(32)), digest: 'ee'.repeat(48) }]
  const good: Changes = { report: { hostData: bytes(32, 1) }, snp: { measurements: [ours, theirs] } }
  const faults: readonly Changes[] = [
    { evidence: { collateral: bytes(1, 1) } },
    { report: { version: 6 } },
    { report: { tail: bytes(1, 1) } },
    { report: { signatureAlgorithm: 9 } },
    { leaf: { tail: bytes(1, 0) } },
    { trust: { vendorRoots: [] } },
    { crl: { nextUpdate: now - day } },
    { snp: { products: [] } },
    { report: { flags: 0b10 } },
    { claims: { '3.3': small(24) } },
    { report: { current: Uint8Array.of(1, 1, 1) } },
    { report: { r: bytes(48, 0) } },
    { report: { policy: 0xa_0000 } },
    { report: { platform: 0 } },
    { report: { vmpl: 2 } },
    { snp: { measurements: [theirs] } },
    { report: { hostData: bytes(32, 9) } },
    { report: { hostData: bytes(32, 2) } },
    { expected: bytes(64, 1) },
  ]
  const numbers: (number | undefined)[] = []
  for (let mended = 0; mended < faults.length; mended++) {
    const code = await refusal(faults.slice(mended).toReversed().reduce(merged, good))
    numbers.push(checkOf(code as RefusalCode))
  }
  expect(numbers).toEqual(faults.map((_, index) => index + 1))
  expect(await refusal(good)).toBe('accepted')
})

describe('the verdict ends with the first of', () => {
  const soon = now + 3_600_000
  const ends: readonly (readonly [string, Changes])[] = [
    ['leaf', { leaf: { notAfter: soon } }],
    ['ASK', { ask: { notAfter: soon } }],
    ['ARK', { ark: { notAfter: soon } }],
    ['revocation list', { crl: { nextUpdate: soon } }],
    ['revocation list and grace', { crl: { nextUpdate: soon - 1000 }, collateral: { crlGrace: 1000 } }],
    ['age of the revocation list', { crl: { thisUpdate: now - day }, collateral: { crlMaxAge: day + 3_600_000 } }],
    ['measurement', { snp: { measurements: [{ ...listed(), notAfter: soon }] } }],
    ['trust root', { trust: { notAfter: soon } }],
  ]
  test.each(ends)('%s', async (_, changes) => {
    expect((await verdict(changes)).notAfter).toBe(soon)
  })
})

describe('what the verdict leaves open', () => {
  test('chips of a log are for the caller to look up', async () => {
    const { notVerified } = await verdict({ snp: { chips: { mode: 'log', sha256: [] } }, trust: { chips: 'log' } })
    expect(notVerified).toContain('chip log')
  })
  test('chips of anybody', async () => {
    expect((await verdict({ snp: any, trust: { chips: 'any' } })).notVerified).toContain('chip')
  })
  test('firmware without a floor', async () => {
    expect((await verdict({ snp: { minTcb: {} } })).notVerified).toContain('firmware floor')
  })
  test('an ID key is part of the identity', async () => {
    const { identity } = await verdict({ report: { idKeyDigest: bytes(48, 5) } })
    expect(identity?.idKeyDigest).toBe('05'.repeat(48))
  })
})

test('what was proven changes no answer: other bytes under the same signature are refused', async () => {
  const proven = new Proven(2)
  const question = ask()
  const first = await judge({ ...question, proven })
  expect(await judge({ ...question, proven })).toEqual(first)
  const [leaf = bytes(0, 0), ...others] = question.evidence.endorsements
  // The serial's only octet: inside what is signed, and read by nobody.
  const forged = { ...question.evidence, endorsements: [leaf.with(15, 1), ...others] }
  expect(await codeOf(() => judge({ ...question, evidence: forged, proven }))).toBe('bad-chain')
})

test('no single bit of the report can change and stay accepted', async () => {
  const question = ask()
  const proven = new Proven()
  const codes = new Set<string>()
  for (let at = 0; at < question.evidence.report.length; at++) {
    const report = question.evidence.report.with(at, (question.evidence.report[at] ?? 0) ^ (1 << (at % 8)))
    codes.add(await codeOf(() => judge({ ...question, evidence: { ...question.evidence, report }, proven })))
  }
  expect(codes).not.toContain('accepted')
})

function older(version: number): Changes {
  const report = { version, launchMitigations: 0, currentMitigations: 0 }
  return { report, snp: { reportVersions: [version], requireMit: {} } }
}

function listed(hostData?: string) {
  return { digest: hex(measurement), minGuestSvn: 0, notAfter: Infinity, hostData }
}

function everyProtection() {
  const guestPolicy = {
    ...strictSnp.guestPolicy,
    singleSocket: 1,
    aes256xts: 1,
    raplDis: 1,
    ciphertextHiding: 1,
  } as const
  const platform = { ...strictSnp.platform, tsme: 1, ecc: 1, raplDis: 1, ciphertextHiding: 1 } as const
  return { guestPolicy, platform }
}

/** Changes on changes: objects of both are joined, the second wins. */
function merged(under: Changes, over: Changes): Changes {
  const join = (name: keyof Changes) => {
    const [a, b] = [under[name], over[name]]
    const plain = (value: unknown) => typeof value === 'object' && value !== null && !(value instanceof Uint8Array)
    return plain(a) && plain(b) ? { ...(a as object), ...(b as object) } : (b ?? a)
  }
  const names = [...Object.keys(under), ...Object.keys(over)] as (keyof Changes)[]
  return Object.fromEntries(names.map((name) => [name, join(name)]))
}
