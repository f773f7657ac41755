import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { patient } from '../../../shared/http/patience.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('fires once, after the time and within a sixteenth of it, whenever it began', () => {
  const fired: number[] = []
  for (let begun = 0; begun < 100; begun += 7) {
    patient(1_600, () => fired.push(Date.now() - started))
    const started = Date.now()
    vi.advanceTimersByTime(7)
  }
  vi.advanceTimersByTime(4_000)
  expect(fired).toHaveLength(15)
  for (const after of fired) {
    expect(after).toBeGreaterThanOrEqual(1_600)
    expect(after).toBeLessThanOrEqual(1_700)
  }
})

test('who renews is waited for again in full', () => {
  let fired = 0
  const patience = patient(160, () => (fired += 1))
  for (let i = 0; i < 10; i++) {
    vi.advanceTimersByTime(150)
    patience.renew()
  }
  vi.advanceTimersByTime(159)
  expect(fired).toBe(0)
  vi.advanceTimersByTime(12)
  expect(fired).toBe(1)
})

test('who has ended is let alone, and nobody waiting means no timer', () => {
  let fired = 0
  const patience = patient(320, () => (fired += 1))
  patient(320, () => (fired += 10))
  patience.end()
  vi.advanceTimersByTime(1_000)
  expect(fired).toBe(10)
  expect(vi.getTimerCount()).toBe(0)
})

test('one who ends another in the middle of a look is obeyed', () => {
  let fired = 0
  patient(48, () => {
    fired += 1
    second.end()
  })
  const second = patient(48, () => (fired += 1))
  vi.advanceTimersByTime(200)
  expect(fired).toBe(1)
})
