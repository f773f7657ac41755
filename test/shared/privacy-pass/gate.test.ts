/** PP-5 to PP-7, PP-11: a gate that one token opens once, over the stores that services use. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { fromHex, utf8 } from '../../../shared/bytes.ts'
import { challengeField, readChallengeField, writeTokenChallenge } from '../../../shared/privacy-pass/challenge.ts'
import { createGate, type Gate, type GateKey } from '../../../shared/privacy-pass/gate.ts'
import { blindRsaVerifier } from '../../../shared/privacy-pass/rsa.ts'
import { tokenField } from '../../../shared/privacy-pass/token.ts'
import { greasedTypes } from '../../../shared/privacy-pass/types.ts'
import { voprfVerifier } from '../../../shared/privacy-pass/voprf.ts'
import { Refusal } from '../../../shared/refusal.ts'
import { createLedger } from '../../../shared/store/ledger.ts'
import { createMemoryStore } from '../../../shared/store/memory.ts'
import { createSqliteStore } from '../../../shared/store/sqlite.ts'
import type { Store } from '../../../shared/store/store.ts'
import { mint } from './mint.ts'
import { vectors } from './vectors.ts'

const day = 86_400_000
const start = Date.parse('2026-07-01T12:00:00Z')
const first = mint()
const second = mint()

const own = (tokenType = 2, origins: readonly string[] = ['relay.example']) =>
  writeTokenChallenge({
    tokenType,
    issuerName: 'issuer.example',
    redemptionContext: new Uint8Array(),
    originInfo: origins,
  })

type Setting = { readonly keys?: readonly GateKey[]; readonly claims?: Store; readonly clock?: { now: number } }

function gateOf({ keys, claims, clock = { now: start } }: Setting = {}): Gate {
  const now = (): number => clock.now
  const store = claims ?? createMemoryStore({ shares: { tokens: 100 }, now })
  const ledger = createLedger({ claims: store, now, random: (length) => new Uint8Array(length) })
  const known = keys ?? [{ ...first.verifier, until: start + day }]
  return createGate({ issuer: 'issuer.example', origins: ['relay.example'], keys: known, spend: ledger.spend, now })
}

async function taken(gate: Gate, token: Uint8Array | string | undefined): Promise<string> {
  try {
    await gate.check(token instanceof Uint8Array ? tokenField(token) : token)()
    return 'taken'
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
}

test('a token is taken once, and a second one too', async () => {
  const gate = gateOf()
  const token = first.token(own())
  expect([await taken(gate, token), await taken(gate, token)]).toEqual(['taken', 'token-spent'])
  expect(await taken(gate, first.token(own()))).toBe('taken')
})

test('of many at the same time exactly one gets through', async () => {
  const gate = gateOf()
  const token = first.token(own())
  const all = await Promise.all(Array.from({ length: 20 }, () => taken(gate, token)))
  expect(all.filter((word) => word === 'taken').length).toBe(1)
})

test('two replicas with one file take a token once between them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gate-'))
  const stores = [1, 2].map(() => createSqliteStore({ file: join(folder, 'claims.db'), shares: { tokens: 9 } }))
  onTestFinished(async () => {
    for (const store of stores) await store.close()
    rmSync(folder, { recursive: true })
  })
  const clock = { now: Date.now() }
  const keys = [{ ...first.verifier, until: clock.now + day }]
  const gates = stores.map((claims) => gateOf({ claims, keys, clock }))
  const token = first.token(own())
  const all = await Promise.all(gates.map((gate) => taken(gate, token)))
  expect(all.toSorted()).toEqual(['taken', 'token-spent'])
  expect(await Promise.all(gates.map((gate) => taken(gate, token)))).toEqual(['token-spent', 'token-spent'])
})

test('checking alone spends nothing', async () => {
  const gate = gateOf()
  const token = first.token(own())
  gate.check(tokenField(token))
  expect(await taken(gate, token)).toBe('taken')
})

test.each([
  ['nothing', () => undefined, 'token-missing'],
  ['another scheme', () => 'Bearer abc', 'token-missing'],
  ['an empty field', () => '', 'token-missing'],
  ['an empty token', () => 'PrivateToken token=""', 'token-refused'],
  ['no token parameter', () => 'PrivateToken challenge="AAAA"', 'token-refused'],
  ['two fields', () => `${tokenField(first.token(own()))}, ${tokenField(first.token(own()))}`, 'token-refused'],
  ['no authentication field', () => 'PrivateToken token="', 'token-refused'],
  ['a token of another issuer', () => tokenField(second.token(own())), 'token-refused'],
  ['a token for other origins', () => tokenField(first.token(own(2, ['gateway.example']))), 'token-refused'],
  ['a token for every origin', () => tokenField(first.token(own(2, []))), 'token-refused'],
  ['a token for the other type’s challenge', () => tokenField(first.token(own(1))), 'token-refused'],
  ['a signature without salt', () => tokenField(first.token(own(), 0)), 'token-refused'],
  ['a signature with more salt', () => tokenField(first.token(own(), 64)), 'token-refused'],
  ['half a token', () => tokenField(first.token(own()).subarray(0, 98)), 'token-refused'],
  ...greasedTypes.map((type): [string, () => string, string] => {
    const token = first.token(own())
    token.set([type >> 8, type & 255])
    return [`a token of the reserved type ${String(type)}`, () => tokenField(token), 'token-refused']
  }),
])('refused: %s', async (_what, field, code) => {
  expect(await taken(gateOf(), field())).toBe(code)
})

const { verifier: vectorVerifier, cases } = vectors('invalid')

test.skipIf(cases.length === 0)('ppi-double: the vectors’ own valid token passes once', async () => {
  // Its challenge has a context, which ours never has: so here the key is asked, and the ledger.
  const key = blindRsaVerifier(fromHex(String(vectorVerifier?.['pkS'])))
  const double = cases.find(({ sequence }) => sequence !== undefined)
  const token = fromHex(String(double?.['token']))
  const claims = createMemoryStore({ shares: { tokens: 9 }, now: () => start })
  const { spend } = createLedger({ claims, now: () => start, random: (length) => new Uint8Array(length) })
  const present = (): Promise<string> => spend(key.keyId, token.slice(2, 34), start + day)
  expect(key.verify(token.subarray(0, 98), token.subarray(98))).toBe(true)
  expect([await present(), await present()]).toEqual(['first', 'seen'])
})

test('a nonce of one key says nothing about the same nonce of another', async () => {
  const claims = createMemoryStore({ shares: { tokens: 9 }, now: () => start })
  const { spend } = createLedger({ claims, now: () => start, random: (length) => new Uint8Array(length) })
  const nonce = new Uint8Array(32)
  expect(await spend(first.verifier.keyId, nonce, start + day)).toBe('first')
  expect(await spend(second.verifier.keyId, nonce, start + day)).toBe('first')
})

describe('a key', () => {
  const old = { ...first.verifier, until: start + 1_000 }
  const next = { ...second.verifier, until: start + day }

  test('is announced while it is the first that lives, and its tokens are taken while it lives', async () => {
    const clock = { now: start }
    const gate = gateOf({ keys: [old, next], clock })
    const announced = () => readChallengeField(gate.challenge() ?? '').map(({ tokenKey }) => tokenKey)
    expect(announced()).toEqual([old.tokenKey])
    expect(await taken(gate, second.token(own()))).toBe('taken')
    clock.now = old.until - 1
    expect(await taken(gate, first.token(own()))).toBe('taken')
    clock.now = old.until
    expect(announced()).toEqual([next.tokenKey])
    expect(await taken(gate, first.token(own()))).toBe('token-refused')
    clock.now = next.until
    expect(gate.challenge()).toBeUndefined()
    expect(await taken(gate, second.token(own()))).toBe('token-unavailable')
  })

  test('is what a spent token is remembered for, and no longer', async () => {
    const clock = { now: start }
    const claims = createMemoryStore({ shares: { tokens: 1 }, now: () => clock.now })
    const gate = gateOf({ keys: [old, next], claims, clock })
    expect(await taken(gate, first.token(own()))).toBe('taken')
    expect(await taken(gate, second.token(own()))).toBe('token-unavailable')
    clock.now = old.until + 240_000
    expect(await taken(gate, second.token(own()))).toBe('taken')
  })
})

describe('a store that cannot remember', () => {
  test('refuses, says so, and is asked again', async () => {
    let broken = true
    const memory = createMemoryStore({ shares: { tokens: 9 }, now: () => start })
    const claims: Store = {
      ...memory,
      claim: (...asked) => (broken ? Promise.reject(new Error('disk')) : memory.claim(...asked)),
    }
    const ledger = createLedger({ claims, now: () => start, random: (length) => new Uint8Array(length) })
    const keys = [{ ...first.verifier, until: start + day }]
    const gate = createGate({
      ...{ issuer: 'issuer.example', origins: ['relay.example'], keys },
      ...{ spend: ledger.spend, now: () => start },
    })
    const token = first.token(own())
    expect(ledger.works()).toBe(true)
    expect(await taken(gate, token)).toBe('token-unavailable')
    expect(ledger.works()).toBe(false)
    await ledger.probe()
    expect(ledger.works()).toBe(false)
    broken = false
    await ledger.probe()
    expect(ledger.works()).toBe(true)
    expect(await taken(gate, token)).toBe('taken')
  })
})

describe('the challenge', () => {
  test('is the same for everybody, on every replica and all day', () => {
    const clock = { now: start }
    const [one, two] = [gateOf({ clock }), gateOf({ clock })]
    const text = one.challenge()
    clock.now = start + day / 2 - 1
    expect(text).toContain('PrivateToken challenge=')
    expect([one.challenge(), two.challenge()]).toEqual([text, text])
  })

  test('PP-7: has one greased challenge beside it, whose type and place change with the days', () => {
    const keys = [{ ...first.verifier, until: Infinity }]
    const clock = { now: start }
    const gate = gateOf({ keys, clock })
    const seen = Array.from({ length: 40 }, () => {
      clock.now += day
      const values = [...(gate.challenge() ?? '').matchAll(/challenge="([\w-]+=*)"/g)].map((match) => match[1] ?? '')
      const types = values.map((value) => Buffer.from(value, 'base64url').readUInt16BE())
      expect(types).toHaveLength(2)
      expect(types).toContain(2)
      return { type: types.find((type) => type !== 2) ?? 2, before: types[1] === 2 }
    })
    expect(seen.filter(({ type }) => !(greasedTypes as readonly number[]).includes(type))).toEqual([])
    expect(new Set(seen.map(({ type }) => type)).size).toBeGreaterThan(5)
    expect(new Set(seen.map(({ before }) => before)).size).toBe(2)
  })

  test('offers one key of each type', () => {
    const secret = voprfVerifier(fromHex('01'.repeat(48)))
    const keys = [first.verifier, second.verifier, secret].map((verifier) => ({ ...verifier, until: start + day }))
    const offered = readChallengeField(gateOf({ keys }).challenge() ?? '')
    expect(offered.map(({ tokenKey }) => tokenKey)).toEqual([first.verifier.tokenKey, secret.tokenKey])
    expect(offered.map(({ challenge }) => challenge)).toEqual([own(2), own(1)])
  })
})

test.each([
  ['no key at all', new Uint8Array()],
  ['a key in the spelling of rsaEncryption', fromHex('30820122300d06092a864886f70d0101010500')],
  ['text', utf8('x'.repeat(342))],
])('not a key of type 2: %s', (_what, published) => {
  expect(() => blindRsaVerifier(published)).toThrow(expect.objectContaining({ code: 'unusable-key' }))
})

test.each([
  ['zero', '00'.repeat(48)],
  ['short', '01'],
  [
    'the order of the group',
    'ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
  ],
])('not a key of type 1: %s', (_what, secret) => {
  expect(() => voprfVerifier(fromHex(secret))).toThrow(expect.objectContaining({ code: 'unusable-key' }))
})

test('a field of ours is read by ourselves', () => {
  expect(readChallengeField(challengeField([{ challenge: own() }])).length).toBe(1)
})
