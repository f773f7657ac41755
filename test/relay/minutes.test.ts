import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { countByMinute } from '../../relay/minutes.ts'

beforeEach(() => void vi.useFakeTimers({ now: 60_000 * 7 + 12_345 }))
afterEach(() => void vi.useRealTimers())

test('OPS-1: many in a minute are one line at its end, on the minute, and a quiet minute is none', () => {
  const told: [number, number][] = []
  const { add } = countByMinute(Date.now, (count) => told.push([Date.now(), count]))
  add()
  vi.advanceTimersByTime(20_000)
  add()
  expect(told).toEqual([])
  vi.advanceTimersByTime(40_000)
  add()
  vi.advanceTimersByTime(600_000)
  expect(told).toEqual([
    [480_000, 2],
    [540_000, 1],
  ])
})

test('at the end what is left is told once', () => {
  const told: number[] = []
  const { add, flush } = countByMinute(Date.now, (count) => told.push(count))
  add()
  flush()
  flush()
  vi.advanceTimersByTime(600_000)
  expect(told).toEqual([1])
})
