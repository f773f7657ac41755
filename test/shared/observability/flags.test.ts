import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createAfterglow, createFlags, createLatch } from '../../../shared/observability/flags.ts'

beforeEach(() => void vi.useFakeTimers({ now: Date.parse('2026-07-01T12:00:17.345Z') }))
afterEach(() => void vi.useRealTimers())

test('flags turn within a second, say yes or no, and forget', async () => {
  let up = false
  const latch = createLatch()
  const flags = createFlags({ service: 'relay', up: () => up, saturated: latch.read, now: Date.now })
  await flags.begin()
  const said = (): string[] =>
    flags
      .page()
      .split('\n')
      .filter((line) => /^asunder/.test(line))
  expect(said()).toEqual(['asunder_relay_up 0', 'asunder_relay_saturated 0'])
  up = true
  for (let i = 0; i < 12; i++) latch.mark()
  expect(said()).toEqual(['asunder_relay_up 0', 'asunder_relay_saturated 0'])
  await vi.advanceTimersByTimeAsync(655)
  expect(said()).toEqual(['asunder_relay_up 1', 'asunder_relay_saturated 1'])
  await vi.advanceTimersByTimeAsync(1000)
  expect(said()).toEqual(['asunder_relay_up 1', 'asunder_relay_saturated 0'])
  flags.stop()
})

test('what must not be missed is said for ten minutes, however seldom somebody asks', () => {
  const glow = createAfterglow(Date.now)
  expect(glow.read()).toBe(false)
  glow.mark()
  expect([glow.read(), glow.read()]).toEqual([true, true])
  vi.advanceTimersByTime(599_999)
  expect(glow.read()).toBe(true)
  vi.advanceTimersByTime(1)
  expect(glow.read()).toBe(false)
})
