/** Keys that live in one process: made there, attested before they open, each message once, gone by monotonic time. */
import { describe, expect, test } from 'vitest'
import { backdated } from '../../../gateway/cvm/own-config.ts'
import { OwnKeys, type OwnKeysOptions } from '../../../gateway/cvm/own-keys.ts'
import { concat, hex, uint8 } from '../../../shared/bytes.ts'
import { x25519, xWing } from '../../../shared/hpke/suites.ts'
import { sealed, sealedChunked, standard } from '../../../shared/ohttp/labels.ts'
import { start } from '../town.ts'

const minute = 60_000
const rotation = { lead: 0, life: 25 * minute, overlap: 30 * minute }

function house(changes: Partial<OwnKeysOptions> = {}) {
  const clocks = { day: start, mono: 5_000 }
  const turns: [number, number][] = []
  const keys = new OwnKeys({
    kems: [x25519, xWing],
    labels: [sealed, sealedChunked],
    rotation,
    claims: 3,
    now: () => clocks.day,
    monotonic: () => clocks.mono,
    changed: (created, destroyed) => void turns.push([created, destroyed]),
    ...changes,
  })
  const attestAll = () => {
    for (const key of keys.current()) keys.attest(key)
    return keys.current()
  }
  return { keys, clocks, turns, attestAll }
}

const enc = (n: number) => concat(uint8(n), new Uint8Array(31))
const code = (name: string) => expect.objectContaining({ code: name }) as Error

describe('keys', () => {
  test('one for each KEM, for inner messages and for nothing else', () => {
    const { keys, attestAll } = house()
    expect(keys.current().map(({ config }) => config.kem.name)).toEqual(['X25519', 'X-Wing'])
    const [{ config }] = attestAll() as [ReturnType<OwnKeys['current']>[number]]
    const key = keys.find(config.keyId)
    expect(key?.receiver(sealed, { kdfId: 1, aeadId: 1 })).toBeDefined()
    expect(() => key?.receiver(standard, { kdfId: 1, aeadId: 1 })).toThrow(TypeError)
  })

  test('open nothing before evidence for them was given', () => {
    const { keys } = house()
    const [first, second] = keys.current()
    if (first === undefined || second === undefined) throw new Error('two keys')
    expect(keys.attested).toBe(false)
    expect(keys.find(first.config.keyId)).toBeUndefined()
    keys.attest(first)
    expect(keys.find(first.config.keyId)?.publicKey).toEqual(first.config.publicKey)
    expect(keys.find(second.config.keyId)).toBeUndefined()
    expect(keys.living()).toEqual([expect.objectContaining({ sha256: first.sha256 })])
  })

  test('no other process has them', () => {
    const [a, b] = [house(), house()].map(({ keys }) => keys.current().map(({ sha256 }) => hex(sha256)))
    expect(new Set([...(a ?? []), ...(b ?? [])]).size).toBe(4)
  })

  test('evidence speaks of an hour at most, begun a little earlier for clocks that are behind', () => {
    const [key] = house().keys.current()
    expect(key?.notBefore).toBe(start - backdated)
    expect(key?.notAfter).toBe(start + 55 * minute)
  })

  test('a new generation takes its turn, the old one goes on opening, and then is gone', () => {
    const { keys, clocks, turns, attestAll } = house()
    const [old] = attestAll()
    clocks.mono += 25 * minute
    const [young] = attestAll()
    if (old === undefined || young === undefined) throw new Error('a key')
    expect(young.config.keyId).not.toBe(old.config.keyId)
    expect(keys.find(old.config.keyId)).toBeDefined()
    clocks.mono += 30 * minute
    expect(keys.find(old.config.keyId)).toBeUndefined()
    expect(keys.find(young.config.keyId)).toBeDefined()
    keys.tend()
    expect(turns).toEqual([
      [2, 0],
      [2, 0],
      [2, 2],
    ])
  })

  test.each([
    ['set back', -365],
    ['set ahead', 365],
  ])("a host's clock that is %s keeps no key alive and ends none", (_how, days) => {
    const { keys, clocks, attestAll } = house()
    const [key] = attestAll()
    clocks.day += days * 24 * 60 * minute
    clocks.mono += 55 * minute - 1
    expect(keys.find(key?.config.keyId ?? 0)).toBeDefined()
    clocks.mono += 1
    expect(keys.find(key?.config.keyId ?? 0)).toBeUndefined()
  })
})

describe('claims', () => {
  test('each message once, whatever the day', () => {
    const { keys, clocks, attestAll } = house()
    const keyId = attestAll()[0]?.config.keyId ?? 0
    keys.claim({ keyId, enc: enc(1) })
    for (const days of [0, 1, -400, 400]) {
      clocks.day = start + days * 24 * 60 * minute
      expect(() => keys.claim({ keyId, enc: enc(1) })).toThrow(code('seen-before'))
    }
    expect(() => keys.claim({ keyId, enc: enc(2) })).not.toThrow()
  })

  test('at the cap the key goes early and another is made, which must be attested first', () => {
    const { keys, attestAll } = house()
    const keyId = attestAll()[0]?.config.keyId ?? 0
    for (const n of [1, 2, 3]) keys.claim({ keyId, enc: enc(n) })
    expect(() => keys.claim({ keyId, enc: enc(3) })).toThrow(code('seen-before'))
    expect(keys.find(keyId)).toBeDefined()
    expect(() => keys.claim({ keyId, enc: enc(4) })).toThrow(code('store-full'))
    expect(keys.find(keyId)).toBeUndefined()
    expect(keys.attested).toBe(false)
    expect(keys.current().map(({ config }) => config.keyId)).not.toContain(keyId)
    expect(attestAll()).toHaveLength(2)
    expect(keys.attested).toBe(true)
  })

  test('what was opened under a key that went meanwhile is not served: its claims are gone with it', () => {
    const { keys, attestAll } = house()
    const keyId = attestAll()[0]?.config.keyId ?? 0
    for (const n of [1, 2, 3]) keys.claim({ keyId, enc: enc(n) })
    expect(() => keys.claim({ keyId, enc: enc(4) })).toThrow(code('store-full'))
    expect(() => keys.claim({ keyId, enc: enc(1) })).toThrow(code('store-full'))
  })
})
