/** report_data: the expected digests were computed with Python's hashlib from bytes laid out by hand. attestation.md b.2. */
import { describe, expect, test } from 'vitest'
import { reportData, type Binding, type KeyBinding, type LinkBinding } from '../../../shared/attestation/report-data.ts'
import { concat, hex, uint64 } from '../../../shared/bytes.ts'
import { codeOf } from '../tlog/code-of.ts'

const filled = (length: number, byte: number) => new Uint8Array(length).fill(byte)
const role = 'orchestrator-cvm'
const link: LinkBinding = {
  kind: 1,
  role,
  spki_sha256: filled(32, 0x11),
  nonce: filled(32, 0x22),
  exporter: filled(32, 0x33),
}
const key: KeyBinding = {
  kind: 2,
  role,
  key_config_sha256: filled(32, 0x44),
  anchor: concat(filled(32, 0x55), uint64(70)),
  not_before: 1782864000,
  not_after: 1782950400,
  policy_sha256: filled(32, 0x66),
}

test('kind 1, a link', () => {
  expect(hex(reportData(link))).toBe(
    '65cb7342ade57a103e4a29ae5256b83739b52f45970d6a16376b7eab7aeadc3233d2ab98911960d11962f5e375bd8de41d8470b0bc0c73d57568b9ad71914567',
  )
})

test('kind 2, a key, with times as numbers or bigints and fields in any order', () => {
  const expected =
    '8b83e2d8ab8c26200864e06c79365b4e05fb33d172aae0694206919ca383a91bcf98ae6f1e531eb6361c0f91c0a7973d023eda092acdc8f8c0f404c2186baef3'
  expect(hex(reportData(key))).toBe(expected)
  expect(hex(reportData({ ...key, not_before: 1782864000n }))).toBe(expected)
  expect(hex(reportData(Object.fromEntries(Object.entries(key).toReversed()) as Binding))).toBe(expected)
})

describe.each([link, key])('kind $kind', (binding) => {
  const names = Object.keys(binding).filter((name) => name !== 'kind')

  test.each(names)('%s is mandatory', async (name) => {
    const others = Object.fromEntries(Object.entries(binding).filter(([other]) => other !== name))
    expect(await codeOf(() => reportData(others as Binding))).toBe('bad-encoding')
  })

  test.each(names)('%s changes everything', (name) => {
    const value = (binding as unknown as Record<string, unknown>)[name]
    const other =
      typeof value === 'string' ? 'x' : typeof value === 'number' ? value + 1 : (value as Uint8Array).map((b) => b ^ 1)
    expect(reportData({ ...binding, [name]: other })).not.toEqual(reportData(binding))
  })

  test('no field of another kind is taken', async () => {
    expect(await codeOf(() => reportData({ ...link, ...key, kind: binding.kind }))).toBe('bad-encoding')
  })
})

test.each<[string, unknown]>([
  ['kind 0', { ...link, kind: 0 }],
  ['kind 3, reserved', { ...link, kind: 3 }],
  ['kind as text', { ...link, kind: '1' }],
  ['no kind', { ...link, kind: undefined }],
  ['an unknown field', { ...link, extra: filled(1, 1) }],
  ['a short nonce', { ...link, nonce: filled(31, 1) }],
  ['a long nonce', { ...link, nonce: filled(33, 1) }],
  ['a short digest of the key', { ...link, spki_sha256: filled(20, 1) }],
  ['a short exporter', { ...link, exporter: filled(31, 1) }],
  ['a nonce as hex', { ...link, nonce: '22'.repeat(32) }],
  ['an empty role', { ...link, role: '' }],
  ['a role with a lone surrogate', { ...link, role: '\ud800' }],
  ['a role of 256 bytes', { ...link, role: 'é'.repeat(128) }],
  ['an anchor without tree size', { ...key, anchor: filled(32, 1) }],
  ['a short digest of the configuration', { ...key, key_config_sha256: filled(31, 1) }],
  ['a short digest of the policy', { ...key, policy_sha256: filled(31, 1) }],
  ['a negative time', { ...key, not_before: -1 }],
  ['a negative bigint', { ...key, not_before: -1n }],
  ['a time beyond 64 bits', { ...key, not_after: 2n ** 64n }],
  ['a time that is no integer', { ...key, not_after: 1.5 }],
  ['a number that JSON cannot hold exactly', { ...key, not_after: 2 ** 53 }],
  ['a time as bytes', { ...key, not_after: uint64(1) }],
])('%s: bad-encoding', async (_, binding) => {
  expect(await codeOf(() => reportData(binding as Binding))).toBe('bad-encoding')
})
