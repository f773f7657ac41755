/** What counts only if a log has it: policies, identities and anchors. trust.md 4 and 6, attestation.md d.2. */
import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { anchorAges, releaseOf, verifyAnchor } from '../../../shared/attestation/logged.ts'
import { verifyLoggedIdentity, verifyLoggedPolicy } from '../../../shared/attestation/logged.ts'
import { nothingSeen, treeSeen, type Seen } from '../../../shared/attestation/seen.ts'
import { signPolicy, verifyPolicy, type VerifiedPolicy } from '../../../shared/attestation/signed-policy.ts'
import type { Verdict } from '../../../shared/attestation/verdict.ts'
import { base64, concat, fromBase64, fromHex, hex, uint64, utf8, type Bytes } from '../../../shared/bytes.ts'
import { keysLeaf, releaseLeaf } from '../../../shared/tlog/release.ts'
import { codeOf } from '../tlog/code-of.ts'
import { filler, ledger, origin, type Spoken } from './ledger.ts'
import { hardwareHouse, hardwareJson, identityLeaf, judged } from './machine.ts'
import { hour, now, without } from './makers.ts'
import { build, digest, leafOf, policyJson, role } from './policies.ts'

const at = await hardwareHouse()
const { root, log } = at
const spoken: Spoken = [
  [0, now - hour],
  [1, now - 2 * hour],
]
const asked = { root, now }

let policy: VerifiedPolicy
let verdict: Verdict
let policyProof: string
let identityProof: string

beforeAll(async () => {
  const note = await signPolicy(policyJson({ snp: hardwareJson() }), at.releasers)
  policy = await verifyPolicy(note, asked)
  verdict = await judged(policy, root, now)
  log.add(filler(0))
  log.add(leafOf(note))
  log.add(identityLeaf(verdict, policy))
  log.add(keysLeaf(fromHex(policy.sha256)))
  policyProof = await log.proof(leafOf(note), spoken)
  identityProof = await log.proof(identityLeaf(verdict, policy), spoken)
})

const memory = (changes: Partial<Seen>): Seen => ({ ...nothingSeen, ...changes })
const tree = (size: number, fill: number) => ({
  checkpoints: treeSeen({ origin, size, root: new Uint8Array(32).fill(fill) }),
})

describe('a policy', () => {
  const check = (proof: string, question: object = {}) =>
    codeOf(() => verifyLoggedPolicy(policy, proof, { ...asked, ...question }))

  test('in the log with its quorum', async () => {
    const logged = await verifyLoggedPolicy(policy, policyProof, asked)
    expect(logged).toMatchObject({ origin, size: 4, index: 1, oldest: now - 2 * hour, newest: now - hour })
  })

  test('its leaf is the design’s, byte for byte', async () => {
    const text = Buffer.concat([Buffer.from('asunder policy v1\n'), Buffer.from(policy.sha256, 'hex')])
    const other = await ledger()
    other.add(new Uint8Array(text))
    const proof = await other.proof(new Uint8Array(text), spoken)
    expect(await check(proof, { root: { ...root, ...other.trust } })).toBe('accepted')
  })

  test.each([
    ['no proof', () => '', 'no-proof'],
    ['a proof of an identity', () => identityProof, 'root-mismatch'],
    [
      'a proof of an identity whose extra line holds our leaf',
      () => identityProof.replace('\nindex', `\nextra ${base64(leafOf(policy.note))}\nindex`),
      'root-mismatch',
    ],
    ['another index', () => policyProof.replace('index 1', 'index 0'), 'root-mismatch'],
    ['an index beyond the tree', () => policyProof.replace('index 1', 'index 4'), 'index-out-of-range'],
    ['a damaged hash', () => damagedLine(policyProof, 2), 'root-mismatch'],
    ['a hash less', () => withoutLine(policyProof, 2), 'proof-too-short'],
    ['a hash more', () => twiceLine(policyProof, 2), 'proof-too-long'],
    ['no proof at all, in words', () => 'trust me\n\n', 'malformed-proof'],
    ['a checkpoint without witnesses', () => withoutLine(withoutLine(policyProof, -2), -2), 'quorum-not-met'],
    ['a checkpoint with one witness', () => withoutLine(policyProof, -2), 'quorum-not-met'],
    ['one witness twice', () => twiceLine(withoutLine(policyProof, -2), -2), 'witness-repeated'],
    ['a changed checkpoint', () => policyProof.replace(`\n${origin}\n4\n`, `\n${origin}\n5\n`), 'bad-signature'],
  ])('%s: refused', async (_, proof, code) => {
    expect(await check(proof())).toBe(code)
  })

  test('in a log that the root does not name: wrong-origin, or unknown-log-key under its name', async () => {
    for (const [name, code] of [
      ['elsewhere.example', 'wrong-origin'],
      [origin, 'unknown-log-key'],
    ] as const) {
      const other = await ledger(name)
      other.add(leafOf(policy.note))
      expect(await check(await other.proof(leafOf(policy.note), spoken))).toBe(code)
    }
  })

  test('an extra line is nobody’s word and changes nothing', async () => {
    expect(await check(policyProof.replace('\nindex', '\nextra AAAA\nindex'))).toBe('accepted')
  })

  test('under a root without logs: no-proof', async () => {
    expect(await check(policyProof, { root: { ...root, logs: [], witnesses: [], quorum: 0 } })).toBe('no-proof')
  })

  test('a cosignature from the future: refused; an old one is not, since proofs do not age', async () => {
    expect(await check(policyProof, { now: now - hour - 121_000 })).toBe('cosignature-from-future')
    expect(await check(policyProof, { now: now - hour - 120_000 })).toBe('accepted')
    expect(await check(policyProof, { now: now + 1000 * hour })).toBe('accepted')
  })

  test.each([
    ['a smaller tree seen', tree(3, 1), 'accepted'],
    ['a larger tree seen', tree(5, 1), 'checkpoint-rolled-back'],
    ['another tree of this size seen', tree(4, 1), 'split-view'],
    ['another log seen', { checkpoints: { other: { size: 99, root: '00'.repeat(32) } } }, 'accepted'],
    ['a newer cosignature seen than our clock', { newest: now + 121_000 }, 'cosignature-from-future'],
  ])('with %s: %s', async (_, changes, code) => {
    expect(await check(policyProof, { seen: memory(changes) })).toBe(code)
  })
})

describe('an identity', () => {
  const check = (proof: string, question: object = {}, said: Verdict = verdict) =>
    codeOf(() => verifyLoggedIdentity(said, proof, { ...asked, policy, ...question }))

  test('in the log with its quorum', async () => {
    const logged = await verifyLoggedIdentity(verdict, identityProof, { ...asked, policy })
    expect(logged).toMatchObject({ origin, size: 4, index: 2 })
  })

  test('its leaf holds role, kind, identity, and what the policy’s entry adds', () => {
    const tuple = `010030${digest}020020${'00'.repeat(32)}030000040000050000060000070000080000090010${hex(utf8(role))}`
    const identity = createHash('sha256').update(fromHex(tuple)).digest('hex')
    const lines = [role, 'sev-snp', identity, '4', '2026-12-22T12:00:00Z', build, '']
    expect(releaseLeaf(releaseOf(verdict, policy))).toEqual(utf8(`asunder release v1\n${lines.join('\n')}`))
  })

  test.each([
    ['no proof', () => '', 'no-proof'],
    ['the proof of the policy', () => policyProof, 'root-mismatch'],
    ['a checkpoint with one witness', () => withoutLine(identityProof, -2), 'quorum-not-met'],
  ])('%s: refused', async (_, proof, code) => {
    expect(await check(proof())).toBe(code)
  })

  const policyWith = (changes: object): VerifiedPolicy => {
    const measurements = policy.snp?.measurements.map((one) => ({ ...one, ...changes })) ?? []
    return { ...policy, snp: policy.snp && { ...policy.snp, measurements } }
  }
  test.each([
    ['another floor of its version', { minGuestSvn: 3 }],
    ['another end', { notAfter: now + 31 * 24 * hour }],
    ['another build', { build: 'ee'.repeat(32) }],
  ])('a policy that gives it %s: another leaf', async (_, changes) => {
    expect(await check(identityProof, { policy: policyWith(changes) })).toBe('root-mismatch')
  })

  test('an entry without its build proves nothing: no-proof', async () => {
    expect(await check(identityProof, { policy: policyWith({ build: undefined }) })).toBe('no-proof')
  })

  test.each<[string, object, string]>([
    ['other settings', { hostData: '11'.repeat(32) }, 'root-mismatch'],
    ['another ID key', { idKeyDigest: '11'.repeat(48) }, 'root-mismatch'],
    ['another image', { measurement: '11'.repeat(48) }, 'measurement-refused'],
    ['another role', { role: 'other-cvm' }, 'role-refused'],
  ])('evidence of %s: %s', async (_, changes, code) => {
    const identity = { ...(verdict.identity ?? expect.unreachable()), ...changes }
    expect(await check(identityProof, {}, { ...verdict, identity })).toBe(code)
  })

  test('a verdict for another role: role-refused; of a kind that the policy does not list: measurement-refused', async () => {
    expect(await check(identityProof, {}, { ...verdict, role: 'other-cvm' })).toBe('role-refused')
    expect(await check(identityProof, { policy: { ...policy, role: 'other-cvm' } })).toBe('role-refused')
    expect(await check(identityProof, {}, { ...verdict, kind: 'tdx' })).toBe('measurement-refused')
  })

  test('simulated evidence has no identity that a log could know: no-proof', async () => {
    const simulated = without(verdict, 'identity') as unknown as Verdict
    expect(await check(identityProof, {}, simulated)).toBe('no-proof')
  })

  test('it ends with its leaf: measurement-expired', async () => {
    const end = now + 30 * 24 * hour
    expect(await check(identityProof, { now: end - 1 })).toBe('accepted')
    expect(await check(identityProof, { now: end })).toBe('measurement-expired')
  })

  test('an older tree is no rollback, another tree of its size is a fork', async () => {
    expect(await check(identityProof, { seen: memory(tree(5, 1)) })).toBe('accepted')
    expect(await check(identityProof, { seen: memory(tree(4, 1)) })).toBe('split-view')
  })
})

describe('an anchor', () => {
  const [fresh, stale] = [anchorAges.fresh, anchorAges.stale]
  /** The quorum's second voice is two hours older. */
  const older = now - 2 * hour
  const check = async (question: object = {}) =>
    codeOf(async () => verifyAnchor(await log.note(spoken), { ...asked, ...question }))

  test('is the digest of the whole note and its size, with its age and end', async () => {
    const note = await log.note(spoken)
    const found = await verifyAnchor(note, asked)
    const expected = concat(createHash('sha256').update(note).digest(), uint64(4)) satisfies Bytes
    expect(found.anchor).toEqual(expected)
    expect(found).toMatchObject({ age: 'fresh', notAfter: older + 98 * hour })
  })

  test.each([
    ['at 26 hours', older + fresh, 'fresh'],
    ['a moment later', older + fresh + 1, 'stale'],
    ['after 72 more', older + fresh + stale, 'stale'],
    ['after that', older + fresh + stale + 1, 'cosignature-too-old'],
  ])('%s: %s', async (_, time, expected) => {
    const asking = { ...asked, now: time }
    const note = await log.note(spoken)
    const age = async () => (await verifyAnchor(note, asking)).age
    const found = await codeOf(age)
    expect(found === 'accepted' ? await age() : found).toBe(expected)
  })

  test.each([
    [12 * hour, older + 12 * hour, 'fresh'],
    [12 * hour, older + 12 * hour + 1, 'stale'],
    [90 * hour, older + 26 * hour + 1, 'stale'],
  ])('a policy may want it within %i ms, and not later than we do', async (maxCosignatureAge, time, age) => {
    expect((await verifyAnchor(await log.note(spoken), { ...asked, now: time, maxCosignatureAge })).age).toBe(age)
  })

  test('from the future, from a fork, or with a clock that must be wrong: refused', async () => {
    expect(await check({ now: now - hour - 121_000 })).toBe('cosignature-from-future')
    expect(await check({ seen: memory(tree(4, 1)) })).toBe('split-view')
    expect(await check({ seen: memory({ newest: now + 121_000 }) })).toBe('cosignature-from-future')
    expect(await check({ seen: memory(tree(5, 1)) })).toBe('accepted')
  })
})

function withoutLine(text: string, index: number): string {
  const lines = text.split('\n')
  return lines.toSpliced(index, 1).join('\n')
}

function twiceLine(text: string, index: number): string {
  const lines = text.split('\n')
  return lines.toSpliced(index, 0, lines.at(index) ?? '').join('\n')
}

/** A line of base64 with its first octet changed. */
function damagedLine(text: string, index: number): string {
  const lines = text.split('\n')
  const bytes = fromBase64(lines[index] ?? '')
  bytes[0] = (bytes[0] ?? 0) ^ 1
  return lines.with(index, base64(bytes)).join('\n')
}
