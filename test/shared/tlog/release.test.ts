/** Leaves: the exact bytes, and that no two meanings share one. */
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { fromHex, hex, utf8 } from '../../../shared/bytes.ts'
import { leafHash } from '../../../shared/tlog/merkle.ts'
import { identityDigest, identityTuple, keysLeaf, policyLeaf, releaseLeaf } from '../../../shared/tlog/release.ts'
import type { Identity, Release } from '../../../shared/tlog/release.ts'

const fill = (value: number, length: number) => new Uint8Array(length).fill(value)
const identity: Identity = { measurement: fill(1, 48), hostData: fill(2, 32), role: 'cvm' }
const tdx: Identity = {
  measurement: fill(1, 48),
  mrConfigId: fill(3, 48),
  rtmr: [fill(4, 48), fill(5, 48), fill(6, 48), fill(7, 48)],
  idKeyDigest: fill(8, 48),
  role: 'cvm',
}
const release: Release = {
  role: 'cvm',
  tee: 'sev-snp',
  identitySha256: identityDigest(identity),
  guestSvn: 10,
  notAfter: Date.parse('2027-01-31T00:00:00Z'),
  artifactSha256: fill(9, 32),
}

test('the identity tuple is tag, length, bytes, and what a platform lacks has length 0', () => {
  const absent = '030000' + '040000' + '050000' + '060000' + '070000' + '080000'
  const expected = `010030${'01'.repeat(48)}020020${'02'.repeat(32)}${absent}090003637664`.replace('637664', '63766d')
  expect(hex(identityTuple(identity))).toBe(expected)
  const rtmr = [4, 5, 6, 7].map((at) => `0${at}0030${`0${at}`.repeat(48)}`).join('')
  const other = `010030${'01'.repeat(48)}020000030030${'03'.repeat(48)}${rtmr}080030${'08'.repeat(48)}09000363766d`
  expect(hex(identityTuple(tdx))).toBe(other)
})

test('the release leaf is lines of text, and its hash begins with 0x00', () => {
  const digest = createHash('sha256').update(identityTuple(identity)).digest('hex')
  const text = `asunder release v1\ncvm\nsev-snp\n${digest}\n10\n2027-01-31T00:00:00Z\n${'09'.repeat(32)}\n`
  expect(releaseLeaf(release)).toEqual(utf8(text))
  const leaf = createHash('sha256').update('\0').update(text).digest('hex')
  expect(hex(leafHash(releaseLeaf(release)))).toBe(leaf)
})

test('policy and key list leaves differ by their first line alone', () => {
  const digest = fill(5, 32)
  expect(hex(policyLeaf(digest))).toBe(`${Buffer.from('asunder policy v1\n').toString('hex')}${'05'.repeat(32)}`)
  expect(hex(keysLeaf(digest))).toBe(`${Buffer.from('asunder keys v1\n').toString('hex')}${'05'.repeat(32)}`)
})

describe('another leaf for', () => {
  test.each<[string, Partial<Release>]>([
    ['another role', { role: 'cvm2' }],
    ['another platform', { tee: 'tdx' }],
    ['another identity', { identitySha256: identityDigest(tdx) }],
    ['another version', { guestSvn: 11 }],
    ['another end', { notAfter: release.notAfter + 1000 }],
    ['another artifact', { artifactSha256: fill(8, 32) }],
  ])('%s', (_, change) => {
    expect(releaseLeaf({ ...release, ...change })).not.toEqual(releaseLeaf(release))
  })

  test.each<[string, Partial<Identity>]>([
    ['another measurement', { measurement: fill(2, 48) }],
    ['other settings', { hostData: fill(3, 32) }],
    ['the same settings as MRCONFIGID', { hostData: fill(0, 0), mrConfigId: fill(2, 32) }],
    ['another role', { role: 'other' }],
    ['an ID key', { idKeyDigest: fill(8, 48) }],
  ])('an identity with %s', (_, change) => {
    expect(identityDigest({ ...identity, ...change })).not.toEqual(identityDigest(identity))
  })
})

test.each<[string, () => unknown]>([
  ['a role of two lines', () => releaseLeaf({ ...release, role: 'cvm\ntdx' })],
  ['an empty role', () => releaseLeaf({ ...release, role: '' })],
  ['an empty platform', () => releaseLeaf({ ...release, tee: '' })],
  ['a negative version', () => releaseLeaf({ ...release, guestSvn: -1 })],
  ['a fraction of a second', () => releaseLeaf({ ...release, notAfter: 1 })],
  ['a short identity digest', () => releaseLeaf({ ...release, identitySha256: fromHex('00') })],
  ['a short artifact digest', () => releaseLeaf({ ...release, artifactSha256: fromHex('00') })],
  ['a short policy digest', () => policyLeaf(fromHex('00'))],
  ['a short key list digest', () => keysLeaf(fromHex('00'))],
  ['no measurement', () => identityTuple({ ...identity, measurement: fromHex('') })],
  ['an identity of no role', () => identityTuple({ ...identity, role: '' })],
])('%s is our own mistake', (_, work) => {
  expect(work).toThrow(TypeError)
})
