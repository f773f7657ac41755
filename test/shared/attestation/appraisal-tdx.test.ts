/** The appraisal of keys that live in TDs: judged, logged, and remembered, so that Intel's older ratings do not count later. */
import { sha256 } from '@noble/hashes/sha2.js'
import { beforeAll, expect, test } from 'vitest'
import { appraise, type AppraisalQuestion } from '../../../shared/attestation/appraisal.ts'
import { cvmId } from '../../../shared/attestation/bundle-fields.ts'
import { judge } from '../../../shared/attestation/judge.ts'
import { keyBinding } from '../../../shared/attestation/key-evidence.ts'
import { releaseOf } from '../../../shared/attestation/logged.ts'
import { reportData } from '../../../shared/attestation/report-data.ts'
import { nothingSeen } from '../../../shared/attestation/seen.ts'
import { signStatement } from '../../../shared/attestation/serial-statement.ts'
import { policySha256, signPolicy, verifyPolicy } from '../../../shared/attestation/signed-policy.ts'
import { hex, utf8 } from '../../../shared/bytes.ts'
import { anchorOfNote } from '../../../shared/tlog/anchor.ts'
import { timeText } from '../../../shared/tlog/json-fields.ts'
import { parseNote } from '../../../shared/tlog/note.ts'
import { releaseLeaf } from '../../../shared/tlog/release.ts'
import { codeOf } from '../tlog/code-of.ts'
import { keyBytes } from './fleet.ts'
import { hour, now } from './makers.ts'
import { build, house, leafOf, policyJson, role } from './policies.ts'
import { ask, mrTd, rtmrText } from './tdx/forge.ts'
import { ppid } from './tdx/forge-vendor.ts'
import { digestOf } from './values.ts'

const spoken = [
  [0, now - hour],
  [1, now - hour],
] as const
let question: AppraisalQuestion

beforeAll(async () => {
  const at = await house({ use: 'production' })
  const { log } = at
  const first = ask()
  const root = { ...at.root, vendorRoots: first.trust.vendorRoots ?? [] }
  const entry = {
    digest: hex(mrTd),
    rtmr: rtmrText,
    notAfter: timeText(now + 30 * 24 * hour),
    build: `sha256:${build}`,
  }
  const tdx = { minTcbEval: 17, chips: { sha256: [digestOf(ppid)] }, mrtd: [entry] }
  const note = await signPolicy(policyJson({ snp: undefined, tdx }), at.releasers)
  const policy = await verifyPolicy(note, { root, now })
  const leaf = releaseLeaf(releaseOf(await judge({ ...first, policy: policy.evidence, trust: root, now }), policy))
  log.add(leafOf(note))
  log.add(leaf)
  const [keyConfig, anchor] = [keyBytes('td'), await log.note(spoken)]
  const times = { notBefore: now - 300_000, notAfter: now + 3_000_000 }
  const bound = { ...times, role, keyConfigSha256: sha256(keyConfig), policySha256: policySha256(parseNote(note).text) }
  const attested = reportData(keyBinding({ ...bound, anchor: anchorOfNote(anchor) }))
  const { evidence, trust } = ask({ body: { reportData: attested } })
  const proof = await log.proof(leaf, spoken)
  const key = { id: cvmId(keyConfig), layer: 'inner', keyConfig, evidence, anchor, proof } as const
  const bundle = {
    ...{ serial: 1, placement: 'sealed' as const, ...times, keys: utf8('k'), roots: [] },
    ...{ policy: note, policyProof: await log.proof(leafOf(note), spoken) },
    statement: await signStatement({ role, serial: 42, time: now - hour }, at.timestamp),
    cvms: [{ ...key, ...times, policySha256: bound.policySha256 }],
  }
  // Each forged platform has a root of its own.
  question = { bundle, root: { ...at.root, vendorRoots: trust.vendorRoots ?? [] }, now }
})

test('with its release in the log, and the round of its ratings to be remembered', async () => {
  const { keys, seen } = await appraise(question)
  expect(keys[0]?.verdict).toMatchObject({ kind: 'tdx', simulated: false, role, tdx: { tcbEvaluationDataNumber: 18 } })
  expect(seen).toMatchObject({ tcbEvaluationDataNumber: 18, crlNumbers: {} })
})

test.each([
  [17, 'accepted'],
  [18, 'accepted'],
  [19, 'collateral-rolled-back'],
])('whoever has seen round %i: %s', async (tcbEvaluationDataNumber, code) => {
  const seen = { ...nothingSeen, tcbEvaluationDataNumber }
  expect(await codeOf(() => appraise({ ...question, seen }))).toBe(code)
})
