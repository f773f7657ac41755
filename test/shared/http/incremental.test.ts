/** The Incremental field. RFC 10036, RFC 9651; what is said when it is refused: RFC 9209. */
import { parseList } from 'structured-headers'
import { describe, expect, test } from 'vitest'
import { incremental } from '../../../shared/http/incremental.ts'
import { incrementalLimit, incrementalRefused, incrementalValue } from '../../../shared/http/incremental-words.ts'
import { problem } from '../../../shared/http/problem.ts'
import { sharedVectors } from '../../vectors/shared.ts'

type Case = { id: string; field_lines: string[]; result: boolean | null; why: string }
const vectors = sharedVectors('incremental-field') as { cases: Case[] } | undefined

describe.skipIf(!vectors)('incremental-field.json', () => {
  test.each(vectors?.cases ?? [])('INC-4: $id, $why: $result', ({ field_lines: lines, result }) => {
    expect(incremental(lines)).toBe(result)
  })
})

describe('INC-4: the field is an item of type Boolean', () => {
  test.each([
    [['?1'], true],
    [['?0'], false],
    [['?1;x=1.5;y="a";z=:AQ==:;w=tok'], true],
    [[' ?0;  x '], false],
    [[], null],
    [['?2'], null],
    [['?'], null],
    [['true'], null],
    [['0.1'], null],
    [['@1'], null],
    [['?1,'], null],
    [['?1', ''], null],
    [['?1', '?0'], null],
    [['?1', 'b'], null],
    [['?1;'], null],
    [['?1 ;x'], null],
    [['?1 x'], null],
    [['?1;a=\u00e9'], null],
    [['\u00a0?1'], null],
    [['?1\r\n'], null],
  ])('%j is %s', (lines, result) => {
    expect(incremental(lines)).toBe(result)
  })
})

test('INC-7: what is sent and forwarded carries no parameters', () => {
  expect(incremental([incrementalValue])).toBe(true)
  expect(incrementalValue).toBe('?1')
})

test.each([
  ['INC-2', 501, incrementalRefused, 'incremental_refused'],
  ['INC-3', 429, incrementalLimit, 'connection_limit_reached'],
] as const)(
  '%s: the refusal is a %i whose proxy-status says so in a form that others parse',
  (_, status, said, word) => {
    const { fields } = problem(status, { proxyStatus: said })
    const [proxy] = parseList(fields['proxy-status'] ?? '')
    expect([String(proxy?.[0]), String(proxy?.[1].get('error'))]).toEqual(['asunder', word])
  },
)
