/** The SEV-SNP part of a policy, attestation.md d.1: strict where it says nothing, never wider than the root. */
import { describe, expect, test } from 'vitest'
import { narrowed, strictSnp, type ChipMode } from '../../../../shared/attestation/sev-snp/policy.ts'
import { durationOf, readCrlPolicy, readSnpPolicy } from '../../../../shared/attestation/sev-snp/policy-json.ts'
import { at } from '../../../../shared/tlog/json-fields.ts'
import { codeOf } from '../../tlog/code-of.ts'

const snp = (value: unknown) => readSnpPolicy(at(value, 'policy.snp'))
const collateral = (value: unknown) => readCrlPolicy(at(value, 'policy.collateral'))
const digest = 'ab'.repeat(48)

/** attestation.md d.1, with its dots filled in. */
const example = {
  products: ['Genoa', 'Turin'],
  reportVersions: [3, 4, 5],
  allowVlek: false,
  vmpl: [0],
  minTcb: {
    Genoa: { bl: 10, tee: 0, snp: 27, ucode: { '0x11': 88, '0xa0': 25 } },
    Turin: { fmc: 0, bl: 1, tee: 0, snp: 2, ucode: 71 },
  },
  minFw: { Genoa: '1.55.49' },
  requireMit: { Genoa: '0x0b' },
  allowProvisional: false,
  guestPolicy: {
    ...{ debug: 0, migrateMa: 0, smt: 0, cxl: 0 },
    ...{ singleSocket: null, raplDis: null, aes256xts: null, ciphertextHiding: null },
  },
  platform: { aliasCheck: 1, smt: 0 },
  hostData: '00'.repeat(32),
  chips: { mode: 'allowlist', sha256: ['cd'.repeat(32)] },
  minCvms: 2,
  minChips: 3,
  measurements: [{ digest, minGuestSvn: 0, notAfter: '2026-12-01T00:00:00Z', build: `sha256:${'ef'.repeat(32)}` }],
  deny: [digest],
}

test('the example of the design reads as it means', () => {
  expect(snp(example)).toEqual({
    ...strictSnp,
    minTcb: {
      Genoa: {
        ...{ bl: 10, tee: 0, snp: 27 },
        ucodeByModel: new Map([
          [0x11, 88],
          [0xa0, 25],
        ]),
      },
      Turin: { fmc: 0, bl: 1, tee: 0, snp: 2, ucode: 71 },
    },
    minFw: { Genoa: { major: 1, minor: 55, build: 49 } },
    requireMit: { Genoa: 0x0bn },
    chips: { mode: 'allowlist', sha256: ['cd'.repeat(32)] },
    measurements: [{ digest, minGuestSvn: 0, notAfter: Date.parse('2026-12-01T00:00:00Z'), build: 'ef'.repeat(32) }],
    minCvms: 2,
    minChips: 3,
    deny: [digest],
  })
})

test('what is left out is strict', () => {
  expect(snp({})).toEqual(strictSnp)
  expect(snp({ guestPolicy: { smt: null } }).guestPolicy).toEqual({ ...strictSnp.guestPolicy, smt: null })
  expect(strictSnp).toMatchObject({
    products: ['Genoa', 'Turin'],
    allowVlek: false,
    allowProvisional: false,
    guestPolicy: { debug: 0, migrateMa: 0, smt: 0, cxl: 0 },
    platform: { smt: 0, aliasCheck: 1 },
    chips: { mode: 'allowlist', sha256: [] },
    measurements: [],
  })
})

test('ids and keys may be named', () => {
  const named = { idKeys: [digest], authorKeys: [digest], familyId: '01'.repeat(16), imageId: null }
  expect(snp(named)).toEqual({ ...strictSnp, ...named })
})

describe('bad-encoding', () => {
  test.each<[string, unknown]>([
    ['a list', []],
    ['a number', 1],
    ['null', null],
    ['an unknown key', { mode: 1 }],
    ['an unknown guest rule', { guestPolicy: { debugging: 0 } }],
    ['an unknown product', { products: ['Naples'] }],
    ['a report version that nobody reads', { reportVersions: [6] }],
    ['a privilege level that no guest has', { vmpl: [0xffff_ffff] }],
    ['a bound that is a word', { guestPolicy: { debug: 'no' } }],
    ['a bound of two', { platform: { smt: 2 } }],
    ['a flag that is a number', { allowVlek: 0 }],
    ['a floor without one of its counters', { minTcb: { Genoa: { bl: 1, tee: 0, snp: 1 } } }],
    ['a floor with the counter of another product', { minTcb: { Genoa: { fmc: 0, bl: 1, tee: 0, snp: 1, ucode: 1 } } }],
    ['a floor by a strange model', { minTcb: { Genoa: { bl: 1, tee: 0, snp: 1, ucode: { 17: 1 } } } }],
    ['a floor above a byte', { minTcb: { Genoa: { bl: 256, tee: 0, snp: 1, ucode: 1 } } }],
    ['a version of two numbers', { minFw: { Genoa: '1.55' } }],
    ['mitigation bits in decimal', { requireMit: { Genoa: '11' } }],
    ['a short digest', { deny: ['ab'] }],
    ['upper case', { hostData: 'AB'.repeat(32) }],
    ['a measurement without digest', { measurements: [{ minGuestSvn: 0 }] }],
    ['a measurement with an unknown key', { measurements: [{ digest, role: 'x' }] }],
    ['a build without its algorithm', { measurements: [{ digest, build: 'ef'.repeat(32) }] }],
    ['no machine at all', { minCvms: 0 }],
    ['a chip mode that does not exist', { chips: { mode: 'none' } }],
    ['a list of keys that is a key', { idKeys: digest }],
  ])('%s', async (_, value) => {
    expect(await codeOf(() => snp(value))).toBe('bad-encoding')
  })
})

test('collateral: durations in milliseconds, the part of TDX left to TDX', () => {
  const value = { crlMaxAge: 'P30D', crlGrace: 'PT0S', minCrlNumber: { Genoa: 4 }, tdxMaxAge: 'P30D' }
  const month = 30 * 86_400_000
  expect(collateral(value)).toEqual({ crlMaxAge: month, crlGrace: 0, minCrlNumber: { Genoa: 4 }, tdxMaxAge: month })
  expect(collateral({})).toEqual({ crlMaxAge: Infinity, crlGrace: 0, minCrlNumber: {}, tdxMaxAge: month })
})

test.each([
  ['PT0S', 0],
  ['PT120S', 120_000],
  ['PT26H', 93_600_000],
  ['P1DT1H1M1S', 90_061_000],
])('%s is %i ms', (text, ms) => {
  expect(durationOf(at(text, 'duration'))).toBe(ms)
})

test.each(['', 'P', 'PT', 'P1DT', '30D', 'P-1D', 'P1Y', 'PT1.5S', 'PT1S '])('%j is no duration', async (text) => {
  expect(await codeOf(() => durationOf(at(text, 'duration')))).toBe('bad-encoding')
})

describe('a trust root only narrows', () => {
  const modes: readonly (readonly [root: ChipMode | undefined, policy: ChipMode, both: ChipMode])[] = [
    [undefined, 'any', 'allowlist'],
    ['allowlist', 'any', 'allowlist'],
    ['allowlist', 'log', 'allowlist'],
    ['log', 'any', 'log'],
    ['log', 'allowlist', 'allowlist'],
    ['any', 'log', 'log'],
    ['any', 'any', 'any'],
  ]
  test.each(modes)('chips: root %s, policy %s: %s', (root, mode, both) => {
    const policy = { ...strictSnp, chips: { mode, sha256: ['cd'.repeat(32)] } }
    expect(narrowed(policy, 'production', root).chips).toEqual({ mode: both, sha256: ['cd'.repeat(32)] })
  })

  test('in production Milan counts only chip by chip; in development a policy may bear more', () => {
    const milan = { ...strictSnp, products: ['Milan', 'Genoa'], chips: { mode: 'any', sha256: [] } } as const
    expect(narrowed(milan, 'production', 'any').products).toEqual(['Genoa'])
    expect(narrowed(milan, 'production', 'allowlist').products).toEqual(['Milan', 'Genoa'])
    expect(narrowed(milan, 'development', 'any').products).toEqual(['Milan', 'Genoa'])
  })
})
