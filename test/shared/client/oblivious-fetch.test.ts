/** The client against a real relay and gateway on loopback: what arrives, what is sealed, what an application gets. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { buckets } from '../../../shared/bhttp/padding.ts'
import { fromUtf8 } from '../../../shared/bytes.ts'
import { serializeKeyConfigs } from '../../../shared/ohttp/key-config.ts'
import { codeOf, visitor, type Visitor } from './clients.ts'
import { town, type Town } from './town.ts'

const target = 'https://app.asunder.example/v1/notes?of=today'
const secret = 'the dossier of Ana Lindqvist'

let pair: Town
let fetch: Visitor

beforeEach(async () => {
  pair = await town()
  fetch = visitor(pair)
})

afterEach(async () => {
  await fetch.close()
  await pair.close()
})

describe('what goes out', () => {
  test.each(['standard', 'chunked'] as const)('OHTTP-C1: a POST to the relay resource, family %s', async (family) => {
    fetch = visitor(pair, { family })
    await fetch(target, { method: 'POST', body: secret })
    const [post] = pair.posts()
    expect(post?.path).toBe('/')
    const type = family === 'standard' ? 'message/ohttp-req' : 'message/ohttp-chunked-req'
    const [, authority] = pair.url.split('//')
    expect(post?.rawHeaders).toEqual([
      ...['host', authority?.slice(0, -1), 'connection', 'keep-alive'],
      ...['content-type', type, 'content-length', String(post?.body.length)],
    ])
  })

  test('OHTTP-C6: nothing of the request stands in the outer one', async () => {
    await fetch(target, { method: 'POST', body: secret, headers: { 'x-who': 'ana', authorization: 'Bearer key' } })
    expect(pair.opened[0] && fromUtf8(pair.opened[0].content)).toBe(secret)
    for (const word of [secret, 'dossier', 'notes', 'app.asunder', 'ana', 'Bearer']) {
      expect(pair.everythingItSaw()).not.toContain(word)
    }
  })

  test('OHTTP-C7: the outer fields are the same for different requests', async () => {
    await fetch(target, { method: 'POST', body: secret })
    await fetch('https://app.asunder.example/other', { headers: { accept: 'image/png' } })
    const [one, two] = pair.posts().map(({ rawHeaders }) => rawHeaders)
    expect(one).toEqual(two)
  })

  test.each(['standard', 'chunked'] as const)('OHTTP-C4: every %s request lies on a bucket', async (family) => {
    fetch = visitor(pair, { family })
    const sizes = [0, 1, 700, 900, 3_900, 16_000, 16_250, 16_300, 16_330, 16_400, 60_000, 65_400]
    for (const size of sizes) await fetch(target, { method: 'POST', body: 'x'.repeat(size) })
    const lengths = pair.posts().map(({ body }) => body.length)
    expect(lengths.filter((length) => !(buckets as readonly number[]).includes(length))).toEqual([])
    expect(pair.opened.map(({ content }) => content.length)).toEqual(sizes)
  })

  test('OHTTP-C5, E-9: a thousand requests use a thousand encapsulations', async () => {
    for (let round = 0; round < 20; round++) {
      await Promise.all(Array.from({ length: 50 }, () => fetch(target).then((answer) => answer.text())))
    }
    const encs = new Set(pair.posts().map(({ body }) => body.subarray(7, 39).toHex()))
    expect(encs.size).toBe(1000)
  })

  test('OHTTP-C11: a Date, cut to the minute', async () => {
    const now = (): number => Date.parse('2026-11-22T10:11:12.345Z')
    pair.bundle = await pair.operator.bundle({
      ...{ keys: keysOf(pair), notBefore: now() - 345 - 60_000, notAfter: now() - 345 + 60_000 },
    })
    fetch = visitor(pair, { now })
    await fetch(target)
    expect(pair.opened[0]?.headers).toContainEqual(['date', 'Sun, 22 Nov 2026 10:11:00 GMT'])
  })

  test('OHTTP-C8: an expectation is refused before anything is sent', async () => {
    await expect(fetch(target, { headers: { expect: '100-continue' } })).rejects.toThrow(TypeError)
    expect(pair.received).toEqual([])
  })

  test.each([
    ['a plain target', 'http://app.asunder.example/', {}],
    ['credentials in the address', 'https://ana:pw@app.asunder.example/', {}],
    ['TRACE', target, { method: 'TRACE' }],
    ['a body on GET', target, { body: 'x' }],
    ['a relative address', '/v1/notes', {}],
  ])('%s is the caller’s mistake and sends nothing', async (_name, url, init) => {
    await expect(fetch(url, init)).rejects.toThrow(TypeError)
    expect(pair.received).toEqual([])
  })
})

describe('what the application gets', () => {
  test.each(['standard', 'chunked'] as const)('a Response like any other, family %s', async (family) => {
    fetch = visitor(pair, { family })
    pair.app = () => ({
      status: 201,
      headers: [
        ['content-type', 'text/plain'],
        ['x-kind', 'note'],
      ],
      content: 'done',
    })
    const answer = await fetch(new URL(`${target}#part`), { method: 'put', body: 'x' })
    expect(answer).toBeInstanceOf(Response)
    expect([answer.status, answer.ok, answer.url]).toEqual([201, true, target])
    expect(answer.headers.get('x-kind')).toBe('note')
    expect(await answer.text()).toBe('done')
    expect(pair.opened[0]?.method).toBe('PUT')
  })

  test.each([204, 205, 304])('status %i without content', async (status) => {
    pair.app = () => ({ status })
    for (const family of ['standard', 'chunked'] as const) {
      const answer = await visitor(pair, { family })(target)
      expect([answer.status, answer.body]).toEqual([status, null])
    }
  })

  test('a Request object carries method, fields, body and signal', async () => {
    const request = new Request(target, { method: 'POST', body: new URLSearchParams({ a: 'b' }) })
    await fetch(request)
    expect(pair.opened[0]).toMatchObject({
      method: 'POST',
      authority: 'app.asunder.example',
      path: '/v1/notes?of=today',
    })
    expect(pair.opened[0]?.headers).toContainEqual(['content-type', 'application/x-www-form-urlencoded;charset=UTF-8'])
    expect(pair.opened[0] && fromUtf8(pair.opened[0].content)).toBe('a=b')
  })

  test('OHTTP-C15: a redirect inside is shown, not followed, and refused where the caller says so', async () => {
    pair.app = () => ({ status: 302, headers: [['location', 'https://app.asunder.example/you-are-no-7']] })
    expect((await fetch(target)).status).toBe(302)
    await expect(fetch(target, { redirect: 'error' })).rejects.toThrow(TypeError)
    expect(pair.opened.length).toBe(2)
  })

  test('OHTTP-C15: what asks to be remembered stays outside, and the next request repeats nothing of it', async () => {
    const headers = [
      ['set-cookie', 'id=7'],
      ['etag', '"7"'],
      ['alt-svc', 'h3=":443"'],
      ['x-ok', '1'],
    ] as const
    pair.app = () => ({ headers })
    const answer = await fetch(target)
    expect([...answer.headers]).toEqual([['x-ok', '1']])
    await fetch(target)
    expect(pair.opened[1]?.headers.map(([name]) => name)).toEqual(['date'])
  })

  test('a streamed answer is visible while it is still being made', async () => {
    let next: () => void = () => undefined
    pair.app = () => ({
      content: (async function* () {
        yield 'one '
        await new Promise<void>((resolve) => (next = resolve))
        yield 'two'
      })(),
    })
    const answer = await fetch(target, { headers: { accept: 'text/event-stream' } })
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
    expect((await reader?.read())?.value).toBe('one ')
    next()
    expect((await reader?.read())?.value).toBe('two')
    expect((await reader?.read())?.done).toBe(true)
  })

  test('an answer is read no faster than its reader reads', async () => {
    let made = 0
    pair.app = () => ({ content: sixtyFourMebibytes(() => made++) })
    const answer = await visitor(pair, { family: 'chunked' })(target)
    for (let before = -1; before !== made;) {
      before = made
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    // What the kernel's socket buffers swallow is not ours to bound.
    expect(made * 16_384).toBeLessThan(32 * 1024 * 1024)
    expect((await answer.arrayBuffer()).byteLength).toBe(4096 * 16_384)
  })
})

describe('leaving', () => {
  test('an aborted call rejects at once with the reason, before and while it waits', async () => {
    const gone = new Error('gone')
    await expect(fetch(target, { signal: AbortSignal.abort(gone) })).rejects.toBe(gone)
    pair.onPost = () => new Promise(() => undefined)
    const leaving = new AbortController()
    const waiting = fetch(target, { signal: leaving.signal })
    setTimeout(() => leaving.abort(gone), 30)
    await expect(waiting).rejects.toBe(gone)
  })

  test('an abort in the middle of an answer errors its body', async () => {
    pair.app = () => ({
      content: (async function* () {
        yield 'one'
        await new Promise(() => undefined)
      })(),
    })
    const leaving = new AbortController()
    const answer = await visitor(pair, { family: 'chunked' })(target, { signal: leaving.signal })
    const reader = answer.body?.getReader()
    await reader?.read()
    const rest = reader?.read()
    leaving.abort(new Error('enough'))
    await expect(rest).rejects.toThrow('enough')
  })

  test('a caller that cancels the body lets go of the relay', async () => {
    pair.app = () => ({
      content: (async function* () {
        yield 'one'
        await new Promise(() => undefined)
      })(),
    })
    const closed = new Promise<void>((resolve) => {
      pair.onPost = (_request, response) => {
        response.on('close', () => resolve())
        return false
      }
    })
    const answer = await visitor(pair, { family: 'chunked' })(target)
    await answer.body?.cancel()
    await closed
  })
})

describe('sending as a stream', () => {
  test('a caller’s stream goes out with `incremental` as it comes, chunked, and arrives whole', async () => {
    const parts = ['a', 'b'.repeat(40_000), 'c']
    const body = ReadableStream.from(parts.map((part) => new TextEncoder().encode(part)))
    await fetch(target, { method: 'POST', body, duplex: 'half' })
    expect(pair.posts()[0]?.rawHeaders).toEqual(expect.arrayContaining(['incremental', '?1', 'transfer-encoding']))
    expect(pair.opened[0] && fromUtf8(pair.opened[0].content)).toBe(parts.join(''))
  })

  test('the failure of the caller’s stream is the caller’s to see', async () => {
    const failure = new Error('disk')
    const body = (async function* () {
      yield new TextEncoder().encode('a')
      await Promise.reject(failure)
    })()
    await expect(fetch(target, { method: 'POST', body, duplex: 'half' })).rejects.toBe(failure)
    expect(pair.opened).toEqual([])
  })

  test('a stream cannot be forced into the standard family', async () => {
    const body = ReadableStream.from([new Uint8Array(1)])
    const standard = visitor(pair, { family: 'standard' })
    await expect(standard(target, { method: 'POST', body, duplex: 'half' })).rejects.toThrow(TypeError)
  })

  test('a request over the limit is refused before it is sent', async () => {
    fetch = visitor(pair, { limits: { request: 10 } })
    expect(await codeOf(fetch(target, { method: 'POST', body: 'x'.repeat(11) }))).toBe('too-large')
    expect(pair.received).toEqual([])
  })
})

function keysOf(pair: Town): ReturnType<typeof serializeKeyConfigs> {
  return serializeKeyConfigs([pair.key.config])
}

async function* sixtyFourMebibytes(count: () => void): AsyncGenerator<string> {
  const piece = 'x'.repeat(16_384)
  for (let i = 0; i < 4096; i++) {
    if (i % 64 === 0) await new Promise((resolve) => setImmediate(resolve))
    count()
    yield piece
  }
}
