/** What must not be missed: an attack of one look is on both pages, whoever asks when. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { relayMetrics } from '../../relay/metrics.ts'
import type { MirrorFailure } from '../../relay/vocabulary.ts'

beforeEach(() => void vi.useFakeTimers({ now: Date.parse('2026-07-01T12:00:17.345Z') }))
afterEach(() => void vi.useRealTimers())

const gauges = {
  profile: 'direct' as const,
  active: () => 0,
  abandoned: () => 0,
  ready: () => true,
  ends: () => ({}),
  fails: () => false,
}

test.each<[MirrorFailure, readonly number[]]>([
  ['rolled-back', [1, 0]],
  ['equivocation', [0, 1]],
  ['vantage-failed', [0, 0]],
  ['not-pinned', [0, 0]],
])('one look that ends with %s', async (result, flags) => {
  const counts = relayMetrics(gauges, Date.now, () => undefined)
  await Promise.all([counts.metrics.begin(), counts.flags.begin()])
  const shown = (): number[] =>
    ['rolled_back', 'equivocation'].map((name) =>
      Number(new RegExp(`^asunder_relay_${name} (\\d)$`, 'm').exec(counts.flags.page())?.[1]),
    )
  expect(shown()).toEqual([0, 0])
  counts.mirrored(0)('bundle', result)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(shown()).toEqual(flags)
  expect(counts.metrics.page()).toContain(`_looks_total{resource="bundle",result="${result}"} 1\n`)
  await vi.advanceTimersByTimeAsync(600_000)
  expect(shown()).toEqual([0, 0])
  counts.stop()
})
