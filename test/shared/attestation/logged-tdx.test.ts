/** Identities of TDs count only if a log has them: all registers, the settings and the firmware together. trust.md 4. */
import { beforeAll, expect, test } from 'vitest'
import { identityDigestOf } from '../../../shared/attestation/identity.ts'
import { judge } from '../../../shared/attestation/judge.ts'
import { releaseOf, verifyLoggedIdentity } from '../../../shared/attestation/logged.ts'
import { signPolicy, verifyPolicy, type VerifiedPolicy } from '../../../shared/attestation/signed-policy.ts'
import type { Identity, Verdict } from '../../../shared/attestation/verdict.ts'
import { fromHex, hex } from '../../../shared/bytes.ts'
import { timeText } from '../../../shared/tlog/json-fields.ts'
import { releaseLeaf } from '../../../shared/tlog/release.ts'
import { codeOf } from '../tlog/code-of.ts'
import { filler, type Spoken } from './ledger.ts'
import { hour, now } from './makers.ts'
import { build, house, policyJson, role } from './policies.ts'
import { ask, mrTd, rtmrText } from './tdx/forge.ts'
import { ppid } from './tdx/forge-vendor.ts'
import { digestOf } from './values.ts'

const question = ask()
const at = await house({ use: 'production', vendorRoots: question.trust.vendorRoots ?? [] })
const { root, log } = at
const spoken: Spoken = [
  [0, now - hour],
  [1, now - hour],
]
const notAfter = now + 30 * 24 * hour
const otherImage = rtmrText.with(2, '0f'.repeat(48)) as unknown as Identity['rtmr']
const entryOf = (rtmr: readonly string[], artifact: string, end = notAfter) => ({
  ...{ digest: hex(mrTd), rtmr, notAfter: timeText(end), build: `sha256:${artifact}` },
})

let policy: VerifiedPolicy
let verdict: Verdict
let proof: string

beforeAll(async () => {
  const mrtd = [entryOf(otherImage, 'ee'.repeat(32), now + hour), entryOf(rtmrText, build)]
  const tdx = { minTcbEval: 18, chips: { sha256: [digestOf(ppid)] }, mrtd }
  policy = await verifyPolicy(await signPolicy(policyJson({ snp: undefined, tdx }), at.releasers), { root, now })
  verdict = await judge({ ...question, policy: policy.evidence, trust: root, now })
  log.add(filler(0))
  log.add(releaseLeaf(releaseOf(verdict, policy)))
  proof = await log.proof(releaseLeaf(releaseOf(verdict, policy)), spoken)
})

const check = (changes: Partial<Identity> = {}, moment = now) => {
  const identity = { ...(verdict.identity ?? expect.unreachable()), ...changes }
  return codeOf(() => verifyLoggedIdentity({ ...verdict, identity }, proof, { root, now: moment, policy }))
}

test('a signed policy lets the judge take the image that it names, and the log holds just that', async () => {
  expect(await check()).toBe('accepted')
  expect(releaseOf(verdict, policy)).toEqual({
    ...{ role, tee: 'tdx', guestSvn: 0, notAfter, artifactSha256: fromHex(build) },
    identitySha256: identityDigestOf(verdict.identity ?? expect.unreachable()),
  })
})

test('of one firmware each image has its own entry, with its own end and build', () => {
  const identity = { ...(verdict.identity ?? expect.unreachable()), rtmr: otherImage }
  const release = releaseOf({ ...verdict, identity }, policy)
  expect([release.notAfter, hex(release.artifactSha256)]).toEqual([now + hour, 'ee'.repeat(32)])
})

test.each<[string, Partial<Identity>, string]>([
  ['the other image', { rtmr: otherImage }, 'root-mismatch'],
  [
    'an image that nobody lists',
    { rtmr: rtmrText.with(3, '0f'.repeat(48)) as unknown as Identity['rtmr'] },
    'measurement-refused',
  ],
  ['other settings', { mrConfigId: '11'.repeat(48) }, 'measurement-refused'],
  ['another firmware', { measurement: '11'.repeat(48) }, 'measurement-refused'],
  ['another role', { role: 'other-cvm' }, 'role-refused'],
])('evidence of %s: %s', async (_, changes, code) => {
  expect(await check(changes)).toBe(code)
})

test('the other image ends with its own entry', async () => {
  expect(await check({ rtmr: otherImage }, now + hour)).toBe('measurement-expired')
  expect(await check({}, now + hour)).toBe('accepted')
})
