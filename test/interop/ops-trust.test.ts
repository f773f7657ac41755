/** The policies' door op: a signed text, the root that narrows it, a clock and a memory. */
import { describe, expect, test } from 'vitest'
import { rootJson } from '../../shared/attestation/root-fields.ts'
import { signPolicy } from '../../shared/attestation/signed-policy.ts'
import { now } from '../shared/attestation/makers.ts'
import { house, policyJson } from '../shared/attestation/policies.ts'
import { codeOf } from '../shared/tlog/code-of.ts'
import { Case } from './case.ts'
import { trustOps } from './ops-trust.ts'

const { root, releasers } = await house()
const note = await signPolicy(policyJson(), releasers)
const [text = '', block = ''] = note.split(/(?<=\n)\n/)
const signatures = block.trimEnd().split('\n')
const asked = { policy: text, signatures, trust: rootJson(root), now: '2026-11-22T12:00:00Z' }

function run(changes: object = {}): unknown {
  return trustOps['policy.check']?.(Case.parse(JSON.stringify({ ...asked, ...changes })))
}

test('gives the serial and the end, with the time as ISO or as seconds', async () => {
  const expected = { serial: 42, not_after: '2026-11-27T12:00:00Z' }
  expect(await run()).toEqual(expected)
  expect(await run({ now: now / 1000, last_serial: 42 })).toEqual(expected)
  expect(await run({ signatures: signatures.slice(1).map((line) => `${line}\n`) })).toEqual(expected)
})

describe('refused', () => {
  test.each<[string, object, string]>([
    ['one signature of two', { signatures: signatures.slice(0, 1) }, 'unsigned'],
    ['no signature', { signatures: [] }, 'malformed-note'],
    ['another text', { policy: text.replace('"serial":42', '"serial":44') }, 'bad-signature'],
    ['a value without its first line', { policy: text.slice(text.indexOf('{')) }, 'bad-signature'],
    ['a lower serial than the last', { last_serial: 43 }, 'rolled-back'],
    ['after its end', { now: '2026-11-27T12:00:00Z' }, 'policy-expired'],
    ['a root that is none', { trust: {} }, 'bad-encoding'],
    ['a time that is none', { now: 'Tomorrow' }, 'bad-encoding'],
  ])('%s: %s', async (_, changes, code) => {
    expect(await codeOf(() => run(changes))).toBe(code)
  })
})
