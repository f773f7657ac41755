/** Serial statements: who says which serial is current, and for how long that may be believed. trust.md 1 and 2. */
import { describe, expect, test } from 'vitest'
import {
  checkStated,
  maxStatementAge,
  signStatement,
  verifyStatement,
  type Statement,
} from '../../../shared/attestation/serial-statement.ts'
import { timeText } from '../../../shared/tlog/json-fields.ts'
import { generateSigner } from '../../../shared/tlog/signer.ts'
import { codeOf } from '../tlog/code-of.ts'
import { hour, now, signedText, without } from './makers.ts'
import { house, role } from './policies.ts'

const { root, releasers, timestamp } = await house()
const stranger = await generateSigner('stranger.example/time')
const asked = { root, role, now }
const statement: Statement = { role, serial: 42, time: now - hour }
const json = { ...statement, time: timeText(statement.time) }

const signed = (changes: Partial<Statement> = {}) => signStatement({ ...statement, ...changes }, timestamp)
const verdictOn = async (changes: Partial<Statement>, question: object = {}) => {
  const note = await signed(changes)
  return codeOf(() => verifyStatement(note, { ...asked, ...question }))
}

test('a statement comes back as it went, with its end', async () => {
  const note = await signed()
  const line = `{"role":"${role}","serial":42,"time":"2026-11-22T11:00:00Z"}`
  expect(note.startsWith(`asunder serial v1\n${line}\n\n— `)).toBe(true)
  expect(await verifyStatement(note, asked)).toEqual({ ...statement, notAfter: statement.time + 24 * hour })
})

describe('signature', () => {
  test.each([
    ['a policy key', releasers[0]],
    ['a stranger', stranger],
  ])('of %s: unsigned', async (_, signer) => {
    const note = await signStatement(statement, signer)
    expect(await codeOf(() => verifyStatement(note, asked))).toBe('unsigned')
  })

  test('over another serial: bad-signature', async () => {
    const note = (await signed()).replace('"serial":42', '"serial":41')
    expect(await codeOf(() => verifyStatement(note, asked))).toBe('bad-signature')
  })

  test('over a text of another kind: malformed-note', async () => {
    const note = await signedText('policy', json, [timestamp])
    expect(await codeOf(() => verifyStatement(note, asked))).toBe('malformed-note')
  })
})

describe('time', () => {
  test.each([
    ['a day old', now - maxStatementAge, 'accepted'],
    ['a second more', now - maxStatementAge - 1000, 'statement-too-old'],
    ['last week’s', now - 7 * maxStatementAge, 'statement-too-old'],
    ['ahead within the skew', now + 120_000, 'accepted'],
    ['further ahead', now + 121_000, 'statement-from-future'],
  ])('%s: %s', async (_, time, code) => {
    expect(await verdictOn({ time })).toBe(code)
  })

  test('the caller’s skew replaces ours', async () => {
    expect(await verdictOn({ time: now + 1000 }, { skew: 0 })).toBe('statement-from-future')
  })

  test.each([
    ['the same again', now - hour, 'accepted'],
    ['older than one seen', now - hour + 1000, 'rolled-back'],
  ])('%s: %s', async (_, lastTime, code) => {
    expect(await verdictOn({}, { lastTime })).toBe(code)
  })
})

test('for another role: role-refused', async () => {
  expect(await verdictOn({ role: 'other-cvm' })).toBe('role-refused')
})

describe('bad-encoding', () => {
  test.each<[string, object]>([
    ['no role', without(json, 'role')],
    ['no serial', without(json, 'serial')],
    ['no time', without(json, 'time')],
    ['serial 0', { ...json, serial: 0 }],
    ['a time in milliseconds', { ...json, time: now }],
    ['more than that', { ...json, policy: 'x' }],
  ])('%s', async (_, value) => {
    const note = await signedText('serial', value, [timestamp])
    expect(await codeOf(() => verifyStatement(note, asked))).toBe('bad-encoding')
  })

  test('and none is signed', async () => {
    expect(await codeOf(() => signed({ serial: 0 }))).toBe('bad-encoding')
  })
})

test.each([
  [41, 'rolled-back'],
  [42, 'accepted'],
  [43, 'accepted'],
])('a policy of serial %i under a statement of 42: %s', async (serial, code) => {
  expect(await codeOf(() => checkStated({ serial }, statement))).toBe(code)
})
