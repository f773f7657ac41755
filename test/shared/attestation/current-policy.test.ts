/** Policy, proof and statement together: what holds now, and what must be remembered of it. trust.md 1, 2 and 6. */
import { beforeAll, describe, expect, test } from 'vitest'
import { verifyCurrentPolicy } from '../../../shared/attestation/current-policy.ts'
import { nothingSeen, type Seen } from '../../../shared/attestation/seen.ts'
import { signStatement } from '../../../shared/attestation/serial-statement.ts'
import { signPolicy } from '../../../shared/attestation/signed-policy.ts'
import { hex } from '../../../shared/bytes.ts'
import { parseCheckpoint } from '../../../shared/tlog/checkpoint.ts'
import { parseNote } from '../../../shared/tlog/note.ts'
import { codeOf } from '../tlog/code-of.ts'
import { origin, type Spoken } from './ledger.ts'
import { hour, now } from './makers.ts'
import { house, leafOf, policyJson, role } from './policies.ts'

const { root, releasers, timestamp, log } = await house()
const day = 24 * hour
const spoken: Spoken = [
  [0, now - hour],
  [2, now - 3 * hour],
]

type Offer = { readonly policy: string; readonly proof: string; readonly statement: string }
let offer: Offer

beforeAll(async () => {
  offer = await offered(42)
})

async function offered(serial: number, stated = serial, time = now - hour): Promise<Offer> {
  const policy = await signPolicy(policyJson({ serial }), releasers)
  log.add(leafOf(policy))
  const proof = await log.proof(leafOf(policy), spoken)
  return { policy, proof, statement: await signStatement({ role, serial: stated, time }, timestamp) }
}

const codeFor = (given: Offer, question: object = {}) =>
  codeOf(() => verifyCurrentPolicy({ ...given, root, now, ...question }))
const memory = (changes: Partial<Seen>): Seen => ({ ...nothingSeen, ...changes })

test('all three hold: the policy, its end, and what is to be remembered', async () => {
  const { policy, statement, logged, notAfter, seen } = await verifyCurrentPolicy({ ...offer, root, now })
  const checkpoint = parseCheckpoint(parseNote(await log.note([])).text, [origin])
  expect(policy.serial).toBe(42)
  expect(statement).toEqual({ role, serial: 42, time: now - hour, notAfter: now + 23 * hour })
  expect(logged).toMatchObject({ origin, size: checkpoint.size })
  expect(notAfter).toBe(now + 23 * hour)
  expect(seen).toEqual({
    ...nothingSeen,
    policies: { [role]: { serial: 42, time: now - hour } },
    checkpoints: { [origin]: { size: checkpoint.size, root: hex(checkpoint.root) } },
    newest: now - hour,
  })
})

test.each([
  ['the statement', {}, now + 23 * hour],
  ['the policy', { notAfter: now + 2 * hour }, now + 2 * hour],
  ['the root', { rootEnds: now + hour }, now + hour],
])('it ends with whichever ends first: %s', async (_, changes: { notAfter?: number; rootEnds?: number }, end) => {
  const policy =
    changes.notAfter === undefined ? {} : { notAfter: new Date(changes.notAfter).toISOString().replace('.000', '') }
  const note = await signPolicy(policyJson({ serial: 42, ...policy }), releasers)
  log.add(leafOf(note))
  const given = { ...offer, policy: note, proof: await log.proof(leafOf(note), spoken) }
  const under = { ...root, notAfter: changes.rootEnds ?? root.notAfter }
  expect((await verifyCurrentPolicy({ ...given, root: under, now })).notAfter).toBe(end)
})

describe('a fresh install', () => {
  test('is not fooled by last week’s policy: the statement says which serial is current', async () => {
    expect(await codeFor(await offered(41, 42))).toBe('rolled-back')
  })

  test('nor by last week’s policy with last week’s statement', async () => {
    expect(await codeFor(await offered(41, 41, now - 7 * day))).toBe('statement-too-old')
  })

  test('takes a policy that is newer than the statement', async () => {
    expect(await codeFor(await offered(43, 42))).toBe('accepted')
  })
})

describe('somebody who remembers', () => {
  const policies = (serial: number, time = 0) => ({ seen: memory({ policies: { [role]: { serial, time } } }) })
  test.each([
    ['this policy', policies(42, now - hour), 'accepted'],
    ['a newer policy', policies(43), 'rolled-back'],
    ['a newer statement', policies(42, now - hour + 1000), 'rolled-back'],
    [
      'a newer policy for another role',
      { seen: memory({ policies: { other: { serial: 99, time: now } } }) },
      'accepted',
    ],
    ['a newer cosignature than the clock', { seen: memory({ newest: now + 121_000 }) }, 'cosignature-from-future'],
    [
      'a larger tree',
      { seen: memory({ checkpoints: { [origin]: { size: 1000, root: '11'.repeat(32) } } }) },
      'checkpoint-rolled-back',
    ],
  ])('%s: %s', async (_, question, code) => {
    expect(await codeFor(offer, question)).toBe(code)
  })

  test('hears first that the clock is wrong, whatever else it makes look wrong', async () => {
    const question = { now: now - 30 * day, seen: memory({ newest: now }) }
    expect(await codeFor(offer, question)).toBe('cosignature-from-future')
    expect(await codeFor(offer, { now: now - 30 * day })).toBe('policy-expired')
  })

  test('remembers what it knew before as well', async () => {
    const before = memory({
      serial: 5,
      policies: { other: { serial: 3, time: 4 } },
      newest: now,
      crlNumbers: { Genoa: 4 },
    })
    const { seen } = await verifyCurrentPolicy({ ...offer, root, now, seen: before })
    expect(seen).toMatchObject({ serial: 5, newest: now, crlNumbers: { Genoa: 4 } })
    expect(Object.keys(seen.policies).sort()).toEqual([role, 'other'].sort())
  })

  test('a second look at the same offer is no rollback', async () => {
    const { seen } = await verifyCurrentPolicy({ ...offer, root, now })
    expect(await codeFor(offer, { seen })).toBe('accepted')
    expect((await verifyCurrentPolicy({ ...offer, root, now, seen })).seen).toEqual(seen)
  })
})

describe('the caller', () => {
  test.each([
    [role, 'accepted'],
    ['other-cvm', 'role-refused'],
  ])('who means %s: %s', async (meant, code) => {
    expect(await codeFor(offer, { role: meant })).toBe(code)
  })

  test('a statement for another role does not count: role-refused', async () => {
    const statement = await signStatement({ role: 'other-cvm', serial: 42, time: now - hour }, timestamp)
    expect(await codeFor({ ...offer, statement })).toBe('role-refused')
  })
})

test('the policy’s own skew counts, where it is narrower', async () => {
  const note = await signPolicy(policyJson({ clockSkew: 'PT10S' }), releasers)
  log.add(leafOf(note))
  const given = { ...offer, policy: note, proof: await log.proof(leafOf(note), spoken) }
  const statement = await signStatement({ role, serial: 42, time: now + 60_000 }, timestamp)
  expect(await codeFor({ ...offer, statement })).toBe('accepted')
  expect(await codeFor({ ...given, statement })).toBe('statement-from-future')
})

test.each([
  ['policy', 'malformed-note'],
  ['statement', 'malformed-note'],
  ['proof', 'no-proof'],
])('without its %s: %s', async (part, code) => {
  expect(await codeFor({ ...offer, [part]: '' })).toBe(code)
})
