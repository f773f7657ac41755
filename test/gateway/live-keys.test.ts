import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createFileKeyStore, type KeyStore } from '../../gateway/key-store.ts'
import { noted } from '../../gateway/kept-keys.ts'
import { emptyRing, revokeNow } from '../../gateway/keyring.ts'
import { createLiveKeys, followKeys, generator, type LiveKeys } from '../../gateway/live-keys.ts'
import { replayGuard, replayShares } from '../../gateway/replay.ts'
import { kems, p256, x25519, xWing } from '../../shared/hpke/suites.ts'
import { parseKeyConfigs } from '../../shared/ohttp/key-config.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import { ask, start, town } from './town.ts'

const rotation = { lead: 600_000, life: 3_600_000, overlap: 1_800_000 }
let clock = start
let folder = ''
beforeEach(() => {
  clock = start
  folder = mkdtempSync(join(tmpdir(), 'live-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function live(store?: KeyStore, offered = [x25519, xWing]): LiveKeys {
  const random = (length: number) => Uint8Array.from(randomBytes(length))
  const keys = createLiveKeys({ kems: offered, rotation, store, random, now: () => clock })
  keys.turn()
  return keys
}

const offer = (keys: LiveKeys) => parseKeyConfigs(keys.list()?.bytes ?? new Uint8Array()).map(({ keyId }) => keyId)
const advance = (keys: LiveKeys, by: number) => {
  clock += by
  return keys.turn()
}

describe('live keys', () => {
  test('K-1, K-3, K-13: the list holds one configuration for each KEM, in the order of the settings', () => {
    const list = parseKeyConfigs(live(undefined, [...kems]).list()?.bytes ?? new Uint8Array())
    expect(list.map((entry) => ('kem' in entry ? entry.kem.name : 'unknown'))).toEqual(['X25519', 'P-256', 'X-Wing'])
    expect(list.every((entry) => 'kem' in entry && entry.suites.length === 3)).toBe(true)
  })

  test('K-12, CONS-5: accepted before it is offered, offered for its life, accepted through the overlap, then gone', () => {
    const keys = live()
    expect([offer(keys), keys.count()]).toEqual([[1, 2], 2])
    expect(advance(keys, 3_000_000)).toMatchObject({ created: [3, 4], destroyed: [] })
    expect([offer(keys), keys.find(3)?.config.keyId]).toEqual([[1, 2], 3])
    advance(keys, 600_000)
    expect([offer(keys), keys.find(1)?.config.keyId]).toEqual([[3, 4], 1])
    clock += 1_800_000 - 1
    expect(keys.find(1)).toBeDefined()
    clock += 1
    // No timer has run yet: the clock alone closes the door.
    expect(keys.find(1)).toBeUndefined()
    expect(keys.turn().destroyed).toEqual([1, 2])
    expect(keys.count()).toBe(2)
  })

  test('the same list is the same publication, until its keys are destroyed', () => {
    const keys = live()
    const list = keys.list()
    clock += 60_000
    expect(keys.list()).toBe(list)
    expect(list?.until).toBe(start + rotation.life + rotation.overlap)
  })

  test('OHTTP-G7, OHTTP-G21: hx-gw-replay-rotation: a retiring key still opens', async () => {
    const keys = live()
    const key = keys.find(1)
    if (key === undefined) throw new TypeError('no key')
    advance(keys, 3_000_000)
    advance(keys, 600_000)
    const place = await town({ keys: [key], find: keys.find })
    expect((await ask(place)).text).toBe('hello')
  })

  test('a restart keeps keys of the file: the same list, and requests sealed before it still open', async () => {
    const file = join(folder, 'keys.json')
    const before = live(createFileKeyStore(file))
    const after = live(createFileKeyStore(file))
    expect(after.list()?.bytes).toEqual(before.list()?.bytes)
    const key = before.find(1)
    if (key === undefined) throw new TypeError('no key')
    const place = await town({ keys: [key], find: after.find })
    expect((await ask(place)).text).toBe('hello')
  })

  test('K-12: what is destroyed is no longer in the file', () => {
    const file = join(folder, 'keys.json')
    const keys = live(createFileKeyStore(file))
    const old = readFileSync(file, 'utf8')
    const secrets = [...old.matchAll(/"privateKey": "([^"]+)"/g)].map(([, secret]) => secret ?? '')
    expect(secrets).toHaveLength(2)
    advance(keys, 10 * 3_600_000)
    for (const secret of secrets) expect(readFileSync(file, 'utf8')).not.toContain(secret)
  })

  test('without a file no key bytes are ever asked for', () => {
    const random = (): Uint8Array => {
      throw new Error('asked')
    }
    const keys = createLiveKeys({ kems: [x25519, p256, xWing], rotation, random, now: () => clock })
    expect(keys.turn().created).toEqual([1, 2, 3])
  })

  test('a turn that cannot be kept changes nothing', () => {
    const broken: KeyStore = {
      load: () => undefined,
      save: () => {
        throw new Error('disk')
      },
      alone: (work) => work(),
    }
    const random = (length: number) => Uint8Array.from(randomBytes(length))
    const keys = createLiveKeys({ kems: [x25519], rotation, store: broken, random, now: () => clock })
    expect(() => keys.turn()).toThrow('disk')
    expect([keys.list(), keys.find(1)]).toEqual([undefined, undefined])
  })

  test('a revocation that comes in the middle of a turn is not undone by it', () => {
    const file = createFileKeyStore(join(folder, 'keys.json'))
    const revoke = (): void => {
      const generate = generator({ kems: [x25519], random: randomBytes, kept: true })
      file.save(revokeNow(file.load() ?? emptyRing, clock, rotation, generate).ring)
    }
    live(file, [x25519])
    clock += 3_000_000
    let loads = 0
    // The command gets in between the first look, which finds a turn due, and the lock.
    const load = () => {
      const found = file.load()
      if (++loads === 2) revoke()
      return found
    }
    const keys = live({ ...file, load }, [x25519])
    expect(loads).toBe(3)
    expect(offer(keys)).toEqual([2])
    expect([keys.find(1), file.load()?.generations.length]).toEqual([undefined, 1])
  })

  test('ids of keys that were revoked are told as destroyed, and not as ended in their time', () => {
    const store = createFileKeyStore(join(folder, 'keys.json'))
    const keys = live(store, [x25519])
    const generate = generator({ kems: [x25519], random: randomBytes, kept: true })
    store.save(revokeNow(store.load() ?? emptyRing, clock, rotation, generate).ring)
    expect(keys.turn()).toEqual({ created: [2], destroyed: [1], ended: [] })
    expect(advance(keys, 10 * 3_600_000)).toMatchObject({ destroyed: [2], ended: [2] })
  })

  test('trust.md 1: a key that would live for more than a day is our mistake', () => {
    const long = { lead: 1, life: 24 * 3_600_000, overlap: 0 }
    expect(() => createLiveKeys({ kems: [x25519], rotation: long, random: randomBytes, now: () => 0 })).toThrow(
      TypeError,
    )
  })

  test('a damaged file stops the start', () => {
    const file = join(folder, 'keys.json')
    writeFileSync(file, '{}', { mode: 0o600 })
    expect(() => live(createFileKeyStore(file))).toThrow()
  })
})

test('OHTTP-G21: who follows has every key, tells of those that went, and of none that came: others serve under it', () => {
  const store = createFileKeyStore(join(folder, 'keys.json'))
  const leader = live(store, [x25519])
  const follower = () =>
    followKeys(
      () => store.load() ?? { generations: [], recentIds: [] },
      () => clock,
    )
  const first = follower()
  expect(first.turn()).toEqual({ created: [], destroyed: [], ended: [] })
  advance(leader, 3_000_000)
  expect([first.turn(), first.find(2)?.config]).toEqual([
    { created: [], destroyed: [], ended: [] },
    leader.find(2)?.config,
  ])
  // Started anew, all keys are new to it; what was claimed under them is not.
  expect(follower().turn()).toEqual({ created: [], destroyed: [], ended: [] })
  advance(leader, 600_000 + 1_800_000)
  expect(first.turn()).toEqual({ created: [], destroyed: [1], ended: [1] })
})

test('what was claimed under a key goes when its time is over, or when its id comes back, and not by a revocation', async () => {
  const claims = createMemoryStore({ shares: replayShares(100), now: () => clock })
  const once = replayGuard({ claims, window: 1_000, now: () => clock })
  const ask = (keyId: number): Promise<string> =>
    once({ keyId, enc: new Uint8Array(32) }, false).then(
      () => 'served',
      (cause: unknown) => (cause as { code: string }).code,
    )
  expect(await Promise.all([1, 2, 3].map(ask))).toEqual(['served', 'served', 'served'])
  await noted({ created: [3], destroyed: [1, 2], ended: [2] }, claims, () => undefined)
  expect(await Promise.all([1, 2, 3].map(ask))).toEqual(['seen-before', 'served', 'served'])
})
