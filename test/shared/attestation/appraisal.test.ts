/** The appraisal of published keys: every rule of trust.md 2-6 that a bundle can break, and the end of each thing it rests on. */
import { sha256 } from '@noble/hashes/sha2.js'
import { beforeAll, describe, expect, test } from 'vitest'
import { appraise, type AppraisalQuestion } from '../../../shared/attestation/appraisal.ts'
import { verifyBundle, type AttestedBundle, type CvmEntry } from '../../../shared/attestation/bundle.ts'
import { nothingSeen } from '../../../shared/attestation/seen.ts'
import { keyBinding } from '../../../shared/attestation/key-evidence.ts'
import { reportData } from '../../../shared/attestation/report-data.ts'
import { policySha256, signPolicy } from '../../../shared/attestation/signed-policy.ts'
import { signStatement } from '../../../shared/attestation/serial-statement.ts'
import { verifyPolicy } from '../../../shared/attestation/signed-policy.ts'
import { anchorOfNote } from '../../../shared/tlog/anchor.ts'
import { parseNote } from '../../../shared/tlog/note.ts'
import { cvmId } from '../../../shared/attestation/bundle-fields.ts'
import { concat, utf8 } from '../../../shared/bytes.ts'
import { codeOf } from '../tlog/code-of.ts'
import { fleet, keyBytes, listOf, role, type EntryChanges, type Fleet } from './fleet.ts'
import { hardwareHouse, hardwareJson, identityLeaf, judged } from './machine.ts'
import { hour, now } from './makers.ts'
import { leafOf, policyJson, role as hardwareRole } from './policies.ts'
import { ask } from './sev-snp/forge.ts'

const minute = 60_000
let ships: Fleet
let entry: CvmEntry
let good: AttestedBundle
beforeAll(async () => {
  ships = await fleet({ at: now, machines: 2 })
  entry = await ships.entry(keyBytes('one'))
  good = await ships.bundle([entry])
})

const question = (bundle: AttestedBundle, more: Partial<AppraisalQuestion> = {}): AppraisalQuestion => ({
  bundle,
  root: ships.root,
  now,
  allowSimulated: ships.allowSimulated,
  ...more,
})
const code = (bundle: AttestedBundle, more: Partial<AppraisalQuestion> = {}) =>
  codeOf(() => appraise(question(bundle, more)))
const withEntry = async (changes: EntryChanges) => ships.bundle([await ships.entry(keyBytes('one'), changes)])

test('a bundle that holds: who is behind each key, how fresh, until when, and what to remember', async () => {
  const two = await ships.bundle([entry, await ships.entry(keyBytes('two'), { machine: 1 })])
  const appraisal = await appraise(question(two))
  expect(appraisal).toMatchObject({ cvms: 2, chips: 2, age: 'fresh', stated: now - hour, notAfter: now + 50 * minute })
  expect(appraisal.policy.serial).toBe(42)
  expect(appraisal.keys.map(({ id }) => id)).toEqual(two.cvms.map(({ id }) => id))
  expect(appraisal.keys[0]).toMatchObject({ anchor: 'fresh', anchored: now - hour, verdict: { simulated: true, role } })
  expect(appraisal.seen).toMatchObject({ policies: { [role]: { serial: 42 } }, newest: now - hour })
  const verified = await verifyBundle({ note: await ships.signed(two), ...question(two), placement: 'sealed' })
  expect(verified.appraisal).toEqual(appraisal)
})

describe('what evidence binds must be what the entry says', () => {
  test.each<[string, EntryChanges]>([
    ['another key', { bound: { keyConfigSha256: sha256(utf8('another key')) } }],
    ['another role', { bound: { role: 'other' } }],
    ['an earlier beginning', { bound: { notBefore: now - 6 * minute } }],
    ['an earlier end', { bound: { notAfter: now + 40 * minute } }],
    ['another policy', { bound: { policySha256: '00'.repeat(32) } }],
    ['another anchor', { bound: { anchor: new Uint8Array(40) } }],
  ])('%s: binding-mismatch', async (_what, changes) => {
    expect(await code(await withEntry(changes))).toBe('binding-mismatch')
  })

  test('a key swapped under evidence of another: binding-mismatch', async () => {
    const keyConfig = keyBytes('mine')
    const swapped = { ...entry, keyConfig, id: cvmId(keyConfig) }
    expect(await code(await ships.bundle([swapped]))).toBe('binding-mismatch')
  })

  test('two entries whose evidence changed places: binding-mismatch', async () => {
    const other = await ships.entry(keyBytes('two'), { machine: 1 })
    const crossed = [
      { ...entry, evidence: other.evidence },
      { ...other, evidence: entry.evidence },
    ]
    expect(await code(await ships.bundle(crossed))).toBe('binding-mismatch')
  })

  test('evidence of a link, offered for a key: binding-mismatch', async () => {
    const [spki_sha256, nonce, exporter] = [new Uint8Array(32), new Uint8Array(32), new Uint8Array(32)]
    const evidence = await ships.attested(0, reportData({ kind: 1, role, spki_sha256, nonce, exporter }))
    expect(await code(await ships.bundle([{ ...entry, evidence }]))).toBe('binding-mismatch')
  })

  test('report_data of zeros: binding-mismatch', async () => {
    const evidence = await ships.attested(0, new Uint8Array(64))
    expect(await code(await ships.bundle([{ ...entry, evidence }]))).toBe('binding-mismatch')
  })

  test('one unattested key among attested ones refuses them all', async () => {
    const rider = { ...entry, keyConfig: keyBytes('rider'), id: cvmId(keyBytes('rider')) }
    expect(await code(await ships.bundle([entry, rider]))).toBe('binding-mismatch')
  })
})

describe('the list of placement inside', () => {
  let inside: Fleet
  let cvms: CvmEntry[]
  beforeAll(async () => {
    inside = await fleet({ at: now, placement: 'inside' })
    cvms = [await inside.entry(keyBytes('a')), await inside.entry(keyBytes('b', 0x647a))]
  })
  const listed = async (keys: AttestedBundle['keys']) =>
    codeOf(async () =>
      appraise({
        ...question(await inside.bundle(cvms, { keys })),
        root: inside.root,
        allowSimulated: inside.allowSimulated,
      }),
    )

  test('is its entries, in their order', async () => {
    expect(await listed(listOf(cvms))).toBe('accepted')
  })

  test.each<[string, () => AttestedBundle['keys']]>([
    ['in another order', () => listOf(cvms.toReversed())],
    ['with a rider', () => concat(listOf(cvms), listOf([{ keyConfig: keyBytes('rider') }]))],
    ['without one of them', () => listOf(cvms.slice(1))],
    ['another list', () => listOf([{ keyConfig: keyBytes('x') }, { keyConfig: keyBytes('y') }])],
    ['a byte more', () => concat(listOf(cvms), utf8('x'))],
  ])('%s: bundle-mismatch', async (_what, keys) => {
    expect(await listed(keys())).toBe('bundle-mismatch')
  })
})

test.each([
  ['sealed', 'outer'],
  ['inside', 'inner'],
] as const)('in %s a key of layer %s: bundle-mismatch', async (placement, layer) => {
  const ship = await fleet({ at: now, placement })
  const bundle = await ship.bundle([await ship.entry(keyBytes('one'), { said: { layer } })])
  const asked = { ...question(bundle), root: ship.root, allowSimulated: ship.allowSimulated }
  expect(await codeOf(() => appraise(asked))).toBe('bundle-mismatch')
})

describe('the life of a key', () => {
  test.each<[string, Partial<CvmEntry>, number, string]>([
    ['an inner key of an hour', { notBefore: now - 5 * minute, notAfter: now + 55 * minute }, now, 'accepted'],
    [
      'of an hour and a second',
      { notBefore: now - 5 * minute, notAfter: now + 55 * minute + 1000 },
      now,
      'key-expired',
    ],
    ['of nothing', { notBefore: now + hour, notAfter: now + hour }, now, 'key-expired'],
    ['two minutes before it begins', {}, now - 7 * minute, 'accepted'],
    ['earlier', {}, now - 7 * minute - 1, 'key-expired'],
    ['in its last millisecond', {}, now + 50 * minute - 1, 'accepted'],
    ['after it', {}, now + 50 * minute, 'key-expired'],
  ])('%s: %s', async (_what, said, at, wanted) => {
    const bundle = await ships.bundle([await ships.entry(keyBytes('one'), { said })], { notAfter: now + minute })
    expect(await code(bundle, { now: at })).toBe(wanted)
  })

  test('a policy may want keys that live shorter', async () => {
    const ship = await fleet({ at: now })
    const bundle = async (more: object) => ship.bundle([await ship.entry(keyBytes('one'))], await ship.notes({ more }))
    const asked = { root: ship.root, allowSimulated: ship.allowSimulated }
    expect(await code(await bundle({ binding: { maxKeyLife: 'PT55M' } }), asked)).toBe('accepted')
    expect(await code(await bundle({ binding: { maxKeyLife: 'PT54M' } }), asked)).toBe('key-expired')
    expect(await code(await bundle({ binding: { kinds: [1] } }), asked)).toBe('policy-refused')
  })
})

describe('the anchor', () => {
  const anchored = async (time: number) => withEntry({ said: { anchor: await ships.anchor(time) } })

  test.each([
    [26 * hour, 'fresh'],
    [26 * hour + 1000, 'stale'],
    [98 * hour, 'stale'],
  ])('%i ms old: %s', async (age, wanted) => {
    const appraisal = await appraise(question(await anchored(now - age)))
    expect(appraisal.age).toBe(wanted)
    expect(appraisal.keys[0]?.anchored).toBe(now - age)
    expect(appraisal.notAfter).toBe(Math.min(now + 50 * minute, now - age + 98 * hour))
  })

  test('one that is older, from the future, without a quorum, or none', async () => {
    expect(await code(await anchored(now - 98 * hour - 1000))).toBe('cosignature-too-old')
    expect(await code(await anchored(now + 121_000))).toBe('cosignature-from-future')
    const alone = (await ships.anchor()).replace(/— b[^\n]*\n/u, '')
    expect(await code(await withEntry({ said: { anchor: alone } }))).toBe('quorum-not-met')
    const none = await ships.bundle([{ ...entry, anchor: 'hello' }])
    expect(await code(none)).toBe('malformed-note')
  })
})

describe('the policy', () => {
  test('is the current one, or nothing counts', async () => {
    const old = await ships.notes({ serial: 41, stated: 42 })
    expect(await code({ ...good, ...old })).toBe('rolled-back')
    const late = await ships.notes({ time: now - 25 * hour })
    expect(await code({ ...good, ...late })).toBe('statement-too-old')
    expect(await code({ ...good, policyProof: '' })).toBe('no-proof')
    expect(await code({ ...good, policy: good.statement })).toBe('unsigned')
    const seen = { ...nothingSeen, policies: { [role]: { serial: 43, time: 0 } } }
    expect(await code(good, { seen })).toBe('rolled-back')
  })

  test('a newer one does not invalidate a key that was made under an older', async () => {
    expect(await code({ ...good, ...(await ships.notes({ serial: 43 })) })).toBe('accepted')
  })

  test('for another role than the caller means: role-refused', async () => {
    expect(await code(good, { role: 'other' })).toBe('role-refused')
    expect(await code(good, { role })).toBe('accepted')
  })

  test('the smallest numbers of CVMs and chips are counted over keys of one KEM', async () => {
    const ship = await fleet({ at: now, machines: 2 })
    const asked = { root: ship.root, allowSimulated: ship.allowSimulated }
    const keys = [
      await ship.entry(keyBytes('a', 0x20)),
      await ship.entry(keyBytes('b', 0x647a)),
      await ship.entry(keyBytes('c', 0x20), { machine: 1 }),
    ]
    const wanting = async (cvms: readonly CvmEntry[], snp: object) =>
      code(await ship.bundle(cvms, await ship.notes({ more: { snp } })), asked)
    expect(await wanting(keys, { minCvms: 2, minChips: 2 })).toBe('accepted')
    expect(await wanting(keys.slice(0, 2), { minCvms: 2 })).toBe('too-few-machines')
    expect(await wanting(keys, { minCvms: 3 })).toBe('too-few-machines')
    expect(await wanting(keys.slice(0, 2), { minChips: 2 })).toBe('too-few-machines')
  })
})

describe('simulated evidence', () => {
  test.each<[string, Partial<AppraisalQuestion>, string]>([
    ['without the caller’s leave', { allowSimulated: undefined }, 'simulated-not-allowed'],
    ['of another measurement', { allowSimulated: { rootSha256: '', measurement: '' } }, 'bad-chain'],
  ])('%s: refused', async (_what, more, wanted) => {
    const given = more.allowSimulated
    const allowSimulated = given && { ...ships.allowSimulated, rootSha256: '00'.repeat(32) }
    expect(await code(good, { allowSimulated })).toBe(wanted)
  })

  test('under a production root: refused, whatever the caller says', async () => {
    const root = { ...ships.root, use: 'production' } as const
    expect(await code(good, { root })).toBe('simulated-not-allowed')
  })

  test('shows no log proof, since no log knows it: bundle-mismatch', async () => {
    expect(await code(await ships.bundle([{ ...entry, proof: good.policyProof }]))).toBe('bundle-mismatch')
  })

  test('that was withdrawn long ago has ended', async () => {
    expect(await code(good, { now: now + 100 * hour })).not.toBe('accepted')
  })
})

describe('hardware evidence', () => {
  const spoken = [
    [0, now - hour],
    [1, now - hour],
  ] as const

  async function hardware(change: (entry: CvmEntry) => CvmEntry = (one) => one) {
    const { root, releasers, timestamp, log } = await hardwareHouse()
    const note = await signPolicy(policyJson({ snp: hardwareJson() }), releasers)
    log.add(leafOf(note))
    const policy = await verifyPolicy(note, { root, now })
    log.add(identityLeaf(await judged(policy, root, now), policy))
    const [keyConfig, anchor] = [keyBytes('real'), await log.note(spoken)]
    const [notBefore, notAfter] = [now - 5 * minute, now + 50 * minute]
    const bound = {
      ...{ role: hardwareRole, keyConfigSha256: sha256(keyConfig), anchor: anchorOfNote(anchor), notBefore, notAfter },
      policySha256: policySha256(parseNote(note).text),
    }
    const { evidence } = ask({ report: { reportData: reportData(keyBinding(bound)) } })
    const proof = await log.proof(identityLeaf(await judged(policy, root, now), policy), spoken)
    const times = { notBefore, notAfter, policySha256: bound.policySha256 }
    const one = change({ id: cvmId(keyConfig), layer: 'inner', keyConfig, evidence, anchor, ...times, proof })
    const policyProof = await log.proof(leafOf(note), spoken)
    const statement = await signStatement({ role: hardwareRole, serial: 42, time: now - hour }, timestamp)
    const common = { serial: 1, placement: 'sealed', notBefore, notAfter, keys: utf8('k'), roots: [] } as const
    const bundle: AttestedBundle = { ...common, policy: note, policyProof, statement, cvms: [one] }
    return { bundle, root, now } satisfies AppraisalQuestion
  }

  test('with its release in the log', async () => {
    const appraisal = await appraise(await hardware())
    expect(appraisal).toMatchObject({ cvms: 1, chips: 1 })
    expect(appraisal.keys[0]?.verdict).toMatchObject({ kind: 'sev-snp', simulated: false, role: hardwareRole })
    expect(Object.keys(appraisal.seen.crlNumbers)).toEqual(['Genoa'])
  })

  test('without it: no-proof, or another leaf', async () => {
    expect(await codeOf(async () => appraise(await hardware((one) => ({ ...one, proof: '' }))))).toBe('no-proof')
    const wrong = await hardware()
    const crossed = {
      ...wrong.bundle,
      cvms: wrong.bundle.cvms.map((one) => ({ ...one, proof: wrong.bundle.policyProof })),
    }
    expect(await codeOf(() => appraise({ ...wrong, bundle: crossed }))).toBe('root-mismatch')
  })

  test('for another key: binding-mismatch', async () => {
    const keyConfig = keyBytes('mine')
    const swapped = await hardware((one) => ({ ...one, keyConfig, id: cvmId(keyConfig) }))
    expect(await codeOf(() => appraise(swapped))).toBe('binding-mismatch')
  })
})
