/** `asunder policy explain`: a policy in words, and what another one changes. */
import { beforeEach, expect, test } from 'vitest'
import { verifyPolicy } from '../../../shared/attestation/signed-policy.ts'
import { build, digest } from '../attestation/policies.ts'
import { Desk, now, type Change } from './policy-desk.ts'

let desk: Desk

beforeEach(async () => {
  desk = await Desk.open()
})

test('says what is let in and what is kept out', async () => {
  await desk.draft()
  const { code, out } = await desk.run('policy', 'explain', 'draft.json')
  expect(code).toBe(0)
  for (const words of [
    'serial 42, for app',
    'Genoa, Turin; kept out: Milan',
    "the chip's own key; providers' keys are kept out",
    'debug must be off',
    'migrateMa must be off',
    'aliasCheck must be on',
    `images        ${digest} until 2026-12-22T12:00:00Z, version 0 or higher, of build ${build}`,
    'fresh for 26 h, then stale for 72 h, then kept out',
    'no client obeys it for more than 24 h 4 min',
    'none yet',
  ]) {
    expect(out).toContain(words)
  }
})

test('the digest and the leaf are those of the text that is signed, before and after', async () => {
  await desk.draft()
  await desk.signed()
  const before = JSON.parse((await desk.run('policy', 'explain', '--json', 'draft.json')).out) as {
    sha256: string
    leaf: string
  }
  const after = JSON.parse((await desk.run('policy', 'explain', '--json', 'policy.note')).out) as {
    sha256: string
    leaf: string
  }
  const verified = await verifyPolicy(desk.file('policy.note'), { root: desk.root, now })
  expect(before.sha256).toBe(verified.sha256)
  expect([after.sha256, after.leaf]).toEqual([before.sha256, before.leaf])
})

test('against another: only what changes', async () => {
  await desk.draft()
  await desk.draft('next.json', ['"serial": 42', '"serial": 43'], ['"allowVlek": false', '"allowVlek": true'])
  const { out } = await desk.run('policy', 'explain', 'next.json', '--against', 'draft.json')
  expect(out.split('\n')).toEqual([
    '- policy      serial 42, for app',
    "- report key  the chip's own key; providers' keys are kept out",
    '+ policy      serial 43, for app',
    "+ report key  the chip's key, or a provider's, which names no chip",
    '',
  ])
  expect((await desk.run('policy', 'explain', 'draft.json', '--against', 'draft.json')).out).toBe('no difference\n')
  const json = (await desk.run('policy', 'explain', 'next.json', '--against', 'draft.json', '--json')).out
  expect(JSON.parse(json)).toMatchObject({ removed: [['policy', 'serial 42, for app'], expect.anything()] })
})

test('every rule that a policy can change changes its words', async () => {
  const changes: readonly Change[] = [
    ['"products": ["Genoa", "Turin"]', '"products": ["Genoa"]'],
    ['"reportVersions": [3, 4, 5]', '"reportVersions": [5]'],
    ['"vmpl": [0]', '"vmpl": [0, 1]'],
    ['"minTcb": {}', '"minTcb": {"Genoa": {"bl": 10, "tee": 0, "snp": 27, "ucode": {"0x11": 88}}}'],
    [
      '"minFw": {}',
      '"minFw": {"Genoa": "1.55.49"}, "minLaunchTcb": {"Genoa": {"bl": 9, "tee": 0, "snp": 27, "ucode": 1}}',
    ],
    ['"requireMit": {}', '"requireMit": {"Genoa": "0x0b"}'],
    ['"allowProvisional": false', '"allowProvisional": true'],
    ['"smt": 0', '"smt": 1'],
    ['"ecc": null', '"ecc": 1'],
    [`"hostData": "${'00'.repeat(32)}"`, `"hostData": "${'11'.repeat(32)}"`],
    ['"mode": "allowlist"', '"mode": "log"'],
    ['"minCvms": 1', '"minCvms": 2'],
    ['"minChips": 1', '"minChips": 2'],
    [
      '"deny": []',
      `"deny": ["${'dd'.repeat(48)}"], "idKeys": ["${'dd'.repeat(48)}"], "familyId": "${'dd'.repeat(16)}"`,
    ],
    ['"crlGrace": "PT0S"', '"crlGrace": "P1D", "crlMaxAge": "P90D"'],
    ['"minCrlNumber": {}', '"minCrlNumber": {"Genoa": 4}'],
    ['"PT26H"', '"PT12H"'],
    ['"kinds": [1, 2]', '"kinds": [2]'],
    ['"PT24H"', '"PT1H"'],
    ['"maxConnAge": "PT1H"', '"maxConnAge": "PT10M"'],
    ['"PT60S"', '"PT10S"'],
    ['"PT120S"', '"PT10S"'],
  ]
  await desk.draft()
  for (const change of changes) {
    await desk.draft('next.json', change)
    expect((await desk.run('policy', 'explain', 'next.json', '--against', 'draft.json')).out, change[1]).toMatch(
      /^[-+] /,
    )
  }
})
