/** The mirror: opaque bytes, the same for everybody, with nothing of the gateway's head but its freshness. */
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { copyFields, createMirror, mirrorOnDemand, type Copy } from '../../relay/mirror.ts'
import { utf8 } from '../../shared/bytes.ts'
import type { Forward, UpstreamFailure, UpstreamRequest } from '../../shared/upstream/exchange.ts'

type Scripted = UpstreamFailure | { status?: number; fields: Record<string, string>; body: Uint8Array }

function gateway(script: (request: UpstreamRequest) => Scripted): { forward: Forward; asked: UpstreamRequest[] } {
  const asked: UpstreamRequest[] = []
  const forward: Forward = (request, listener) => {
    asked.push(request)
    queueMicrotask(() => {
      const answer = script(request)
      if (typeof answer === 'string') {
        listener.fail(answer)
        return
      }
      listener.head(answer.status ?? 200, (name) => answer.fields[name])
      if (answer.body.length > 0) listener.data(answer.body)
      listener.end()
    })
    return { pause: () => undefined, resume: () => undefined, abort: () => undefined }
  }
  return { forward, asked }
}

const typeOf = (path: string): string =>
  path.endsWith('bundle') ? 'application/asunder-bundle' : 'application/ohttp-keys'
const fresh = (path: string, fields: Record<string, string> = {}, body = utf8('opaque')): Scripted => ({
  fields: { 'content-type': typeOf(path), 'cache-control': 'max-age=600', ...fields },
  body,
})

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

async function started(script: (request: UpstreamRequest) => Scripted) {
  const { forward, asked } = gateway(script)
  const told: string[] = []
  const mirror = createMirror({
    forward,
    now: Date.now,
    told: (resource, result) => told.push(`${resource} ${result}`),
  })
  await mirror.start()
  return { mirror, asked, told, keys: () => mirror.read('keys') as Copy | undefined }
}

test('DISC-6: both are fetched in advance, with a head that is nobody in particular', async () => {
  const { mirror, asked, told, keys } = await started(({ path }) => fresh(path))
  expect(asked).toEqual([
    {
      method: 'GET',
      path: '/.well-known/asunder-bundle',
      fields: ['accept', 'application/asunder-bundle'],
      body: null,
    },
    { method: 'GET', path: '/.well-known/ohttp-gateway', fields: ['accept', 'application/ohttp-keys'], body: null },
  ])
  expect(told).toEqual(['bundle refreshed', 'keys refreshed'])
  const digest = createHash('sha256').update('opaque').digest('hex')
  expect(keys()).toEqual({ bytes: utf8('opaque'), etag: `"${digest}"`, age: 0, left: 600 })
  mirror.stop()
})

test.each([
  [{ 'cache-control': 'max-age=600' }, 0, 600],
  [{ 'cache-control': 'max-age=86400' }, 0, 600],
  [{ 'cache-control': 'public, MAX-AGE=120, x=1', age: '20' }, 20, 100],
  [{ 'cache-control': 's-maxage=5, max-age=300' }, 0, 300],
  [{ 'cache-control': 'private' }, 0, 60],
  [{ 'cache-control': 'max-age=120', age: 'me' }, 0, 120],
])('freshness %j becomes age %i and %i seconds left', async (fields, age, left) => {
  const { mirror, keys } = await started(({ path }) => fresh(path, fields))
  expect(keys()).toMatchObject({ age, left })
  mirror.stop()
})

test('time counts down, and a copy that cannot be replaced is not shown any more', async () => {
  let alive = true
  const { mirror, keys, told } = await started(({ path }) => (alive ? fresh(path) : 'broken'))
  alive = false
  await vi.advanceTimersByTimeAsync(250_000)
  expect(keys()).toMatchObject({ age: 250, left: 350 })
  expect(copyFields('keys', keys() as Copy)).toMatchObject({ 'cache-control': 'public, max-age=350', age: '250' })
  await vi.advanceTimersByTimeAsync(349_999)
  expect(keys()).toMatchObject({ age: 599, left: 1 })
  await vi.advanceTimersByTimeAsync(1)
  expect(keys()).toBeUndefined()
  expect(told).toContain('keys broken')
  alive = true
  await vi.advanceTimersByTimeAsync(5_000)
  expect(keys()).toMatchObject({ age: expect.any(Number) as number })
  mirror.stop()
})

test('refreshed at half of its life, one look at a time, and a changed answer replaces it', async () => {
  let version = 1
  const { mirror, asked, keys } = await started(({ path }) => fresh(path, {}, utf8(`version ${version}`)))
  version = 2
  await vi.advanceTimersByTimeAsync(299_999)
  expect(asked).toHaveLength(2)
  await vi.advanceTimersByTimeAsync(1)
  expect(asked).toHaveLength(4)
  expect(keys()?.bytes).toEqual(utf8('version 2'))
  mirror.stop()
  await vi.advanceTimersByTimeAsync(1_000_000)
  expect(asked).toHaveLength(4)
})

describe('what is not taken', () => {
  test.each<[string, Scripted, string]>([
    ['another type', fresh('', { 'content-type': 'text/html' }), 'refused'],
    ['a coded content', fresh('', { 'content-encoding': 'gzip' }), 'refused'],
    ['a redirect', { status: 302, fields: { location: 'https://evil.example' }, body: utf8('') }, 'refused'],
    ['an empty one', fresh('', {}, utf8('')), 'refused'],
    ['one too large', fresh('', {}, new Uint8Array((4 << 20) + 1)), 'too-large'],
    ['a timeout', 'timeout', 'timeout'],
  ])('%s', async (_, answer, why) => {
    const { mirror, keys, told } = await started(() => answer)
    expect(keys()).toBeUndefined()
    expect(told).toContain(`keys ${why}`)
    mirror.stop()
  })

  test('and the old copy stays', async () => {
    let good = true
    const { mirror, keys } = await started(({ path }) => (good ? fresh(path) : fresh('', { 'content-type': 'x/y' })))
    good = false
    await vi.advanceTimersByTimeAsync(400_000)
    expect(keys()?.bytes).toEqual(utf8('opaque'))
    mirror.stop()
  })
})

test('on demand: fetched when asked for and not fresh, and only then', async () => {
  const { forward, asked } = gateway(({ path }) => fresh(path))
  const mirror = mirrorOnDemand({ forward, now: Date.now })
  expect(await mirror.read('keys')).toMatchObject({ left: 600 })
  expect(await mirror.read('keys')).toMatchObject({ left: 600 })
  expect(asked).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(600_000)
  expect(await mirror.read('keys')).toMatchObject({ left: 600 })
  expect(asked).toHaveLength(2)
})

test('on demand: nothing when the gateway gives nothing', async () => {
  const { forward } = gateway(() => 'broken')
  expect(await mirrorOnDemand({ forward, now: Date.now }).read('bundle')).toBeUndefined()
})
