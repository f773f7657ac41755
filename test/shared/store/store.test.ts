/** One contract for every store: first come, first served, once; hard caps; expiry; forgetting. */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createMemoryStore } from '../../../shared/store/memory.ts'
import { sliceLength } from '../../../shared/store/shares.ts'
import { createSqliteStore } from '../../../shared/store/sqlite.ts'
import type { Store } from '../../../shared/store/store.ts'
import { createValkeyStore } from '../../../shared/store/valkey.ts'
import { redisIsHere, startRedis, type RedisServer } from './redis.ts'

const shares = { dated: 5, dateless: 3 }
let clock = 0
let folder = ''
let redis: RedisServer | undefined
let prefixes = 0
const open: Store[] = []

beforeAll(async () => {
  if (redisIsHere) redis = await startRedis()
})
afterAll(() => redis?.stop())

beforeEach(() => {
  prefixes++
  clock = 1_000_000_000_000
  folder = mkdtempSync(join(tmpdir(), 'store-'))
})

afterEach(async () => {
  for (const store of open.splice(0)) await store.close()
  rmSync(folder, { recursive: true })
})

const now = () => clock
const name = (n: number) => Uint8Array.of(n >> 8, n, 0x00, 0xff)
const soon = () => clock + 600_000

function kept<T extends Store>(store: T): T {
  open.push(store)
  return store
}

const sqlite = () => kept(createSqliteStore({ file: join(folder, 'claims.db'), shares, now }))

const valkey = () =>
  kept(createValkeyStore({ host: '127.0.0.1', port: redis?.port ?? 0, prefix: `test${prefixes}`, shares, now }))

type Kind = [name: string, create: () => Store]
const kinds: Kind[] = [
  ['memory', () => kept(createMemoryStore({ shares, now }))],
  ['sqlite', sqlite],
]
if (redisIsHere) kinds.push(['valkey', valkey])

describe.each(kinds)('%s store', (_, create) => {
  test('OHTTP-G21: of many who claim one name in the same tick, exactly one is first', async () => {
    const store = create()
    const claims = await Promise.all(Array.from({ length: 20 }, () => store.claim(name(1), soon(), 'dated')))
    expect(claims.filter((claim) => claim === 'first')).toHaveLength(1)
    expect(claims.filter((claim) => claim === 'seen')).toHaveLength(19)
  })

  test('names are bytes: neither zero nor high bytes confuse them', async () => {
    const store = create()
    expect(await store.claim(Uint8Array.of(0), soon(), 'dated')).toBe('first')
    expect(await store.claim(Uint8Array.of(0, 0), soon(), 'dated')).toBe('first')
    expect(await store.claim(Uint8Array.of(0xff), soon(), 'dated')).toBe('first')
    expect(await store.claim(Uint8Array.of(0xff), soon(), 'dated')).toBe('seen')
  })

  test('a name seen under one quota is seen under every other', async () => {
    const store = create()
    expect(await store.claim(name(1), Infinity, 'dateless/7')).toBe('first')
    expect(await store.claim(name(1), soon(), 'dated')).toBe('seen')
    expect(await store.claim(name(1), Infinity, 'dateless/8')).toBe('seen')
  })

  test('full means refused, not made room, and another share is not touched', async () => {
    const store = create()
    for (let n = 0; n < 3; n++) expect(await store.claim(name(n), Infinity, `dateless/${String(n)}`)).toBe('first')
    expect(await store.claim(name(3), Infinity, 'dateless/0')).toBe('full')
    expect(await store.claim(name(0), Infinity, 'dateless/0')).toBe('seen')
    expect(await store.claim(name(3), soon(), 'dated')).toBe('first')
  })

  test('the cap holds inside one tick as well', async () => {
    const store = create()
    const claims = await Promise.all([0, 1, 2, 3, 4, 5, 6].map((n) => store.claim(name(n), soon(), 'dated')))
    expect(claims).toEqual(['first', 'first', 'first', 'first', 'first', 'full', 'full'])
  })

  test.each([1, 599_999, 600_000])('a claim of 600 s is still there after %i ms', async (later) => {
    const store = create()
    await store.claim(name(1), soon(), 'dated')
    clock += later - 1
    expect(await store.claim(name(1), soon(), 'dated')).toBe('seen')
  })

  test('what expired makes room, soon after its time', async () => {
    const store = create()
    for (let n = 0; n < 5; n++) await store.claim(name(n), soon(), 'dated')
    expect(await store.claim(name(9), soon(), 'dated')).toBe('full')
    clock += 600_000 + sliceLength
    expect(await store.claim(name(9), soon(), 'dated')).toBe('first')
    expect(await store.claim(name(0), soon(), 'dated')).toBe('first')
  })

  test('a claim without end stays until its own quota is forgotten', async () => {
    const store = create()
    await store.claim(name(1), Infinity, 'dateless/1')
    await store.claim(name(2), Infinity, 'dateless/2')
    clock += 10 * 365 * 86_400_000
    expect(await store.claim(name(1), Infinity, 'dateless/1')).toBe('seen')
    await store.forget('dateless/1')
    expect(await store.claim(name(1), Infinity, 'dateless/1')).toBe('first')
    expect(await store.claim(name(2), Infinity, 'dateless/2')).toBe('seen')
  })

  test('forgetting gives the room back, and a key id may be forgotten twice', async () => {
    const store = create()
    for (let n = 0; n < 3; n++) await store.claim(name(n), Infinity, 'dateless/1')
    await store.forget('dateless/1')
    for (let n = 0; n < 3; n++) expect(await store.claim(name(n), Infinity, 'dateless/1')).toBe('first')
    await store.forget('dateless/1')
    expect(await store.claim(name(0), Infinity, 'dateless/1')).toBe('first')
  })

  test('a quota outside the table is our mistake', async () => {
    await expect(create().claim(name(1), soon(), 'other')).rejects.toThrow(TypeError)
    await expect(create().claim(name(1), soon(), 'constructor')).rejects.toThrow(TypeError)
  })
})

describe('sqlite store, what memory cannot do', () => {
  test('OHTTP-G21: claims survive a restart, with their quotas', async () => {
    const first = createSqliteStore({ file: join(folder, 'claims.db'), shares, now })
    await first.claim(name(1), soon(), 'dated')
    for (let n = 2; n < 5; n++) await first.claim(name(n), Infinity, 'dateless/1')
    await first.close()
    const second = sqlite()
    expect(await second.claim(name(1), soon(), 'dated')).toBe('seen')
    expect(await second.claim(name(2), Infinity, 'dateless/1')).toBe('seen')
    expect(await second.claim(name(6), Infinity, 'dateless/1')).toBe('full')
  })

  test('OHTTP-G21: two replicas on one file give each name once', async () => {
    const [one, two] = [sqlite(), sqlite()]
    const claims = await Promise.all(
      Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? one : two).claim(name(i >> 1), soon(), 'dated')),
    )
    expect(claims.filter((claim) => claim === 'first')).toHaveLength(5)
    expect(claims.filter((claim) => claim === 'seen')).toHaveLength(5)
  })

  test('only its owner reads the file, its log and its index', async () => {
    await sqlite().claim(name(1), soon(), 'dated')
    for (const suffix of ['', '-wal', '-shm']) {
      expect(statSync(join(folder, `claims.db${suffix}`)).mode & 0o777, suffix).toBe(0o600)
    }
  })

  test('closing waits for what was claimed before it', async () => {
    const store = createSqliteStore({ file: join(folder, 'claims.db'), shares, now })
    const pending = store.claim(name(1), soon(), 'dated')
    await store.close()
    expect(await pending).toBe('first')
    await expect(store.claim(name(2), soon(), 'dated')).rejects.toThrow(TypeError)
    expect(await sqlite().claim(name(1), soon(), 'dated')).toBe('seen')
  })

  test('a large old slice goes piece by piece and never comes back', async () => {
    const big = { dated: 20_000, dateless: 1 }
    const store = kept(createSqliteStore({ file: join(folder, 'big.db'), shares: big, now }))
    await Promise.all(Array.from({ length: 10_000 }, (_, n) => store.claim(name(n), soon(), 'dated')))
    clock += 600_000 + sliceLength
    for (let n = 0; n < 8; n++) expect(await store.claim(name(n), soon(), 'dated')).toBe('first')
    expect(await store.claim(name(5_000), soon(), 'dated')).toBe('first')
  })
})
