/** Objects with optional keys, and all mistakes in one go. */
import { describe, expect, test } from 'vitest'
import { Refusal } from '../../../shared/refusal.ts'
import { at, integerOf, listOf, textOf } from '../../../shared/tlog/json-fields.ts'
import { every, objectOf, optionsOf, refusalsOf } from '../../../shared/tlog/json-options.ts'

type Settings = { readonly name: string; readonly count: number; readonly inner: { readonly deep: number } }

const read = (value: unknown): Settings =>
  optionsOf<Settings>(
    at(value, 'here'),
    {
      name: textOf,
      count: (from) => integerOf(from, 1, 3),
      inner: (from) => optionsOf(from, { deep: (one) => integerOf(one) }, { deep: 7 }),
    },
    { count: 2, inner: { deep: 0 } },
  )

function mistakes(work: () => unknown): string[] {
  try {
    work()
    return []
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return refusalsOf(error).map(({ code, message }) => `${code}: ${message}`)
  }
}

test('what is given is read, what is left out has its default', () => {
  expect(read({ name: 'a' })).toEqual({ name: 'a', count: 2, inner: { deep: 0 } })
  expect(read({ name: 'a', count: 3, inner: {} })).toEqual({ name: 'a', count: 3, inner: { deep: 7 } })
})

describe('every mistake is told, at every depth', () => {
  const known = '(name, count, inner)'
  test.each<[unknown, string[]]>([
    [[], ['bad-encoding: here must be an object']],
    [{}, ['bad-encoding: here.name must be present']],
    [{ name: 1 }, ['bad-encoding: here.name must be a string']],
    [{ name: undefined }, ['bad-encoding: here.name must be a string']],
    [{ name: 'a', toString: 1 }, [`bad-encoding: here.toString must be a known key ${known}`]],
    [
      { count: 9, inner: { deep: 'x', other: 0 }, more: 1 },
      [
        `bad-encoding: here.more must be a known key ${known}`,
        'bad-encoding: here.name must be present',
        'bad-encoding: here.count must be from 1 to 3',
        'bad-encoding: here.inner.other must be a known key (deep)',
        'bad-encoding: here.inner.deep must be an integer',
      ],
    ],
  ])('%j', (value, expected) => {
    expect(mistakes(() => read(value))).toEqual(expected)
  })

  test('the first one speaks for all', () => {
    expect(() => read({ count: 9 })).toThrow('here.name must be present, and 1 more')
  })
})

test('one refusal comes out as itself, and what is no refusal is a defect', () => {
  const refusal = new Refusal('truncated', 'x')
  const refused = (): never => {
    throw refusal
  }
  expect(() => every([() => 1, refused])).toThrow(refusal)
  const broken = (): never => {
    throw new TypeError('ours')
  }
  expect(() => every([refused, broken])).toThrow(TypeError)
  expect(every([() => 1, () => 2])).toEqual([1, 2])
})

test('a key named __proto__ is no way to a default', () => {
  const value = JSON.parse('{"__proto__":{"name":"a"}}') as unknown
  expect(mistakes(() => read(value))).toHaveLength(2)
  expect(Object.keys(objectOf(at(value, 'here')))).toEqual(['__proto__'])
  expect(mistakes(() => listOf(at(value, 'here'), 1))).toHaveLength(1)
})
