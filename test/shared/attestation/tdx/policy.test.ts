/** The TDX part of a policy, attestation.md d.1: strict where it says nothing, never wider than the root. */
import { describe, expect, test } from 'vitest'
import { entriesFor, narrowedTdx, strictTdx, type Rtmrs } from '../../../../shared/attestation/tdx/policy.ts'
import { readTdxPolicy } from '../../../../shared/attestation/tdx/policy-json.ts'
import type { ChipMode } from '../../../../shared/attestation/sev-snp/policy.ts'
import { at } from '../../../../shared/tlog/json-fields.ts'
import { codeOf } from '../../tlog/code-of.ts'

const tdx = (value: unknown) => readTdxPolicy(at(value, 'policy.tdx'))
const digest = 'ab'.repeat(48)
const image = ['01', '02', '03', '04'].map((octet) => octet.repeat(48)) as unknown as Rtmrs

/** attestation.md d.1, with its dots filled in. */
const example = {
  ...{ statuses: ['UpToDate'], advisoriesAllowed: [], minTcbEval: 18 },
  ...{ tdAttributesMask: '0000001000000000', xfamMask: 'e702060000000000', mrtd: [digest], rtmr: [image] },
}

test('the example of the design reads as it means', () => {
  expect(tdx(example)).toEqual({
    ...strictTdx,
    ...example,
    mrtd: [{ digest, notAfter: Infinity, rtmr: undefined, mrConfigId: undefined, build: undefined }],
  })
})

test('nothing said is strict: current ratings, no way in for the host, no image, no settings, no owner', () => {
  expect(tdx({})).toEqual({
    ...{ quoteVersions: [4, 5], statuses: ['UpToDate'], advisoriesAllowed: [], minTcbEval: 0 },
    attributes: { debug: 0, septVeDisable: 1, migratable: 0, perfmon: 0 },
    ...{ tdAttributesMask: '010000f000000080', xfamMask: 'e7db060000000000' },
    ...{ mrtd: [], rtmr: [], deny: [], mrConfigId: '00'.repeat(48) },
    ...{ mrOwner: '00'.repeat(48), mrOwnerConfig: '00'.repeat(48), mrSeam: null },
    // As the trust root has it.
    chips: null,
  })
})

test('everything said is kept', () => {
  const entry = { digest, notAfter: '2026-12-01T00:00:00Z', rtmr: image, mrConfigId: digest }
  const said = {
    ...{ quoteVersions: [5], statuses: ['UpToDate', 'SWHardeningNeeded'], advisoriesAllowed: ['INTEL-SA-00837'] },
    attributes: { debug: 1, septVeDisable: null, migratable: null, perfmon: 1 },
    mrtd: [{ ...entry, build: `sha256:${'ef'.repeat(32)}` }],
    ...{ deny: [digest], mrConfigId: digest, mrOwner: null, mrOwnerConfig: null, mrSeam: [digest] },
    chips: { sha256: ['cd'.repeat(32)] },
  }
  expect(tdx(said)).toEqual({
    ...strictTdx,
    ...said,
    mrtd: [{ ...entry, notAfter: Date.UTC(2026, 11, 1), build: 'ef'.repeat(32) }],
    // Who lists chips means the list.
    chips: { mode: 'allowlist', sha256: ['cd'.repeat(32)] },
  })
})

test('a signed policy gives no end and no build for granted', async () => {
  const strict = (value: unknown) => readTdxPolicy(at(value, 'policy.tdx'), { rtmr: undefined, mrConfigId: undefined })
  expect(await codeOf(() => strict({ mrtd: [digest] }))).toBe('bad-encoding')
  const whole = { digest, notAfter: '2026-12-01T00:00:00Z', build: `sha256:${'ef'.repeat(32)}` }
  expect(await codeOf(() => strict({ mrtd: [whole] }))).toBe('accepted')
})

describe('refused', () => {
  test.each<[string, unknown]>([
    ['no object', []],
    ['an unknown key', { mrTd: [digest] }],
    ['an unknown status', { statuses: ['Fine'] }],
    ['a version that we cannot read', { quoteVersions: [3] }],
    ['an advisory by another name', { advisoriesAllowed: ['INTEL-SA-837'] }],
    ['a floor that is no count', { minTcbEval: -1 }],
    ['a short mask', { xfamMask: 'e7' }],
    ['a mask as a number', { tdAttributesMask: '0x10000000' }],
    ['a short digest', { mrtd: [digest.slice(2)] }],
    ['a digest in upper case', { deny: [digest.toUpperCase()] }],
    ['three registers', { rtmr: [image.slice(1)] }],
    ['registers that are no lists', { rtmr: [digest] }],
    ['an entry with an unknown key', { mrtd: [{ digest, note: '' }] }],
    ['an entry without digest', { mrtd: [{}] }],
    ['a bound that is none', { attributes: { debug: 2 } }],
    ['an unknown attribute', { attributes: { tpa: 0 } }],
    ['settings of 32 bytes', { mrConfigId: '00'.repeat(32) }],
    ['a chip mode that is none', { chips: { mode: 'some' } }],
  ])('%s', async (_, value) => {
    expect(await codeOf(() => tdx(value))).toBe('bad-encoding')
  })
})

describe('a trust root narrows', () => {
  const open = { ...strictTdx, attributes: { debug: 1, septVeDisable: 1, migratable: null, perfmon: 1 } } as const
  test('in production nothing opens a TD to its host', () => {
    expect(narrowedTdx(open, 'production').attributes).toEqual({ ...open.attributes, debug: 0, migratable: 0 })
    expect(narrowedTdx(open, 'development').attributes).toEqual(open.attributes)
  })
  test.each(['allowlist', 'log', 'any'] as const)(
    'what a policy does not say of chips is what the root says: %s',
    (root) => {
      expect(narrowedTdx(strictTdx, 'production', root).chips).toEqual({ mode: root, sha256: [] })
      expect(narrowedTdx(strictTdx, 'production').chips.mode).toBe('allowlist')
    },
  )
  test.each<[ChipMode | undefined, ChipMode, ChipMode]>([
    [undefined, 'any', 'allowlist'],
    ['allowlist', 'any', 'allowlist'],
    ['any', 'allowlist', 'allowlist'],
    ['log', 'any', 'log'],
    ['any', 'log', 'log'],
    ['any', 'any', 'any'],
  ])('root %s and policy %s: %s', (root, mode, narrow) => {
    expect(narrowedTdx({ ...strictTdx, chips: { mode, sha256: [] } }, 'production', root).chips.mode).toBe(narrow)
  })
})

test('an identity is the entry whose firmware, image and settings it has', () => {
  const other = ['', '', '', ''] as const
  const mrConfigId = '00'.repeat(48)
  const first = { digest, notAfter: 1, rtmr: other }
  const second = { digest, notAfter: 2, rtmr: image }
  const third = { digest, notAfter: 3 }
  const fourth = { digest, notAfter: 4, rtmr: image, mrConfigId: digest }
  const policy = { ...strictTdx, mrtd: [first, second, third, fourth] }
  const identity = { measurement: digest, rtmr: image, mrConfigId }
  expect(entriesFor(policy, identity)).toEqual([second])
  expect(entriesFor({ ...policy, rtmr: [image] }, identity)).toEqual([second, third])
  expect(entriesFor(policy, { ...identity, mrConfigId: digest })).toEqual([fourth])
  expect(entriesFor(policy, { ...identity, measurement: '' })).toEqual([])
})
