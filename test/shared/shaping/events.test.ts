/** WHATWG HTML, "Parsing an event stream": lines end with LF, CR or CRLF; a blank line ends an event. */
import { describe, expect, test } from 'vitest'
import { utf8 } from '../../../shared/bytes.ts'
import { carriesComments, comment, EventEnds } from '../../../shared/shaping/events.ts'

describe('the last end of an event', () => {
  test.each([
    ['data: a', 0],
    ['data: a\n', 0],
    ['data: a\n\n', 9],
    ['data: a\n\nb', 9],
    ['data: a\n\ndata: b\n\n', 18],
    ['data: a\r\n', 0],
    ['data: a\r\n\r\n', 11],
    ['data: a\r\r', 9],
    ['data: a\r\r\n', 10],
    ['data: a\n\r\n', 10],
    ['data: a\r\n\n', 10],
    ['data: a\r\nb\r\n', 0],
    ['', 0],
  ])('in %j is at %i', (text, end) => {
    expect(new EventEnds().last(utf8(text))).toBe(end)
  })

  test.each([
    [
      ['data: a\n', '\n'],
      [0, 1],
    ],
    [
      ['data: a\r', '\n\r\n'],
      [0, 3],
    ],
    [
      ['data: a\r\n\r', '\nb'],
      [10, 1],
    ],
    [
      ['data: a\r', '\n', 'b'],
      [0, 0, 0],
    ],
    [
      ['data', ': a', '\n', '\n', '\n'],
      [0, 0, 0, 1, 1],
    ],
  ])('in the pieces %j is at %j', (pieces, ends) => {
    const follow = new EventEnds()
    expect(pieces.map((piece) => follow.last(utf8(piece)))).toEqual(ends)
  })
})

test.each([
  ['text/event-stream', undefined, true],
  ['Text/Event-Stream; charset=utf-8', undefined, true],
  ['text/event-stream', 'identity', true],
  ['text/event-stream', 'gzip', false],
  ['text/event-streams', undefined, false],
  ['application/json', undefined, false],
  [undefined, undefined, false],
])('%j in %j carries comments: %j', (type, coding, expected) => {
  expect(carriesComments(type, coding)).toBe(expected)
})

test('a comment is one line of the length that was asked for', () => {
  for (const length of [2, 3, 510]) expect(new TextDecoder().decode(comment(length))).toMatch(/^: *\n$/)
  expect(comment(510)).toHaveLength(510)
  expect(() => comment(1)).toThrow(TypeError)
})

test.each(['buckets', 'cells', 'events', 'cell-grid', 'grid', 'shuffle', 'tick', 'ticks'])(
  '%s.ts uses no clock, no dice and nothing of Node',
  async (name) => {
    const { readFileSync } = await import('node:fs')
    const source = readFileSync(new URL(`../../../shared/shaping/${name}.ts`, import.meta.url), 'utf8')
    expect(source).not.toMatch(
      /from 'node:|\b(Buffer|process|require|Date|performance|setTimeout|crypto|Math\.random)\b/,
    )
  },
)
