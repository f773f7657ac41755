/**
 * The rehearsal: a policy takes an image back. From its publication to the last client that refuses, with everybody
 * who could delay it doing so for as long as the checks let them. trust.md 6; SECURITY.md tells the numbers.
 */
import { beforeAll, expect, test } from 'vitest'
import { maxBundleLife } from '../../../shared/attestation/bundle-fields.ts'
import { verifyCurrentPolicy, type CurrentPolicy } from '../../../shared/attestation/current-policy.ts'
import { anchorAges, verifyAnchor, verifyLoggedIdentity } from '../../../shared/attestation/logged.ts'
import { policyLimits } from '../../../shared/attestation/policy-fields.ts'
import { revocationBounds, usableUntil } from '../../../shared/attestation/revocation.ts'
import { nothingSeen } from '../../../shared/attestation/seen.ts'
import { maxStatementAge, signStatement } from '../../../shared/attestation/serial-statement.ts'
import { defaultSkew } from '../../../shared/attestation/sev-snp/policy.ts'
import { signPolicy } from '../../../shared/attestation/signed-policy.ts'
import { Refusal } from '../../../shared/refusal.ts'
import { timeText } from '../../../shared/tlog/json-fields.ts'
import { codeOf } from '../tlog/code-of.ts'
import { hardwareHouse, hardwareJson, identityLeaf, judged } from './machine.ts'
import { hour, now } from './makers.ts'
import { leafOf, policyJson, role } from './policies.ts'

/** True time at which the policy that takes the image back is published. */
const published = now
const second = 1000
const day = 24 * hour
/** wire.md: how long a copy of a bundle may be shown, in every cache between publisher and client together. */
const copies = 600 * second
const { root, releasers, timestamp, log } = await hardwareHouse()

type Offer = { readonly policy: string; readonly proof: string }
let before: Offer | undefined
let after: Offer | undefined
let identityProof = ''

/** The image under test is `aa…`; this one stays. */
const other = { digest: 'bb'.repeat(48), notAfter: timeText(now + 30 * day), build: `sha256:${'0b'.repeat(32)}` }

beforeAll(async () => {
  // The releasers' clocks may be ahead as well; and the older policy was signed at the last moment.
  const [notBefore, notAfter] = [
    timeText(published + defaultSkew),
    timeText(published + defaultSkew + policyLimits.life),
  ]
  const old = await signPolicy(policyJson({ serial: 41, notBefore, notAfter, snp: hardwareJson() }), releasers)
  const snp = hardwareJson({ measurements: [other] })
  const next = await signPolicy(policyJson({ serial: 42, notAfter: timeText(published + 5 * day), snp }), releasers)
  log.add(leafOf(old))
  before = { policy: old, proof: await log.proof(leafOf(old), spokenAt(published)) }
  log.add(leafOf(next))
  after = { policy: next, proof: await log.proof(leafOf(next), spokenAt(published)) }
  const { policy } = await current(before, await stated(41, published), published)
  log.add(identityLeaf(await judged(policy, root, published), policy))
  identityProof = await log.proof(identityLeaf(await judged(policy, root, published), policy), spokenAt(published))
})

const spokenAt = (time: number) => [[0, time] as const, [1, time] as const]
const stated = (serial: number, time: number) => signStatement({ role, serial, time }, timestamp)

function current(offer: Offer | undefined, statement: string, at: number, seen = nothingSeen): Promise<CurrentPolicy> {
  if (offer === undefined) throw new TypeError('the policies are not made yet')
  return verifyCurrentPolicy({ ...offer, statement, root, now: at, seen })
}

/** One client at one true time, its clock behind by as much as we forgive: until when, in true time, would it seal? */
async function sealsUntil(
  offer: Offer | undefined,
  statement: string,
  time: number,
  bundleEnds: number,
): Promise<number> {
  const own = time - defaultSkew
  const held = await current(offer, statement, own)
  const verdict = await judged(held.policy, root, own)
  await verifyLoggedIdentity(verdict, identityProof, { root, now: own, policy: held.policy })
  return usableUntil({ notAfter: bundleEnds }, held) + defaultSkew
}

/** Every hour of nine days, and each second about the end: the latest moment at which anybody still seals. */
async function lastSeal(statementAt: (time: number) => Promise<string>, bound: number): Promise<number> {
  const hours = Array.from({ length: 9 * 24 }, (_, at) => published + at * hour)
  const about = [-2, -1, 0, 1, 2].map((seconds) => published + bound + seconds * second)
  let last = published
  for (const time of [...hours, ...about]) {
    // A gateway that works against us signs a new bundle for every client.
    last = Math.max(last, await orRefused(sealsUntil(before, await statementAt(time), time, time + maxBundleLife)))
  }
  return last
}

async function orRefused(until: Promise<number>): Promise<number> {
  try {
    return await until
  } catch (error) {
    if (error instanceof Refusal) return published
    throw error
  }
}

test('the new policy refuses the machine that the older one accepted, however fresh its proofs are', async () => {
  const old = await current(before, await stated(41, published), published)
  const next = await current(after, await stated(42, published), published)
  expect(await codeOf(() => judged(old.policy, root, published))).toBe('accepted')
  expect(await codeOf(() => judged(next.policy, root, published))).toBe('measurement-refused')
  const verdict = await judged(old.policy, root, published)
  const asked = { root, now: published, policy: next.policy }
  expect(await codeOf(() => verifyLoggedIdentity(verdict, identityProof, asked))).toBe('measurement-refused')
})

test('who has seen the new policy refuses the older one at once', async () => {
  const { seen } = await current(after, await stated(42, published), published)
  const offered = async () => current(before, await stated(41, published + 1000), published + 1000, seen)
  expect(await codeOf(offered)).toBe('rolled-back')
})

test('who is shown the new statement refuses the older policy at once, even without a memory', async () => {
  const offered = async () => current(before, await stated(42, published), published)
  expect(await codeOf(offered)).toBe('rolled-back')
})

test('nobody hides anything: the old bundle ends within its day, and copies of it do not live longer', async () => {
  const ends = published + maxBundleLife
  const lastFetch = await sealsUntil(before, await stated(41, published), published + copies, ends)
  expect(lastFetch).toBeLessThanOrEqual(published + maxBundleLife + defaultSkew)
  expect(maxBundleLife + defaultSkew).toBeLessThan(revocationBounds.hidden)
})

test('relay and gateway hide it: the last client refuses after the bound, not a second later', async () => {
  const bound = revocationBounds.hidden
  expect(bound).toBe(maxStatementAge + 2 * defaultSkew)
  expect(bound).toBe(86_640 * second)
  // The last true statement, by a signer whose clock is ahead.
  const last = await stated(41, published + defaultSkew)
  expect(await lastSeal(() => Promise.resolve(last), bound)).toBe(published + bound)
  const late = sealsUntil(before, last, published + bound + second, published + 9 * day)
  expect(await codeOf(() => late)).toBe('statement-too-old')
})

test('without the policy’s own end, a bundle would carry it through another day', async () => {
  const last = await stated(41, published + defaultSkew)
  const time = published + revocationBounds.hidden - second
  const held = await current(before, last, time - defaultSkew)
  const bundle = { notAfter: time + maxBundleLife }
  expect(usableUntil(bundle, held)).toBe(held.notAfter)
  expect(bundle.notAfter - published).toBeGreaterThan(revocationBounds.hidden + 23 * hour)
})

test('they hold a stolen timestamp key as well: the older policy ends by itself', async () => {
  const bound = revocationBounds.timestampStolen
  expect(bound).toBe(policyLimits.life + 2 * defaultSkew)
  expect(await lastSeal((time) => stated(41, time - defaultSkew), bound)).toBe(published + bound)
})

test.each([
  ['fresh', anchorAges.fresh],
  ['stale', anchorAges.fresh + anchorAges.stale],
])('an anchor that is %s keeps no policy alive, and ends by itself', async (age, life) => {
  const note = await log.note(spokenAt(published))
  const time = published + life
  const ends = published + anchorAges.fresh + anchorAges.stale
  expect(await verifyAnchor(note, { root, now: time })).toMatchObject({ age, notAfter: ends })
  expect(await codeOf(() => verifyAnchor(note, { root, now: ends + 1 }))).toBe('cosignature-too-old')
  const offered = async () => current(before, await stated(42, time), time)
  expect(await codeOf(offered)).toBe('rolled-back')
})
