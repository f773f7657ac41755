/** Evidence on the wire: strict JSON, canonical base64, caps of trust.md 2. */
import { expect, test } from 'vitest'
import {
  evidenceLimits,
  parseEvidence,
  serializeEvidence,
  type Evidence,
} from '../../../shared/attestation/evidence.ts'
import { codeOf } from '../tlog/code-of.ts'

const evidence: Evidence = {
  kind: 'simulated',
  report: Uint8Array.of(1, 2, 3),
  endorsements: [Uint8Array.of(4), Uint8Array.of(5, 6)],
  collateral: null,
}

test.each<Evidence>([
  evidence,
  { ...evidence, kind: 'tdx', collateral: Uint8Array.of(7) },
  { ...evidence, endorsements: [] },
])('$kind comes back as it went', (one) => {
  expect(parseEvidence(serializeEvidence(one))).toEqual(one)
})

const json = JSON.parse(serializeEvidence(evidence)) as Record<string, unknown>
test.each<[string, Record<string, unknown>, string]>([
  ['an unknown kind', { kind: 'sgx' }, 'bad-encoding'],
  ['an unknown field', { extra: 1 }, 'bad-encoding'],
  ['an empty report', { report: '' }, 'bad-encoding'],
  ['sloppy base64', { report: 'AQID=' }, 'bad-encoding'],
  ['spare bits in base64', { report: 'AR==' }, 'bad-encoding'],
  ['endorsements that are no list', { endorsements: 'BA==' }, 'bad-encoding'],
  ['nine endorsements', { endorsements: Array(9).fill('BA==') }, 'bad-encoding'],
  ['no collateral field', { collateral: undefined }, 'bad-encoding'],
  ['collateral beside another kind', { collateral: 'BA==' }, 'bad-evidence'],
])('%s: refused', async (_, change, code) => {
  expect(await codeOf(() => parseEvidence(JSON.stringify({ ...json, ...change })))).toBe(code)
})

test('a key twice: bad-encoding', async () => {
  const text = serializeEvidence(evidence).replace('{', '{"kind":"simulated",')
  expect(await codeOf(() => parseEvidence(text))).toBe('bad-encoding')
})

test('caps: the last byte is taken, one more is not', async () => {
  const tdx = (report: number, endorsement: number, collateral: number): string =>
    serializeEvidence({
      kind: 'tdx',
      report: new Uint8Array(report),
      endorsements: [new Uint8Array(endorsement)],
      collateral: new Uint8Array(collateral),
    })
  const half = evidenceLimits.evidence / 2
  expect(await codeOf(() => parseEvidence(tdx(half, half, evidenceLimits.collateral)))).toBe('accepted')
  expect(await codeOf(() => parseEvidence(tdx(half, half + 1, 1)))).toBe('bad-evidence')
  expect(await codeOf(() => parseEvidence(tdx(1, 1, evidenceLimits.collateral + 1)))).toBe('bad-evidence')
  expect(await codeOf(() => parseEvidence(' '.repeat(evidenceLimits.text + 1)))).toBe('body-too-large')
})
