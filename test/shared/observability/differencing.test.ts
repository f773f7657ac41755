/**
 * The differencing attack of privacy.md 2.10: whoever may read /metrics asks each second and subtracts, to learn in which
 * second one client asked amid others. On the page it is at chance; on a plain counter it is not.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { relayTable } from '../../../relay/metrics.ts'
import { duties, ending } from '../../../relay/vocabulary.ts'
import { createAdmin } from '../../../shared/observability/admin.ts'
import { leftOf } from '../../../shared/observability/left.ts'
import { perWord } from '../../../shared/observability/metric-table.ts'
import { createMetrics, type MetricsOptions } from '../../../shared/observability/metrics.ts'
import { seeded } from './dice.ts'

const minute = 60
const minutes = 120
/** Requests of others, on average each second. */
const background = 0.1

beforeEach(() => void vi.useFakeTimers({ now: Date.parse('2026-07-01T12:00:00.500Z') }))
afterEach(() => void vi.useRealTimers())

type Mutant = Pick<MetricsOptions<typeof relayTable>, 'every' | 'unit'>

async function watched(mutant: Mutant) {
  const gauges = { exchanges: () => 0, abandoned: () => 0, ready: () => 1 }
  const info = { build: { profile: 'direct' } } as const
  const each = { left: () => leftOf(ending, {}, 0), failing: () => perWord(duties, () => 0) }
  const metrics = createMetrics(relayTable, { gauges, each, info, now: Date.now, process: false, ...mutant })
  await metrics.begin()
  const admin = createAdmin({ health: { missing: () => [] }, metrics, flags: metrics })
  const scrape = async (): Promise<number> => {
    const page = await (await admin.request('/metrics')).text()
    return Number(/^asunder_relay_requests_total\{family="standard",outcome="served"\} (\d+)$/m.exec(page)?.[1])
  }
  const asked = (times: number): void => metrics.count.requests({ family: 'standard', outcome: 'served' }, times)
  return { asked, scrape, stop: metrics.stop }
}

/** How often the second was guessed, of `minutes` minutes in each of which the client asked once. */
async function guessed(mutant: Mutant): Promise<number> {
  const dice = seeded(20_260_701)
  const { asked, scrape, stop } = await watched(mutant)
  let hits = 0
  for (let i = 0; i < minutes; i++) {
    const asks = Math.floor(dice() * minute)
    const seen: number[] = [await scrape()]
    for (let second = 0; second < minute; second++) {
      const others = Array.from({ length: 10 }, dice).filter((roll) => roll < background / 10).length
      asked(others + (second === asks ? 1 : 0))
      await vi.advanceTimersByTimeAsync(1000)
      seen.push(await scrape())
    }
    if (guess(seen, dice) === asks) hits++
  }
  stop()
  return hits
}

/** How often it was guessed whether the client asked at all, of minutes in half of which it did, with nobody else there. */
async function noticed(mutant: Mutant): Promise<number> {
  const dice = seeded(20_260_702)
  const { asked, scrape, stop } = await watched(mutant)
  let hits = 0
  let before = await scrape()
  for (let i = 0; i < minutes; i++) {
    const asks = dice() < 0.5
    asked(asks ? 1 : 0)
    await vi.advanceTimersByTimeAsync(60_000)
    const after = await scrape()
    const says = after > before || (mutant.unit !== 1 && dice() < 0.5)
    if (says === asks) hits++
    before = after
  }
  stop()
  return hits
}

/** One of the seconds in which the count rose most: the best that can be said of a client who asks once. */
function guess(seen: readonly number[], dice: () => number): number {
  const rises = seen.slice(1).map((count, i) => count - (seen[i] ?? 0))
  const most = Math.max(...rises)
  const candidates = rises.flatMap((rise, second) => (rise === most ? [second] : []))
  return candidates[Math.floor(dice() * candidates.length)] ?? 0
}

// The largest number of hits that chance alone would pass once in a thousand runs: 120 trials of 1/60.
const byChance = 9

describe('in which second did the client ask?', () => {
  test('the page says no more than chance', async () => {
    expect(await guessed({})).toBeLessThanOrEqual(byChance)
  })

  test.each<[string, Mutant]>([
    ['a plain counter', { every: 1000, unit: 1 }],
    ['a counter that shows tens, but at once', { every: 1000, unit: 10 }],
  ])('%s says more', async (_, mutant) => {
    expect(await guessed(mutant)).toBeGreaterThan(2 * byChance)
  })
})

test('whether the client asked in a minute shows on a page of single requests, and hardly on one of tens', async () => {
  expect(await noticed({ unit: 1 })).toBe(minutes)
  // A ten becomes full once in ten requests, and then it is sure that there was one.
  expect(await noticed({})).toBeLessThan(0.65 * minutes)
})

test('the bound is the binomial one, worked out and not guessed', () => {
  const p = 1 / minute
  let tail = 1
  let term = (1 - p) ** minutes
  for (let k = 0; k <= byChance; k++) {
    tail -= term
    term *= ((minutes - k) / (k + 1)) * (p / (1 - p))
  }
  expect(tail).toBeLessThan(0.001)
  expect(tail).toBeGreaterThan(0)
})
