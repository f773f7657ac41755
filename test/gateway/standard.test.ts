import { describe, expect, test } from 'vitest'
import { bucket } from '../../shared/bhttp/padding.ts'
import { concat, utf8 } from '../../shared/bytes.ts'
import { encode } from '../../shared/bhttp/encode.ts'
import { nodeHpke } from '../../shared/hpke/node.ts'
import { sealRequest } from '../../shared/ohttp/request.ts'
import type { Field } from '../../shared/bhttp/message.ts'
import { ask, binaryRequest, newKey, origin, post, start, suite, town, valueOf } from './town.ts'

const problem = (text: string) => JSON.parse(text) as { type: string; status: number }

describe('standard exchanges', () => {
  test('OHTTP-G8, OHTTP-G9, OHTTP-G10, CHK-1: an outer 200 of its own family, with nothing of the target outside', async () => {
    const place = await town()
    const { outer, inner, text } = await ask(place)
    expect([outer.status, inner.status, text]).toEqual([200, 200, 'hello'])
    expect(Object.fromEntries(outer.headers)).toEqual({
      'content-type': 'message/ohttp-res',
      'content-length': '1024',
      'cache-control': 'no-store',
    })
    expect(valueOf(inner.headers, 'x-model')).toBe('llama')
    expect(place.outcomes).toEqual(['served'])
    expect(place.pool.released).toBe(1)
  })

  test.each([204, 304, 404, 418, 500, 503])(
    'OHTTP-G9, OHTTP-G15: inner status %i never shows outside',
    async (status) => {
      const place = await town({ handler: (_, out) => out.writeHead(status, { 'x-model': 'a' }).end() })
      const { outer, inner, size } = await ask(place)
      expect([outer.status, inner.status, size]).toEqual([200, status, 1024])
    },
  )

  test('OHTTP-G15: HEAD is answered with the head of a GET and no content', async () => {
    const place = await town({ handler: (_, out) => out.writeHead(200, { 'content-length': '5' }).end() })
    const { inner } = await ask(place, { method: 'HEAD' })
    expect([inner.status, inner.content.length, valueOf(inner.headers, 'content-length')]).toEqual([200, 0, '5'])
  })

  test('OHTTP-G16, OHTTP-G29: the CVM sees Host from the authority, and no hop-by-hop or forwarding field', async () => {
    const place = await town()
    const headers: Field[] = [
      ['connection', 'x-a'],
      ['x-a', '1'],
      ['transfer-encoding', 'chunked'],
      ['te', 'trailers'],
      ['upgrade', 'h2c'],
      ['proxy-connection', 'x'],
      ['keep-alive', 'x'],
      ['content-length', '2'],
      ['x-forwarded-for', '203.0.113.7'],
      ['forwarded', 'for=203.0.113.7'],
      ['via', '1.1 relay'],
      ['cookie', 'a=1'],
      ['x-b', 'first'],
      ['cookie', 'b=2'],
      ['x-b', 'second'],
      ['accept', 'text/event-stream'],
    ]
    await ask(place, {
      method: 'POST',
      path: '/v1/chat?x=1',
      headers,
      content: 'hi',
      authority: 'App.Asunder.Example:443',
    })
    expect(place.seen[0]).toMatchObject({ method: 'POST', url: '/v1/chat?x=1', body: 'hi' })
    expect(place.seen[0]?.headers.filter(([name]) => name !== 'connection')).toEqual([
      ['host', 'app.asunder.example:443'],
      ['date', new Date(start).toUTCString()],
      ['cookie', 'a=1; b=2'],
      ['x-b', 'first'],
      ['x-b', 'second'],
      ['accept', 'text/event-stream'],
      ['content-length', '2'],
    ])
  })

  test('OHTTP-G16, OHTTP-G17: nothing that the relay says reaches the CVM', async () => {
    const place = await town()
    const sealed = await sealRequest(nodeHpke, place.key.config, suite, binaryRequest({}))
    const headers = { 'content-type': 'message/ohttp-req', 'x-forwarded-for': '203.0.113.7', cookie: 'relay=1' }
    await place.app.request('/', { method: 'POST', headers, body: sealed.message })
    expect(JSON.stringify(place.seen)).not.toMatch(/203|relay/)
  })

  test('OHTTP-G16: what the target says of its connection stays behind', async () => {
    const headers = {
      connection: 'x-c',
      'x-c': '1',
      'keep-alive': 'timeout=5',
      via: 'vllm',
      'x-model': 'llama',
      'set-cookie': ['a=1', 'b=2'],
    }
    const place = await town({ handler: (_, out) => out.writeHead(200, headers).end('x') })
    const { inner } = await ask(place)
    const names = inner.headers.map(([name]) => name)
    expect(names).not.toContain('x-c')
    expect(names).not.toContain('keep-alive')
    expect(names).not.toContain('via')
    expect(inner.headers.filter(([name]) => name === 'set-cookie')).toEqual([
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ])
  })

  test('OHTTP-G18: informational responses of the target are dropped, the final one is kept', async () => {
    const place = await town({
      handler: (_, out) => {
        out.writeProcessing()
        out.writeEarlyHints({ link: '</a.css>; rel=preload' })
        out.end('late')
      },
    })
    const { inner, text } = await ask(place)
    expect([inner.informational, inner.status, text]).toEqual([[], 200, 'late'])
  })

  test.each([0, 500, 800, 900, 1_000, 4_000, 16_000, 60_000, 300_000])(
    'PAD-1, PAD-2, PAD-4, OHTTP-G28: the complete answer to %i octets of content fills its bucket exactly',
    async (length) => {
      const place = await town({ handler: (_, out) => out.end(Buffer.alloc(length, 'x')) })
      const { size, inner, outer } = await ask(place)
      expect(inner.content.length).toBe(length)
      expect(bucket(size)).toBe(size)
      expect(outer.headers.get('content-length')).toBe(String(size))
      if (length > 0) expect(size).toBeLessThanOrEqual(Math.max(1024, 4 * (length + 300)))
    },
  )

  test('the last octet that still fits a bucket, and the first that does not', async () => {
    let length = 0
    const place = await town({ handler: (_, out) => out.end(Buffer.alloc(length, 'x')) })
    length = 500
    const spare = (await ask(place)).inner.padding
    // The content's own length takes two octets from 64 to 16,383, in the field "content-length" three digits.
    length = 500 + spare
    expect(await ask(place)).toMatchObject({ size: 1024, inner: { padding: 0 } })
    length += 1
    expect((await ask(place)).size).toBe(4096)
  })

  test('E-5, OHTTP-G6: two answers to like requests share no nonce', async () => {
    const place = await town()
    const heads = new Set<string>()
    for (let i = 0; i < 8; i++) {
      const sealed = await sealRequest(nodeHpke, place.key.config, suite, binaryRequest({}))
      const outer = await post(place.app, 'message/ohttp-req', sealed.message)
      heads.add(Buffer.from(await outer.arrayBuffer()).toString('hex', 0, 16))
    }
    expect(heads.size).toBe(8)
  })

  test('OHTTP-G7: several keys live; each message is opened with the key that its id names', async () => {
    const [one, two] = [newKey(7), newKey(8)]
    const place = await town({ keys: [one, two] })
    expect((await ask({ app: place.app, key: two })).text).toBe('hello')
    expect((await ask({ app: place.app, key: one })).text).toBe('hello')
    const confused = await sealRequest(nodeHpke, one.config, suite, binaryRequest({}))
    confused.message[0] = 8
    expect((await post(place.app, 'message/ohttp-req', confused.message)).status).toBe(400)
  })

  test('truncated forms and padding of foreign clients are read', async () => {
    const place = await town()
    const whole = binaryRequest({ date: null })
    const bare = whole.subarray(0, whole.length - 3)
    expect((await ask(place, bare)).inner.status).toBe(200)
    expect((await ask(place, concat(whole, new Uint8Array(99)))).inner.status).toBe(200)
  })
})

describe('after opening, every refusal is sealed', () => {
  test.each([
    [
      'OHTTP-G20: a response in place of a request',
      encode({
        kind: 'response',
        framing: 'known',
        informational: [],
        status: 200,
        headers: [],
        content: utf8(''),
        trailers: [],
        padding: 0,
      }),
      400,
    ],
    ['OHTTP-G20: a message cut short', binaryRequest({}).subarray(0, 6), 400],
    ['OHTTP-G20: no Binary HTTP at all', utf8('GET / HTTP/1.1'), 400],
    ['non-zero padding', concat(binaryRequest({}), Uint8Array.of(0, 1)), 400],
    ['too many fields', { headers: Array.from({ length: 130 }, (_, i): Field => [`x-${String(i)}`, '1']) }, 413],
    ['an empty authority', { authority: '' }, 400],
    ['B-20: Host and authority disagree', { headers: [['host', 'evil.example']] }, 400],
    [
      'B-20: two Hosts',
      {
        headers: [
          ['host', 'app.asunder.example'],
          ['host', 'app.asunder.example'],
        ],
      },
      400,
    ],
    ['B-17, HOP-5: CONNECT', { method: 'CONNECT' }, 400],
    ['HOP-5: TRACE', { method: 'TRACE' }, 400],
    ['a method outside the list', { method: 'PROPFIND' }, 400],
    ['OPTIONS *', { method: 'OPTIONS', path: '*' }, 400],
    [
      'B-19: content-length above the content',
      { method: 'POST', content: 'abc', headers: [['content-length', '5']] },
      400,
    ],
    [
      'B-19: content-length below the content',
      { method: 'POST', content: 'abc', headers: [['content-length', '2']] },
      400,
    ],
    [
      'B-19: two content-lengths',
      {
        method: 'POST',
        content: 'abc',
        headers: [
          ['content-length', '3'],
          ['content-length', '4'],
        ],
      },
      400,
    ],
    ['B-19: content-length without content', { headers: [['content-length', '1']] }, 400],
    ['OHTTP-G19: an expectation', { headers: [['expect', '100-continue']] }, 417],
    ['OHTTP-G26: a target outside the list', { authority: 'other.example' }, 403],
    ['OHTTP-G26: the metadata address', { authority: '169.254.169.254' }, 403],
    ['OHTTP-G26: the port is part of the target', { authority: 'app.asunder.example:8443' }, 403],
    ['OHTTP-G27: plain http', { scheme: 'http' }, 403],
    ['control characters in a value', { headers: [['x-a', 'a\u0001b']] }, 400],
  ] as const)('%s', async (_, inside, status) => {
    const place = await town()
    const { outer, inner, text, size } = await ask(place, inside)
    expect([outer.status, outer.headers.get('content-type'), size]).toEqual([200, 'message/ohttp-res', 1024])
    expect([inner.status, valueOf(inner.headers, 'content-type')]).toEqual([status, 'application/problem+json'])
    expect(problem(text)).toMatchObject({ type: 'about:blank', status })
    expect([place.pool.sent, place.seen, place.faults]).toEqual([0, [], []])
    expect(place.pool.released).toBe(1)
  })

  test.each([
    ['OHTTP-G22: 301 s old', start - 301_000],
    ['OHTTP-G22: 301 s ahead', start + 301_000],
  ])('%s is answered with the date problem and our Date', async (_, date) => {
    const place = await town()
    const { inner, text, size } = await ask(place, { date })
    expect([inner.status, size]).toEqual([400, 1024])
    expect(problem(text).type).toBe('https://iana.org/assignments/http-problem-types#date')
    expect(valueOf(inner.headers, 'date')).toBe(new Date(start).toUTCString())
    expect(valueOf(inner.headers, 'cache-control')).toBe('no-store')
    expect(place.seen).toEqual([])
  })

  test.each([
    'Wed, 01 Jul 2026 12:00:00 +0000',
    'Wednesday, 01-Jul-26 12:00:00 GMT',
    'Wed Jul  1 12:00:00 2026',
    'Thu, 01 Jul 2026 12:00:00 GMT',
    '2026-07-01T12:00:00Z',
    '1782907200',
    'Invalid Date',
    '',
  ])('OHTTP-G23, RD-1: Date %j is not an IMF-fixdate', async (date) => {
    const place = await town()
    const { inner, text } = await ask(place, { date: null, headers: [['date', date]] })
    expect([inner.status, problem(text).type]).toEqual([400, expect.stringContaining('#date')])
  })

  test('RD-1: two Date fields are no Date', async () => {
    const place = await town()
    const { inner } = await ask(place, { headers: [['date', new Date(start).toUTCString()]] })
    expect([inner.status, place.outcomes]).toEqual([400, ['wrong-date']])
  })

  test.each([-300_000, 0, 300_000])('OHTTP-G22: a Date %i ms off is inside the window', async (offset) => {
    const place = await town()
    expect((await ask(place, { date: start + offset })).inner.status).toBe(200)
  })

  test('OHTTP-G11: a CVM that resets is a sealed 502', async () => {
    const place = await town({ handler: (incoming) => void incoming.socket.destroy() })
    expect(await ask(place)).toMatchObject({ size: 1024, inner: { status: 502 }, outer: { status: 200 } })
    expect(place.outcomes).toEqual(['cvm-failed'])
  })

  test('OHTTP-G11: an answer that breaks off is a sealed 502, never a short 200', async () => {
    const place = await town({
      handler: (_, out) => {
        out.writeHead(200, { 'content-length': '100' })
        out.write('half', () => setTimeout(() => out.destroy(), 20))
      },
    })
    expect((await ask(place)).inner.status).toBe(502)
  })

  test('OHTTP-G11: a CVM that says nothing is a sealed 504', async () => {
    const place = await town({ handler: () => undefined, cvmLimits: { firstByte: 50, stall: 50 } })
    expect(await ask(place)).toMatchObject({ size: 1024, inner: { status: 504 } })
    expect(place.outcomes).toEqual(['cvm-slow'])
  })

  test('an answer longer than we store is a sealed 502, and one of just that length is served', async () => {
    const place = await town({
      limits: { answer: 1_000 },
      handler: ({ url }, out) => out.end('x'.repeat(Number(url?.slice(1)))),
    })
    expect((await ask(place, { path: '/1000' })).inner.status).toBe(200)
    expect((await ask(place, { path: '/1001' })).inner.status).toBe(502)
  })

  test('a verdict that ends between opening and serving is a sealed 503, and nothing is sent', async () => {
    const place = await town({ claims: lateStore(() => (place.pool.alive = false)) })
    const { inner, size } = await ask(place)
    expect([inner.status, size, valueOf(inner.headers, 'retry-after')]).toEqual([503, 1024, '1'])
    expect([place.pool.sent, place.outcomes]).toEqual([0, ['cvm-expired']])
  })

  test('a mistake of ours is a sealed 500 and is told', async () => {
    const fault = new RangeError('ours')
    const place = await town({
      screen: {
        targets: new Set([origin]),
        methods: {
          has: () => {
            throw fault
          },
        } as unknown as Set<string>,
        window: 1,
      },
    })
    expect((await ask(place)).inner.status).toBe(500)
    expect(place.faults).toEqual([fault])
  })
})

function lateStore(then: () => void) {
  return {
    claim: () => {
      then()
      return Promise.resolve('first' as const)
    },
    forget: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
}
