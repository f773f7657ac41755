/**
 * Two words for whoever must be woken: up or not, full or not. They change each second and say no number, and they stay
 * on this machine: the counts are a minute old. privacy.md 4.8.
 */
import { createMetrics, type Metrics } from './metrics.ts'
import type { MetricTable } from './metric-table.ts'

export type Latch = {
  /** Something was turned away for want of room. */
  readonly mark: () => void
  /** Whether that was so since this was asked last. */
  readonly read: () => boolean
}

export function createLatch(): Latch {
  let marked = false
  return {
    mark: () => void (marked = true),
    read() {
      const was = marked
      marked = false
      return was
    },
  }
}

/** Stays marked for `hold` milliseconds, so that whoever asks seldom still hears of what was short. */
export function createAfterglow(now: () => number, hold = 600_000): Latch {
  let last = -Infinity
  return {
    mark: () => void (last = now()),
    read: () => now() - last < hold,
  }
}

export type FlagOptions = {
  readonly service: 'relay' | 'gateway'
  readonly up: () => boolean
  readonly saturated: () => boolean
  /** Flags that only this service has. */
  readonly more?: { readonly table: FlagTable; readonly read: Readonly<Record<string, () => boolean>> }
  readonly now: () => number
}

export type FlagTable = Readonly<Record<string, Extract<MetricTable[string], { kind: 'gauge' }>>>

export type Flags = Pick<Metrics<MetricTable>, 'page' | 'contentType' | 'begin' | 'stop'>

export function createFlags({ service, up, saturated, more, now }: FlagOptions): Flags {
  const read = { up, saturated, ...more?.read }
  const gauges = Object.fromEntries(Object.entries(read).map(([name, flag]) => [name, () => Number(flag())]))
  const table: FlagTable = { ...flagTable(service), ...more?.table }
  return createMetrics(table, { gauges, info: {}, now, every: 1000, process: false })
}

export function flagTable(service: FlagOptions['service']) {
  return {
    up: {
      kind: 'gauge',
      name: `asunder_${service}_up`,
      says: '1 if nothing was missing at the last whole second',
      shown: 'exact',
    },
    saturated: {
      kind: 'gauge',
      name: `asunder_${service}_saturated`,
      says: '1 if somebody was turned away for want of room in the last whole second',
      shown: 'exact',
    },
  } as const satisfies MetricTable
}
