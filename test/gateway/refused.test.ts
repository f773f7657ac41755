import { describe, expect, test } from 'vitest'
import { concat, utf8 } from '../../shared/bytes.ts'
import { encode } from '../../shared/bhttp/encode.ts'
import { defaultLimits, type Field } from '../../shared/bhttp/message.ts'
import { ask, binaryRequest, origin, start, town, valueOf } from './town.ts'

const problem = (text: string) => JSON.parse(text) as { type: string; status: number }

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

  test('E-11: too many fields are told how many there may be', async () => {
    const headers = Array.from({ length: 130 }, (_, i): Field => [`x-${String(i)}`, '1'])
    const { text } = await ask(await town(), { headers })
    expect(JSON.parse(text)).toEqual({
      type: 'about:blank',
      title: 'Content Too Large',
      status: 413,
      limit: defaultLimits.request.fields,
    })
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

  test('OHTTP-G25: the window is no secret: whoever is refused learns our clock and passes with it', async () => {
    const place = await town()
    const refused = await ask(place, { date: start - 301_000 })
    const ours = Date.parse(valueOf(refused.inner.headers, 'date') ?? '')
    expect((await ask(place, { date: ours })).inner.status).toBe(200)
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
