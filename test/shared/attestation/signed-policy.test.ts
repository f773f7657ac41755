/** Signed policies: who signs, for how long, never back, and only narrower than the root. trust.md 1, attestation.md d.1. */
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { policyLimits, readPolicyFields } from '../../../shared/attestation/policy-fields.ts'
import { rootFieldNames } from '../../../shared/attestation/root-fields.ts'
import { strictCrl, strictSnp } from '../../../shared/attestation/sev-snp/policy.ts'
import { policyText, signPolicy, verifyPolicy } from '../../../shared/attestation/signed-policy.ts'
import { Refusal } from '../../../shared/refusal.ts'
import { timeText } from '../../../shared/tlog/json-fields.ts'
import { refusalsOf } from '../../../shared/tlog/json-options.ts'
import { generateSigner } from '../../../shared/tlog/signer.ts'
import { codeOf } from '../tlog/code-of.ts'
import { hour, now, signedText, without } from './makers.ts'
import { build, digest, house, policyJson, role, snpJson } from './policies.ts'

const { root, releasers, timestamp } = await house()
const production = { ...root, use: 'production' } as const
const [ana, ben, cleo] = releasers
const stranger = await generateSigner('stranger.example/policy')
const asked = { root, now }

const signed = (changes: Record<string, unknown> = {}) => signPolicy(policyJson(changes), [ana, ben])

/** What verifyPolicy says of a policy that is signed as it stands, even one that our own maker would not make. */
async function verdictOn(changes: Record<string, unknown>, question: object = {}): Promise<string> {
  const note = await signedText('policy', policyJson(changes), [ana, cleo])
  return codeOf(() => verifyPolicy(note, { ...asked, ...question }))
}

test('a policy comes back as it means, with what the judge takes, its digest and its signers', async () => {
  const note = await signed({ clockSkew: 'PT60S', log: { maxCosignatureAge: 'PT12H' } })
  const measurement = { digest, minGuestSvn: 4, notAfter: now + 30 * 24 * hour, build, hostData: undefined }
  const snp = { ...strictSnp, measurements: [measurement] }
  expect(note.startsWith('asunder policy v1\n{"version":1,"serial":42,')).toBe(true)
  expect(await verifyPolicy(note, asked)).toEqual({
    version: 1,
    serial: 42,
    notBefore: now - 24 * hour,
    notAfter: now + 5 * 24 * hour,
    role,
    snp,
    collateral: strictCrl,
    log: { maxCosignatureAge: 12 * hour },
    binding: { kinds: [1, 2], maxKeyLife: 24 * hour, maxConnAge: hour, nonceTtl: 60_000 },
    clockSkew: 60_000,
    note,
    sha256: createHash('sha256')
      .update(note.slice(0, note.indexOf('\n\n') + 1))
      .digest('hex'),
    signers: [ana.name, ben.name],
    evidence: { role, snp, collateral: strictCrl, clockSkew: 60_000 },
  })
})

test('one more signature changes no digest', async () => {
  const [two, three] = [await signed(), await signPolicy(policyJson(), releasers)]
  const digests = [await verifyPolicy(two, asked), await verifyPolicy(three, asked)].map(({ sha256 }) => sha256)
  expect(digests[0]).toBe(digests[1])
  expect(two).not.toBe(three)
})

test('a policy without snp lets no SEV-SNP evidence in', async () => {
  const note = await signPolicy(without(policyJson(), 'snp'), [ana, ben])
  expect((await verifyPolicy(note, asked)).evidence.snp).toBeUndefined()
})

describe('signatures', () => {
  test.each([
    ['two of three', [ben, cleo], 'accepted'],
    ['one of three', [ana], 'unsigned'],
    ['one of three, twice', [ana, ana], 'unsigned'],
    ['one of three and a stranger', [ana, stranger], 'unsigned'],
    ['one of three and the timestamp key', [ana, timestamp], 'unsigned'],
    ['strangers', [stranger], 'unsigned'],
  ])('%s: %s', async (_, signers, code) => {
    const note = await signPolicy(policyJson(), signers)
    expect(await codeOf(() => verifyPolicy(note, asked))).toBe(code)
  })

  test('a changed text: bad-signature', async () => {
    const note = (await signed()).replace('"serial":42', '"serial":43')
    expect(await codeOf(() => verifyPolicy(note, asked))).toBe('bad-signature')
  })

  test.each(['root', 'serial', 'bundle'] as const)('a text of kind %s: malformed-note', async (kind) => {
    const note = await signedText(kind, policyJson(), [ana, ben])
    expect(await codeOf(() => verifyPolicy(note, asked))).toBe('malformed-note')
  })

  test('the root’s own threshold decides, not the policy', async () => {
    const note = await signPolicy(policyJson(), [ana])
    expect(await codeOf(() => verifyPolicy(note, { ...asked, root: { ...root, policyThreshold: 1 } }))).toBe('accepted')
    expect(await codeOf(() => verifyPolicy(note, { ...asked, root: { ...root, policyThreshold: 3 } }))).toBe('unsigned')
  })
})

describe('time', () => {
  const life = (from: number, to: number) => ({ notBefore: timeText(from), notAfter: timeText(to) })
  const week = policyLimits.life
  test.each([
    ['seven days', life(now - hour, now - hour + week), 'accepted'],
    ['a second more', life(now - hour, now - hour + week + 1000), 'policy-expired'],
    ['no time at all', life(now, now), 'policy-expired'],
    ['an end before its beginning', life(now, now - hour), 'policy-expired'],
    ['over at this moment', life(now - hour, now), 'policy-expired'],
    ['over in a second', life(now - hour, now + 1000), 'accepted'],
    ['begins within the skew', life(now + 120_000, now + hour), 'accepted'],
    ['begins later', life(now + 121_000, now + hour), 'policy-expired'],
  ])('%s: %s', async (_, changes, code) => {
    expect(await verdictOn(changes)).toBe(code)
  })

  test.each([
    ['no time', now, now],
    ['less than that', now, now - 1000],
    ['more than a week', now, now + week + 1000],
  ])('a policy for %s is not even signed', async (_, from, to) => {
    expect(await codeOf(() => policyText(policyJson(life(from, to))))).toBe('policy-expired')
  })

  test('the caller’s skew replaces ours', async () => {
    expect(await verdictOn(life(now + 1000, now + hour), { skew: 0 })).toBe('policy-expired')
  })

  test('under a root that ended: root-expired', async () => {
    expect(await verdictOn({}, { root: { ...root, notAfter: now } })).toBe('root-expired')
  })
})

describe('rolled-back', () => {
  test.each([
    ['as high as the last', { lastSerial: 42 }, 'accepted'],
    ['below the last', { lastSerial: 43 }, 'rolled-back'],
    ['as high as the root’s least', { root: { ...root, minPolicySerial: 42 } }, 'accepted'],
    ['below the root’s least', { root: { ...root, minPolicySerial: 43 } }, 'rolled-back'],
  ])('a serial %s: %s', async (_, question, code) => {
    expect(await verdictOn({}, question)).toBe(code)
  })
})

describe('policy-widens', () => {
  const onlyRoot = rootFieldNames.filter((name) => !['version', 'notAfter', 'chips'].includes(name))
  const names = [...onlyRoot, 'simulated', 'allowSimulated', 'origin', 'signers']
  test.each(names)('%s is not a policy’s to say, at the top or below', async (name) => {
    expect(await verdictOn({ [name]: [] })).toBe('policy-widens')
    expect(await verdictOn({ log: { [name]: 1 } })).toBe('policy-widens')
    expect(await verdictOn({ snp: snpJson({ measurements: [{ [name]: {} }] }) })).toBe('policy-widens')
  })

  test.each([
    [{ log: { maxCosignatureAge: 'PT26H1S' } }],
    [{ binding: { maxKeyLife: 'PT24H1S' } }],
    [{ binding: { maxConnAge: 'PT1H1S' } }],
    [{ binding: { nonceTtl: 'PT61S' } }],
    [{ clockSkew: 'PT121S' }],
  ])('%j', async (changes) => {
    expect(await verdictOn(changes)).toBe('policy-widens')
  })

  test.each([
    ['allowlist', 'allowlist', 'accepted'],
    ['allowlist', 'log', 'policy-widens'],
    ['allowlist', 'any', 'policy-widens'],
    ['log', 'allowlist', 'accepted'],
    ['log', 'log', 'accepted'],
    ['log', 'any', 'policy-widens'],
    ['any', 'any', 'accepted'],
  ] as const)('under a root with chips %s, chips %s: %s', async (chips, mode, code) => {
    expect(await verdictOn({ snp: snpJson({ chips: { mode } }) }, { root: { ...root, chips } })).toBe(code)
  })

  test.each([
    ['debug', { guestPolicy: { debug: 1 } }],
    ['debug unasked', { guestPolicy: { debug: null } }],
    ['a migration agent', { guestPolicy: { migrateMa: null } }],
  ])('%s is for development', async (_, changes) => {
    expect(await verdictOn({ snp: snpJson(changes) })).toBe('accepted')
    expect(await verdictOn({ snp: snpJson(changes) }, { root: production })).toBe('policy-widens')
  })

  test.each([
    ['allowlist', undefined, 'accepted'],
    ['allowlist', 'allowlist', 'accepted'],
    ['allowlist', 'any', 'policy-widens'],
    ['log', 'any', 'policy-widens'],
    ['any', 'any', 'accepted'],
  ] as const)('under a root with chips %s, TDX platforms %s: %s', async (chips, mode, code) => {
    const tdx = mode === undefined ? {} : { chips: { mode } }
    expect(await verdictOn({ tdx }, { root: { ...root, chips } })).toBe(code)
  })

  test.each(['debug', 'migratable'])('%s of a TD is for development', async (rule) => {
    for (const bound of [1, null]) {
      const tdx = { attributes: { [rule]: bound } }
      expect(await verdictOn({ tdx })).toBe('accepted')
      expect(await verdictOn({ tdx }, { root: production })).toBe('policy-widens')
    }
  })

  test('Milan in production counts only chip by chip', async () => {
    const snp = (mode: string) => ({ snp: snpJson({ products: ['Milan'], chips: { mode } }) })
    const wide = { ...production, chips: 'any' as const }
    expect(await verdictOn(snp('allowlist'), { root: wide })).toBe('accepted')
    expect(await verdictOn(snp('any'), { root: wide })).toBe('policy-widens')
    expect(await verdictOn(snp('any'), { root: { ...root, chips: 'any' } })).toBe('accepted')
  })
})

describe('bad-encoding', () => {
  test.each(['version', 'serial', 'notBefore', 'notAfter', 'role'])('without %s', async (name) => {
    const note = await signedText('policy', without(policyJson(), name), [ana, ben])
    expect(await codeOf(() => verifyPolicy(note, asked))).toBe('bad-encoding')
  })

  const [entry] = (snpJson() as { measurements: Record<string, unknown>[] }).measurements
  const entryOfTd = { digest, notAfter: timeText(now + hour), build: `sha256:${build}` }
  const measurements = (...list: unknown[]) => ({ snp: snpJson({ measurements: list }) })
  test.each<[string, Record<string, unknown>]>([
    ['another version', { version: 2 }],
    ['serial 0', { serial: 0 }],
    ['a role of two lines', { role: 'a\nb' }],
    ['a role of nothing', { role: '' }],
    ['a role with a character that nobody sees', { role: 'a\u200bb' }],
    ['an unknown key', { extra: 1 }],
    ['an unknown section', { sgx: {} }],
    ['an unknown key below', { binding: { more: 1 } }],
    ['binding kind 3', { binding: { kinds: [1, 2, 3] } }],
    ['binding kind 3 in place of 2', { binding: { kinds: [3] } }],
    ['a duration in words', { clockSkew: 'two minutes' }],
    ['a measurement without its build', measurements(without(entry ?? {}, 'build'))],
    ['a measurement without its end', measurements(without(entry ?? {}, 'notAfter'))],
    ['an MRTD without end and build', { tdx: { mrtd: [digest] } }],
    ['an MRTD without build', { tdx: { mrtd: [{ digest, notAfter: timeText(now) }] } }],
    ['an image of a TD twice', { tdx: { mrtd: [entryOfTd, entryOfTd] } }],
    ['a measurement twice', measurements(entry, { ...entry, hostData: '11'.repeat(32) })],
  ])('%s', async (_, changes) => {
    expect(await verdictOn(changes)).toBe('bad-encoding')
    expect(await codeOf(() => policyText(policyJson(changes)))).toBe('bad-encoding')
  })
})

test('every mistake of a policy is told at once, each with its path', () => {
  const changes = {
    serial: 'x',
    clockSkew: 'PT1H',
    logs: [],
    snp: snpJson({ allowVlek: 1, measurements: [{ digest: 'AA' }], guestPolicy: { debug: 2 } }),
  }
  try {
    readPolicyFields(policyJson(changes))
    expect.unreachable()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const paths = refusalsOf(error).map(({ message }) => message.split(' ')[0])
    expect(new Set(paths)).toEqual(
      new Set([
        'policy.logs',
        'policy.serial',
        'policy.clockSkew',
        'policy.snp.allowVlek',
        ...['digest', 'notAfter', 'build'].map((key) => `policy.snp.measurements[0].${key}`),
        'policy.snp.guestPolicy.debug',
      ]),
    )
  }
})
