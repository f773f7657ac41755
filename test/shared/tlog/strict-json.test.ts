/** Strict JSON: one text, one meaning; and the readers that name a path. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as read from '../../../shared/tlog/json-fields.ts'
import { parseStrictJson } from '../../../shared/tlog/strict-json.ts'
import { codeOf } from './code-of.ts'

describe('refused', () => {
  test.each([
    ['{\n  "a": 1,\n  "a": 2\n}', 'a key twice ("a", first at 2:3) at 3:6'],
    ['[1 2]', 'no ] at 1:4'],
    ['[\n  truee]', 'not a value at 2:3'],
  ])('%j: line and column are told', (text, told) => {
    expect(() => parseStrictJson(text)).toThrow(told)
  })

  test.each([
    ['nothing', ''],
    ['only space', ' '],
    ['a key twice', '{"a":1,"a":1}'],
    ['a key twice, deeper', '[{"x":{"a":1,"b":2,"a":3}}]'],
    ['a key twice, once escaped', '{"a":1,"\\u0061":2}'],
    ['__proto__ twice', '{"__proto__":1,"__proto__":2}'],
    ['a number beyond 2^53', '9007199254740993'],
    ['a number with a spare zero', '1.0'],
    ['an exponent that is not needed', '1e2'],
    ['an upper-case exponent', '1E400'],
    ['minus zero', '-0'],
    ['a leading zero', '01'],
    ['a plus', '+1'],
    ['a bare point', '.5'],
    ['infinity', '1e999'],
    ['NaN', 'NaN'],
    ['a lone surrogate', '"\\ud800"'],
    ['a lone surrogate, raw', '"\ud800"'],
    ['a lone surrogate in a key', '{"\\udc00":1}'],
    ['a raw line end in a string', '"a\nb"'],
    ['an unknown escape', '"\\x41"'],
    ['a string without an end', '"abc'],
    ['a string that ends in a backslash', '"abc\\"'],
    ['a trailing comma', '[1,]'],
    ['a trailing comma in an object', '{"a":1,}'],
    ['a missing comma', '[1 2]'],
    ['a missing colon', '{"a" 1}'],
    ['a key that is no string', '{a:1}'],
    ['two values', '1 2'],
    ['a comment', '1 // one'],
    ['an unclosed object', '{"a":1'],
    ['an unclosed list', '[1'],
    ['the wrong bracket', '[1}'],
    ['a word', 'truee'],
    ['a no-break space', '\u00a01'],
    ['a byte order mark', '\ufeff1'],
    ['depth', '['.repeat(40) + ']'.repeat(40)],
  ])('%s', async (_, text) => {
    expect(await codeOf(() => parseStrictJson(text))).toBe('bad-encoding')
  })
})

test('depth far beyond any stack is refused, not a crash', async () => {
  expect(await codeOf(() => parseStrictJson('['.repeat(1_000_000)))).toBe('bad-encoding')
})

test('what JSON.stringify writes is read as JSON.parse reads it, with any whitespace between tokens', () => {
  const whole = fc.jsonValue({ depthSize: 'small', noUnicodeString: false })
  fc.assert(
    fc.property(whole, fc.constantFrom(undefined, 2, '\t'), (value, indent) => {
      const text = JSON.stringify(value, null, indent)
      fc.pre(text.isWellFormed() && !/\\ud[89a-f]/.test(text))
      expect(parseStrictJson(` \r\n${text}\t`)).toEqual(JSON.parse(text))
    }),
  )
})

test('strings with quotes and backslashes end where they end', () => {
  expect(parseStrictJson(String.raw`["\\", "\"", "\\\"", "é\n", "😀"]`)).toEqual(['\\', '"', '\\"', 'é\n', '😀'])
})

test('a key named __proto__ is a key like any other', () => {
  const value = parseStrictJson('{"__proto__":{"polluted":true}}') as object
  expect(Object.keys(value)).toEqual(['__proto__'])
  expect('polluted' in value).toBe(false)
})

test('4 MiB are read at once', () => {
  expect((parseStrictJson(JSON.stringify({ a: 'x\\"'.repeat(1_000_000) })) as { a: string }).a).toHaveLength(3_000_000)
})

describe('readers', () => {
  const at = (value: unknown) => read.at(value, 'here')
  test.each([
    ['here must be an object', () => read.fieldsOf(at([]), ['a'])],
    ['here must be an object', () => read.fieldsOf(at(null), ['a'])],
    ['here.b must be a known key', () => read.fieldsOf(at({ a: 1, b: 2 }), ['a'])],
    ['here.a must be present', () => read.fieldsOf(at({}), ['a'])],
    ['here.toString must be present', () => read.fieldsOf(at({}), ['toString'])],
    ['here must be a list', () => read.listOf(at({}), 3)],
    ['here must be a list of 0 to 1', () => read.listOf(at([1, 2]), 1)],
    ['here must be a list of 1 to 2', () => read.listOf(at([]), 2, 1)],
    ['here[1] must be a string', () => read.listOf(at(['a', 1]), 2).map(read.textOf)],
    ['here must be one of a, b', () => read.wordOf(at('c'), ['a', 'b'])],
    ['here must be an integer', () => read.integerOf(at('1'))],
    ['here must be an integer', () => read.integerOf(at(1.5))],
    ['here must be an integer', () => read.integerOf(at(2 ** 53))],
    ['here must be from 1 to 3', () => read.integerOf(at(0), 1, 3)],
    ['here must be from 1 to 3', () => read.integerOf(at(4), 1, 3)],
    ['here must be 2 bytes in lower-case hex', () => read.digestOf(at('ABCD'), 2)],
    ['here must be 2 bytes in lower-case hex', () => read.digestOf(at('abc'), 2)],
    ['here must be 2 bytes in lower-case hex', () => read.digestOf(at('abcd\n'), 2)],
    ['here must be not empty', () => read.bytesOf(at(''))],
    ['here: base64 is not canonical', () => read.bytesOf(at(' QUFB'))],
    ['here: not base64', () => read.bytesOf(at('QUF'))],
    ['here must be a time', () => read.timeOf(at('2026-11-22T02:47:10.000Z'))],
    ['here must be a time', () => read.timeOf(at('2026-11-22T02:47:10+00:00'))],
    ['here must be a time', () => read.timeOf(at('2026-02-30T00:00:00Z'))],
    ['here must be a time', () => read.timeOf(at('tomorrow'))],
  ])('%s', async (message, work) => {
    expect(work).toThrow(message)
    expect(await codeOf(work)).toBe('bad-encoding')
  })

  test('times are one spelling each', () => {
    expect(read.timeOf(at('2026-11-22T02:47:10Z'))).toBe(Date.UTC(2026, 10, 22, 2, 47, 10))
    expect(read.timeText(Date.UTC(2026, 10, 22, 2, 47, 10))).toBe('2026-11-22T02:47:10Z')
    expect(() => read.timeText(1)).toThrow(TypeError)
  })

  test('the inner path is told', () => {
    const fields = read.fieldsOf(at({ a: { b: [{ c: 1 }] } }), ['a'])
    const [first = at(0)] = read.listOf(read.fieldsOf(fields.a, ['b']).b, 1)
    expect(() => read.textOf(read.fieldsOf(first, ['c']).c)).toThrow('here.a.b[0].c must be a string')
  })
})
