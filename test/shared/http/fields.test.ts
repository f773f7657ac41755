/** What an intermediary passes on. RFC 9110 §5.5, §7.6.1 and §8.6; conformance B-11, B-12, B-19, OHTTP-G16, HOP-1. */
import { describe, expect, test } from 'vitest'
import { contentLength, forwardable, joinCookies, type Field } from '../../../shared/http/fields.ts'
import { outcome } from '../bhttp/feeding.ts'

test('a long run of spaces takes a time that grows with it, and not with its square', () => {
  // With the square this is half a minute of a CPU and more.
  const value = `a${' '.repeat(200_000)}b`
  expect(forwardable([['connection', value]])).toEqual([])
  expect(outcome(() => contentLength([['content-length', value]]))).not.toBe('ok')
})

describe('forwardable', () => {
  test.each([
    'connection',
    'keep-alive',
    'proxy-connection',
    'proxy-authenticate',
    'proxy-authorization',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
    'http2-settings',
    'host',
    'expect',
    'forwarded',
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-anything',
    'x-real-ip',
    'via',
    'cf-connecting-ip',
    'cf-ray',
    'true-client-ip',
    ':protocol',
    ':x',
  ])('B-12: %s stays behind', (name) => {
    expect(forwardable([['a', '1'], [name, 'x'], ['b', '2']])).toEqual([['a', '1'], ['b', '2']]) // prettier-ignore
  })

  test.each([
    'content-type',
    'content-length',
    'date',
    'cookie',
    'accept',
    'cf',
    'x-forwarded',
    'trailers',
    'viable',
    'x-via',
  ])('%s travels on', (name) => {
    expect(forwardable([[name, 'x']])).toEqual([[name, 'x']])
  })

  test('HOP-1: so does nothing that connection names, in any line, letter case or spacing', () => {
    const fields: Field[] = [
      ['x-a', '1'],
      ['connection', 'close, X-A ,\tx-b'],
      ['x-b', '2'],
      ['x-c', '3'],
      ['connection', 'X-D'],
      ['x-d', '4'],
      ['x', '5'],
    ]
    expect(forwardable(fields)).toEqual([['x-c', '3'], ['x', '5']]) // prettier-ignore
  })

  test('te may say trailers and nothing else', () => {
    const said = (value: string) => forwardable([['te', value]])
    expect(said('trailers')).toEqual([['te', 'trailers']])
    expect(said('Trailers')).toHaveLength(1)
    expect([said('gzip'), said('trailers, gzip'), said('trailers;q=1'), said('')]).toEqual([[], [], [], []])
    expect(forwardable([['connection', 'te'], ['te', 'trailers']])).toEqual([]) // prettier-ignore
  })

  test('B-11: order and repetition are kept', () => {
    const fields: Field[] = [['b', '1'], ['set-cookie', 'x'], ['a', '2'], ['set-cookie', 'y'], ['b', '3']] // prettier-ignore
    expect(forwardable(fields)).toEqual(fields)
  })

  test.each(['\u0001', 'a\u001fb', 'a\u007f', '\b', '\u000b', '\0', 'a\r\nb: c'])(
    'a value %j cannot be forwarded',
    (value) => {
      expect(outcome(() => forwardable([['a', value]]))).toBe('bad-field')
      // Where the field stays behind, its value is nobody's concern.
      expect(forwardable([['via', value]])).toEqual([])
    },
  )

  test('HTAB and obs-text can', () => {
    expect(forwardable([['a', '1\t2 \u0080\u00a0\u00ff']])).toHaveLength(1)
  })
})

describe('B-11: cookie lines', () => {
  test('are joined by a semicolon, where the first one stood', () => {
    const fields: Field[] = [['a', '1'], ['cookie', 'x=1'], ['b', '2'], ['cookie', 'y=2'], ['cookie', 'z=3']] // prettier-ignore
    expect(joinCookies(fields)).toEqual([['a', '1'], ['cookie', 'x=1; y=2; z=3'], ['b', '2']]) // prettier-ignore
  })

  test.each([[[]], [[['a', '1']]], [[['cookie', 'x=1']]]] as Field[][][])('%j stays as it is', (fields) => {
    expect(joinCookies(fields)).toEqual(fields)
  })
})

describe('B-19: content-length', () => {
  const said = (...values: string[]) => outcome(() => contentLength(values.map((value) => ['content-length', value])))

  test.each([
    [undefined, []],
    [0, ['0']],
    [51, ['51']],
    [51, ['51', '51']],
    [51, ['51, 51']],
    [999_999_999_999_999, ['999999999999999']],
  ])('is %s where it says %j', (length, values) => {
    expect(said(...values)).toBe(length)
  })

  test.each([
    [''],
    ['-1'],
    ['+1'],
    ['1.0'],
    ['0x10'],
    ['1e3'],
    ['1 1'],
    ['5, 6'],
    ['5,'],
    [',5'],
    ['5', '6'],
    ['5', ''],
    ['\u00a05'],
    ['9007199254740993'],
  ])('that says %j is refused', (...values) => {
    expect(said(...values)).toBe('bad-field')
  })
})
