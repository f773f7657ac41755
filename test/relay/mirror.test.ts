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
const bundle = (serial: number): Uint8Array<ArrayBuffer> =>
  utf8(`asunder bundle v1\n{"serial":${serial}}\n\n— name c2ln\n`)
const bodyOf = (path: string): Uint8Array<ArrayBuffer> => (path.endsWith('bundle') ? bundle(1) : utf8('opaque'))
const fresh = (path: string, fields: Record<string, string> = {}, body = bodyOf(path)): Scripted => ({
  fields: { 'content-type': typeOf(path), 'cache-control': 'max-age=600', ...fields },
  body,
})

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

async function started(
  script: (request: UpstreamRequest) => Scripted,
  ...elsewhere: ((request: UpstreamRequest) => Scripted)[]
) {
  const { forward, asked } = gateway(script)
  const told: string[] = []
  const mirror = createMirror({
    forward,
    vantages: elsewhere.map((one) => gateway(one).forward),
    now: Date.now,
    told: (resource, result) => told.push(`${resource} ${typeof result === 'string' ? result : result.copy}`),
  })
  await mirror.start()
  const of = (resource: 'bundle' | 'keys') => (): Copy | undefined => mirror.read(resource) as Copy | undefined
  return { mirror, asked, told, keys: of('keys'), bundle: of('bundle') }
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
  const copyOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`
  expect(told).toEqual([expect.stringMatching(/^bundle sha256:[0-9a-f]{64}$/), `keys ${copyOf('opaque')}`])
  const digest = createHash('sha256').update('opaque').digest('hex')
  expect(keys()).toEqual({ bytes: utf8('opaque'), etag: `"${digest}"`, left: 600 })
  mirror.stop()
})

test.each([
  [{ 'cache-control': 'max-age=600' }, 600],
  [{ 'cache-control': 'max-age=86400' }, 600],
  [{ 'cache-control': 'public, MAX-AGE=120, x=1', age: '20' }, 100],
  [{ 'cache-control': 's-maxage=5, max-age=300' }, 300],
  [{ 'cache-control': 'private' }, 60],
  [{ 'cache-control': 'max-age=120', age: 'me' }, 120],
  [{ 'cache-control': 'max-age=20', age: '30' }, 0],
])('freshness %j becomes %i seconds left', async (fields, left) => {
  const { mirror, keys } = await started(({ path }) => fresh(path, fields))
  expect(keys()).toMatchObject({ left })
  mirror.stop()
})

test('time counts down once, and a copy that cannot be replaced is not shown for more than a minute longer', async () => {
  let alive = true
  const { mirror, keys, told } = await started(({ path }) => (alive ? fresh(path) : 'broken'))
  alive = false
  await vi.advanceTimersByTimeAsync(250_000)
  // RFC 9111 §4.2: a cache that subtracted an age from what counts down already would drop it after half of its life.
  expect(copyFields('keys', keys() as Copy)).toMatchObject({ 'cache-control': 'public, max-age=350', age: '0' })
  await vi.advanceTimersByTimeAsync(349_999)
  expect(keys()).toMatchObject({ left: 1 })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(copyFields('keys', keys() as Copy)).toMatchObject({ 'cache-control': 'public, max-age=0', age: '0' })
  await vi.advanceTimersByTimeAsync(1)
  expect([keys(), mirror.complete()]).toEqual([undefined, false])
  expect(told).toContain('keys broken')
  alive = true
  await vi.advanceTimersByTimeAsync(5_000)
  expect([keys()?.left, mirror.complete()]).toEqual([600, true])
  mirror.stop()
})

/** A gateway whose copies all end with its windows of 600 s, a round trip away; it fails while `down` says so. */
function windowed(down: (since: number) => boolean): Forward {
  const opened = Date.now()
  return (request, listener) => {
    setTimeout(() => {
      const since = Date.now() - opened
      if (down(since)) return void setTimeout(() => listener.fail('timeout'), 10_000)
      const left = 600 - (Math.floor(since / 1000) % 600)
      const fields: Record<string, string> = {
        'content-type': typeOf(request.path),
        'cache-control': `public, max-age=${left}`,
      }
      setTimeout(() => {
        listener.head(200, (name) => fields[name])
        listener.data(bodyOf(request.path))
        listener.end()
      }, 20)
    }, 20)
    return { pause: () => undefined, resume: () => undefined, abort: () => undefined }
  }
}

test.each<[string, (since: number) => boolean]>([
  ['that always answers', () => false],
  ['that says nothing at each end of a window', (since) => since > 10_000 && (since + 3_000) % 600_000 < 6_000],
])('over 2,000 s beside a gateway %s there is always a copy of both', async (_, down) => {
  const mirror = createMirror({ forward: windowed(down), now: Date.now })
  void mirror.start()
  await vi.advanceTimersByTimeAsync(100)
  const dark: number[] = []
  let longest = 0
  for (let step = 0; step < 10_000; step++) {
    await vi.advanceTimersByTimeAsync(200)
    if (!mirror.complete()) dark.push(step / 5)
    longest = Math.max(longest, (mirror.read('keys') as Copy | undefined)?.left ?? 0)
  }
  mirror.stop()
  expect(dark).toHaveLength(0)
  expect(longest).toBeLessThanOrEqual(600)
})

test('near the end of a window it looks at a steady pace', async () => {
  const looks: number[] = []
  const forward = windowed(() => false)
  const mirror = createMirror({
    forward: (request, listener) => {
      if (request.path.endsWith('gateway')) looks.push(Date.now())
      return forward(request, listener)
    },
    now: Date.now,
  })
  void mirror.start()
  await vi.advanceTimersByTimeAsync(600_000)
  mirror.stop()
  expect(looks.length).toBeLessThan(12)
  expect(Math.min(...looks.slice(1).map((at, i) => at - (looks[i] ?? 0)))).toBeGreaterThanOrEqual(5_000)
})

describe('a bundle older than one that was seen', () => {
  test('is not shown: the old copy stays, and it is told', async () => {
    let serial = 7
    const {
      mirror,
      bundle: copy,
      told,
    } = await started(({ path }) => fresh(path, {}, path.endsWith('bundle') ? bundle(serial) : utf8('opaque')))
    serial = 6
    await vi.advanceTimersByTimeAsync(300_000)
    expect(copy()?.bytes).toEqual(bundle(7))
    expect(told).toContain('bundle rolled-back')
    await vi.advanceTimersByTimeAsync(400_000)
    expect(copy()).toBeUndefined()
    serial = 8
    await vi.advanceTimersByTimeAsync(5_000)
    expect(copy()?.bytes).toEqual(bundle(8))
    mirror.stop()
  })

  test('nor on demand, and not after the newer one has ended', async () => {
    let serial = 7
    const { forward } = gateway(({ path }) => fresh(path, {}, bundle(serial)))
    const mirror = mirrorOnDemand({ forward, now: Date.now })
    expect((await mirror.read('bundle'))?.bytes).toEqual(bundle(7))
    serial = 6
    await vi.advanceTimersByTimeAsync(600_000)
    expect((await mirror.read('bundle'))?.bytes).toEqual(bundle(7))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await mirror.read('bundle')).toBeUndefined()
  })

  test('one whose serial cannot be read is not shown either', async () => {
    const { mirror, bundle: copy, told } = await started(({ path }) => fresh(path, {}, utf8('opaque')))
    expect(copy()).toBeUndefined()
    expect(told).toEqual(['bundle refused', expect.stringMatching(/^keys sha256:[0-9a-f]{64}$/)])
    mirror.stop()
  })
})

describe('complete', () => {
  test.each<[string, string[], boolean]>([
    ['bundle and keys', [], true],
    ['keys alone, where the gateway has no bundle', ['bundle 404'], true],
    ['the bundle alone, where the gateway has no bare list', ['keys 404'], true],
    ['keys alone, where the bundle fails', ['bundle 503'], false],
    ['nothing, where the gateway has neither', ['bundle 404', 'keys 404'], false],
  ])('with %s', async (_, failing, complete) => {
    const { mirror } = await started((request) => {
      const name = request.path.endsWith('bundle') ? 'bundle' : 'keys'
      const status = failing.find((failure) => failure.startsWith(name))?.slice(-3)
      return status === undefined ? fresh(request.path) : { status: Number(status), fields: {}, body: utf8('') }
    })
    expect(mirror.complete()).toBe(complete)
    mirror.stop()
  })
})

test('refreshed at half of its life, one look at a time, and a changed answer replaces it', async () => {
  let version = 1
  const { mirror, asked, keys } = await started(({ path }) =>
    fresh(path, {}, path.endsWith('bundle') ? bundle(version) : utf8(`version ${version}`)),
  )
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

describe('seen from elsewhere too (trust.md 2)', () => {
  const other = (serial: number): Uint8Array<ArrayBuffer> =>
    utf8(`asunder bundle v1\n{"serial":${serial},"keys":"other"}\n\n— name c2ln\n`)
  const shows = (body: Uint8Array<ArrayBuffer>) => (request: UpstreamRequest) =>
    request.path.endsWith('bundle') ? fresh(request.path, {}, body) : fresh(request.path)

  test('the same bytes are shown to everybody', async () => {
    const { bundle: shown, told } = await started(shows(bundle(7)), shows(bundle(7)))
    expect(shown()?.bytes).toEqual(bundle(7))
    expect(told).toContainEqual(expect.stringMatching(/^bundle sha256:/))
  })

  test.each([
    ['a first one', 7, 7],
    ['one after it', 8, 8],
  ])('%s of one serial with other bytes there is never shown, and it is said', async (_, serial, there) => {
    const { bundle: shown, told, keys } = await started(shows(bundle(serial)), shows(other(there)))
    expect(shown()).toBeUndefined()
    expect(told).toContain('bundle equivocation')
    expect(keys()).toBeDefined()
  })

  test('what was shown before stays until its end, while another is contradicted', async () => {
    let body = bundle(7)
    const { bundle: shown, told } = await started(
      (request) => shows(body)(request),
      (request) => shows(other(8))(request),
    )
    expect(shown()?.bytes).toEqual(bundle(7))
    body = bundle(8)
    await vi.advanceTimersByTimeAsync(300_000)
    expect([shown()?.bytes, told.at(-1)]).toEqual([bundle(7), 'bundle equivocation'])
  })

  test('one of two that contradicts is enough; one that lags or is away is not', async () => {
    const lagging = await started(shows(bundle(8)), shows(other(7)), () => 'broken')
    expect([lagging.bundle()?.bytes, lagging.told.includes('bundle vantage-failed')]).toEqual([bundle(8), true])
    const forked = await started(shows(bundle(8)), shows(bundle(8)), shows(other(8)))
    expect(forked.bundle()).toBeUndefined()
  })

  test('a bundle that was contradicted does not count as seen: an honest one of the same serial is taken later', async () => {
    let there = other(7)
    const { bundle: shown } = await started(shows(bundle(7)), (request) => shows(there)(request))
    expect(shown()).toBeUndefined()
    there = bundle(7)
    await vi.advanceTimersByTimeAsync(6_000)
    expect(shown()?.bytes).toEqual(bundle(7))
  })
})
