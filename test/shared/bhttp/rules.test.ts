/** What HTTP allows in control data and field lines, seen through the decoder. RFC 9292 §3.4 and §3.6. */
import { describe, expect, test } from 'vitest'
import { fromHex } from '../../../shared/bytes.ts'
import { decodeRequest, decodeResponse } from '../../../shared/bhttp/decode.ts'
import type { Kind } from '../../../shared/bhttp/message.ts'
import { decodedOf, line, outcome, prefixed, request, response, section, streamed } from './feeding.ts'

const control = (method: string, scheme: string, authority: string, path: string) =>
  outcome(() => decodeRequest(fromHex(`00${[method, scheme, authority, path].map(prefixed).join('')}`)))

describe('B-3: request control data', () => {
  test.each([
    ['GET', 'https', 'e.com', '/'],
    ['GET', 'https', '', '/hello.txt'],
    ['OPTIONS', 'https', 'e.com', '*'],
    ['m-search!#$%&', 'http', 'e.com:', '/a/b;c=d/:@&?q=/?&'],
    ['GET', 'HTTPS', '[2001:db8::1]:443', '//two/slashes'],
    ['GET', 'https', '[v1.a:b]', '/%7e[x]|^`{}'],
    ['GET', 'https', 'sub_domain.a%2db~!', "/?a\\b'"],
    ['GET', 'coap+tcp', 'e.com', ''],
    ['CONNECT', '', 'e.com:443', ''],
    ['CONNECT', 'https', 'e.com', '/chat'],
  ])('%s %s %s %s is read', (method, scheme, authority, path) => {
    expect(control(method, scheme, authority, path)).toMatchObject({ method, scheme, authority, path })
  })

  test.each([
    ['', 'https', 'e.com', '/'],
    ['GE T', 'https', 'e.com', '/'],
    ['GET\r\nX: y', 'https', 'e.com', '/'],
    ['G\u00cbT', 'https', 'e.com', '/'],
    ['GET', '', 'e.com', '/'],
    ['GET', '1s', 'e.com', '/'],
    ['GET', 'https:', 'e.com', '/'],
    ['GET', 'https', 'e.com', ''],
    ['GET', 'HTTP', 'e.com', ''],
    ['GET', 'https', 'e.com', 'a'],
    ['GET', 'https', 'e.com', '*'],
    ['OPTIONS', 'https', 'e.com', '**'],
    ['GET', 'https', 'e.com', '?q'],
    ['GET', 'https', 'e.com', '@evil.example/'],
    ['GET', 'https', 'e.com', '.evil.example/'],
    ['GET', 'https', 'e.com', ':80/'],
    ['GET', 'https', 'e.com', '/\\evil.example/'],
    ['GET', 'https', 'e.com', 'https://evil.example/'],
    ['GET', 'https', 'e.com', '/a b'],
    ['GET', 'https', 'e.com', '/a\tb'],
    ['GET', 'https', 'e.com', '/a\0'],
    ['GET', 'https', 'e.com', '/a\n'],
    ['GET', 'https', 'e.com', '/a\r\nHost: x'],
    ['GET', 'https', 'e.com', '/a#b'],
    ['GET', 'https', 'e.com', '/?a#b'],
    ['GET', 'https', 'e.com', '/<"'],
    ['GET', 'https', 'e.com', '/\u00e9'],
    ['GET', 'https', 'e.com', '/\u007f'],
    ['CONNECT', '', 'e.com:443', '/'],
    ['CONNECT', 'https', 'e.com:443', ''],
  ])('%j %j %j %j is refused', (method, scheme, authority, path) => {
    expect(control(method, scheme, authority, path)).toBe('bad-control-data')
  })

  test.each([
    'allowed.example@evil.example',
    ':pw@e.com',
    'e.com/',
    'e.com?',
    'e.com#',
    'e.com\\',
    'e com',
    'e.com\r\n',
    'e.com\n',
    'e\0',
    ':443',
    'e.com:80:80',
    'e.com:8o',
    '[::1',
    '::1',
    '[]',
    '[::g]',
    '[::1]x',
    'a%2',
    'a%zz',
    'caf\u00e9',
    'a,b c',
  ])('an authority %j is refused', (authority) => {
    expect(control('GET', 'https', authority, '/')).toBe('bad-authority')
  })

  test('CONNECT names an authority', () => {
    expect(control('CONNECT', '', '', '')).toBe('bad-authority')
  })
})

test('B-17: CONNECT can be represented; what it asks for is for the screen to refuse', () => {
  expect(control('CONNECT', '', 'e.com:443', '')).toMatchObject({ method: 'CONNECT', path: '' })
})

describe('B-8: field names', () => {
  test.each([
    ['X-Test', 'x-test'],
    ["!#$%&'*+-.^_`|~09AZ", "!#$%&'*+-.^_`|~09az"],
    [':Protocol', ':protocol'],
  ])('%s is read as %s', (sent, read) => {
    expect(decodeResponse(response(section(line(sent, 'v')))).headers).toEqual([[read, 'v']])
  })

  test.each(['', ':', '::a', 'a:b', 'a b', ' a', 'a\0', 'a\n', 'a(', 'a/', 'a\u007f', 'a\u00e9', '\u00ff'])(
    '%j is none',
    (name) => {
      expect(outcome(() => decodeResponse(response(section(line(name, 'v')))))).toBe('bad-field')
    },
  )
})

describe('B-9: field values', () => {
  test.each(['', 'a \t b', '\u0080\u00ff', 'caf\u00e9', '"', '\u0001', ':', 'a'.repeat(5000)])('%j is one', (value) => {
    expect(decodeResponse(response(section(line('x', value)))).headers).toEqual([['x', value]])
  })

  test.each(['\0', 'a\0b', 'a\rb', 'a\nb', '\r\n', 'a\n', ' a', 'a ', '\ta', 'a\t', ' ', '\t'])(
    '%j is none',
    (value) => {
      for (const bytes of [response(section(line('x', value))), streamed(`${line('x', value)}00`)]) {
        expect(outcome(() => decodeResponse(bytes))).toBe('bad-field')
      }
    },
  )
})

describe('B-10: pseudo-fields', () => {
  const names = [':method', ':scheme', ':authority', ':path', ':status', ':Status', ':PATH']

  test.each(names)('%s is control data and no field', (name) => {
    const lines = section(line(name, 'x'))
    const messages: [Kind, Uint8Array][] = [
      ['request', request(lines)],
      ['response', response(lines)],
      ['response', fromHex(`014067${lines}40c8`)],
      ['response', response(`0000${lines}`)],
      ['response', streamed(`${line(name, 'x')}00`)],
    ]
    for (const [kind, bytes] of messages) expect(outcome(() => decodedOf(kind, bytes))).toBe('bad-field')
  })

  test('those of extensions are kept where they stand first', () => {
    const lines = [line(':protocol', 'websocket'), line(':x', ''), line('a', 'b')]
    const expected = [[':protocol', 'websocket'], [':x', ''], ['a', 'b']] // prettier-ignore
    expect(decodeRequest(request(section(...lines))).headers).toEqual(expected)
    expect(decodeResponse(fromHex(`014067${section(...lines)}40c8`)).informational[0]?.headers).toEqual(expected)
  })

  test('they are refused after a field, and in trailers', () => {
    const late = section(line('a', 'b'), line(':x', 'y'))
    expect(outcome(() => decodeRequest(request(late)))).toBe('bad-field')
    expect(outcome(() => decodeRequest(request(`0000${section(line(':x', 'y'))}`)))).toBe('bad-field')
  })
})

describe('fields as a whole', () => {
  test('B-11: order and repetition stay, cookie lines too', () => {
    const lines = [['set-cookie', 'a=1'], ['cookie', 'x'], ['b', '1'], ['set-cookie', 'b=2'], ['cookie', 'y']] as const // prettier-ignore
    const encoded = section(...lines.map(([name, value]) => line(name, value)))
    expect(decodeResponse(response(encoded)).headers).toEqual(lines)
  })

  test('B-12: connection fields do not make a message invalid', () => {
    const lines = [
      line('connection', 'x-a'),
      line('x-a', '1'),
      line('transfer-encoding', 'chunked'),
      line('upgrade', 'h2c'),
    ]
    expect(decodeRequest(request(section(...lines))).headers).toHaveLength(4)
  })

  test('B-20: authority and Host are both shown, so that the screen can compare them', () => {
    const { authority, headers } = decodeRequest(request(section(line('Host', 'other.example'))))
    expect([authority, headers]).toEqual(['e.com', [['host', 'other.example']]])
  })
})
