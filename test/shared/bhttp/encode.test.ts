/** What is written, and that nothing is written which could not be read. RFC 9292 §3, conformance B-12, B-22. */
import { describe, expect, test } from 'vitest'
import { concat, hex } from '../../../shared/bytes.ts'
import {
  encode,
  encodeContent,
  encodeEnd,
  encodeInformational,
  encodeRequestHead,
  encodeResponseHead,
} from '../../../shared/bhttp/encode.ts'
import type { BinaryRequest, BinaryResponse, Field } from '../../../shared/bhttp/message.ts'
import { decodedOf } from './feeding.ts'

const empty = { framing: 'known', headers: [], content: new Uint8Array(0), trailers: [], padding: 0 } as const
const get: BinaryRequest = { kind: 'request', method: 'GET', scheme: 'https', authority: 'e.com', path: '/', ...empty }
const ok: BinaryResponse = { kind: 'response', informational: [], status: 200, ...empty }

describe('B-22: a message', () => {
  test.each([
    ['known', get, '000347455405687474707305652e636f6d012f000000'],
    ['indeterminate', { ...get, framing: 'indeterminate' }, '020347455405687474707305652e636f6d012f000000'],
    ['known', { ...ok, padding: 3 }, '0140c8000000000000'],
    ['indeterminate', { ...ok, framing: 'indeterminate', content: Uint8Array.of(1) }, '0340c80001010000'],
  ] as const)('is never truncated (%s)', (_, message, encoded) => {
    expect(hex(encode(message))).toBe(encoded)
  })

  test('has its field names in lower case and its values byte for byte', () => {
    const headers: Field[] = [['X-Name', 'caf\u00e9 \u0080\u00ff']]
    expect(hex(encode({ ...ok, headers }))).toBe('0140c8' + '0f' + '06782d6e616d65' + '07636166e92080ff' + '0000')
  })

  test('grows past any first guess without losing a byte', () => {
    const headers = Array.from({ length: 100 }, (_, i): Field => [`x-${i}`, String(i).repeat(i)])
    for (const framing of ['known', 'indeterminate'] as const) {
      const message = {
        ...ok,
        framing,
        headers,
        content: new Uint8Array(70_000).fill(7),
        trailers: headers,
        padding: 9,
      }
      const decoded = decodedOf('response', encode(message))
      expect(decoded).toMatchObject({ headers, content: '07'.repeat(70_000), trailers: headers, padding: 9 })
    }
  })

  test.each<[string, Partial<BinaryRequest>]>([
    ['method', { method: '' }],
    ['method', { method: 'G\r\nT' }],
    ['scheme', { scheme: '' }],
    ['authority', { authority: 'u@e.com' }],
    ['path', { path: '' }],
    ['path', { path: '/a b' }],
    ['path outside latin1', { path: '/\u0141' }],
    ['empty name', { headers: [['', 'x']] }],
    ['name', { headers: [['a b', 'x']] }],
    // U+212A lower-cases to an ASCII k: the name is checked before, not after.
    ['name with a Kelvin sign', { headers: [['\u212aey', 'x']] }],
    ['value with CR LF', { headers: [['a', 'x\r\ny: z']] }],
    ['value with outer space', { headers: [['a', ' x']] }],
    ['value outside latin1', { headers: [['a', '\u0141']] }],
    ['control data as a field', { headers: [[':Path', '/']] }],
    ['pseudo-field after a field', { headers: [['a', 'b'], [':x', 'y']] }], // prettier-ignore
    ['pseudo-field in trailers', { trailers: [[':x', 'y']] }],
    ['negative padding', { padding: -1 }],
    ['half a byte of padding', { padding: 0.5 }],
  ])('that could not be read is not written: %s', (_, change) => {
    expect(() => encode({ ...get, ...change })).toThrow(TypeError)
    expect(() => encode({ ...get, framing: 'indeterminate', ...change })).toThrow(TypeError)
  })

  test.each([0, 99, 100, 199, 600, 200.5, NaN, 65_736])('has no final status %d', (status) => {
    expect(() => encode({ ...ok, status })).toThrow(TypeError)
    expect(() => encodeResponseHead({ status, headers: [] })).toThrow(TypeError)
  })

  test.each([99, 200, 100.5])('has no informational status %d', (status) => {
    expect(() => encode({ ...ok, informational: [{ status, headers: [] }] })).toThrow(TypeError)
    expect(() => encodeInformational({ status, headers: [] }, 'first')).toThrow(TypeError)
  })
})

describe('part by part', () => {
  const headers: Field[] = [['a', 'b']]
  const trailers: Field[] = [['digest', 'x']]
  const parts = [encodeContent(new Uint8Array(70).fill(1)), encodeContent(Uint8Array.of(2)), encodeEnd(trailers)]
  const body = { framing: 2, headers, content: '01'.repeat(70) + '02', trailers, padding: 0 }

  test('a request', () => {
    const { method, scheme, authority, path } = get
    const bytes = concat(encodeRequestHead({ method, scheme, authority, path, headers }), ...parts)
    expect(decodedOf('request', bytes)).toEqual({ method, scheme, authority, path, ...body })
  })

  test('a response, with and without informational ones before it', () => {
    const head = { status: 200, headers }
    const plain = decodedOf('response', concat(encodeResponseHead(head), ...parts))
    expect(plain).toEqual({ ...body, framing: 3, informational: [], status: 200 })
    const hint = { status: 103, headers }
    const start = [
      encodeInformational(hint, 'first'),
      encodeInformational(hint, 'later'),
      encodeResponseHead(head, 'later'),
    ]
    const fields = { status: 103, fields: headers }
    expect(decodedOf('response', concat(...start, ...parts))).toEqual({ ...plain, informational: [fields, fields] })
  })

  test('the same bytes as the whole, where content is one chunk', () => {
    const whole = encode({ ...ok, framing: 'indeterminate', headers, content: Uint8Array.of(1, 2), trailers })
    const pieces = [
      encodeResponseHead({ status: 200, headers }),
      encodeContent(Uint8Array.of(1, 2)),
      encodeEnd(trailers),
    ]
    expect(hex(concat(...pieces))).toBe(hex(whole))
  })

  test('B-7: an empty chunk would end the content, so it is not written', () => {
    expect(() => encodeContent(new Uint8Array(0))).toThrow(TypeError)
    expect(hex(encodeEnd())).toBe('0000')
  })
})
