import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createTally, several } from '../../../shared/observability/tally.ts'

beforeEach(() => void vi.useFakeTimers({ now: Date.parse('2026-07-01T12:00:17.345Z') }))
afterEach(() => void vi.useRealTimers())

test('OPS-1: lines come at whole minutes, one for each word, whatever the time of what they count', () => {
  const lines: unknown[] = []
  const count = createTally<'lost' | 'late'>({ say: (...said) => void lines.push([new Date().toISOString(), ...said]) })
  count('lost')
  vi.advanceTimersByTime(20_000)
  for (let i = 0; i < 12; i++) count('late')
  vi.advanceTimersByTime(22_000)
  expect(lines).toEqual([])
  vi.advanceTimersByTime(1_000)
  const minute = '2026-07-01T12:01:00.000Z'
  expect(lines).toEqual([
    [minute, 'lost', '<10'],
    [minute, 'late', '<100'],
  ])
})

test('a quiet minute says nothing, and the next count begins with nothing', () => {
  const lines: unknown[] = []
  const count = createTally({ say: (...said) => void lines.push(said) })
  for (let i = 0; i < 10; i++) count('lost')
  vi.advanceTimersByTime(300_000)
  expect(lines).toEqual([['lost', '<100']])
  count('lost')
  vi.advanceTimersByTime(60_000)
  expect(lines.at(-1)).toEqual(['lost', '<10'])
  expect(vi.getTimerCount()).toBe(0)
})

test.each([
  [0, 'none'],
  [1, '<10'],
  [9, '<10'],
  [10, '<100'],
  [99, '<100'],
  [100, '<1000'],
  [1000, '>=1000'],
] as const)('%i are %s', (count, word) => {
  expect(several(count)).toBe(word)
})
