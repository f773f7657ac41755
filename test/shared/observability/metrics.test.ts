/** What /metrics shows: a table's names and words, in tens, changing at whole minutes. privacy.md 2.10 and 4.8. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { gatewayFlags, gatewayTable } from '../../../gateway/metrics.ts'
import { relayFlags, relayTable, sizeEdges } from '../../../relay/metrics.ts'
import { bucket } from '../../../shared/bhttp/padding.ts'
import { mostSeries, seriesOf, type MetricTable } from '../../../shared/observability/metric-table.ts'
import { createMetrics } from '../../../shared/observability/metrics.ts'
import { processMetrics } from '../../../shared/observability/process-metrics.ts'

beforeEach(() => void vi.useFakeTimers({ now: Date.parse('2026-07-01T12:00:17.345Z') }))
afterEach(() => void vi.useRealTimers())

const table = {
  build: { kind: 'info', name: 'house_build_info', says: 'What runs', labels: { placement: ['front', 'inside'] } },
  asked: {
    kind: 'counter',
    name: 'asked_total',
    says: 'Questions',
    labels: { family: ['standard', 'chunked'], outcome: ['served', 'left'] },
  },
  sizes: { kind: 'histogram', name: 'asked_bytes', says: 'Sizes', labels: {}, edges: [1024, 4096] },
  below: { kind: 'gauge', name: 'open', says: 'Open', shown: 'tens-below' },
  above: { kind: 'gauge', name: 'free', says: 'Free', shown: 'tens-above' },
  ready: { kind: 'gauge', name: 'ready', says: 'Ready', shown: 'exact' },
} as const satisfies MetricTable

const gauges = { below: () => 19, above: () => 11, ready: () => 1 }

async function begun(read: Partial<typeof gauges> = {}) {
  const metrics = createMetrics(table, {
    gauges: { ...gauges, ...read },
    info: { build: { placement: 'front' } },
    now: Date.now,
    process: false,
  })
  await metrics.begin()
  const lines = (start: string): string[] =>
    metrics
      .page()
      .split('\n')
      .filter((line) => line.startsWith(start))
  const next = (): Promise<unknown> => vi.advanceTimersByTimeAsync(60_000)
  return { ...metrics, lines, next }
}

test('every series exists from the start, and nothing else', async () => {
  const { page } = await begun()
  const series = page()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  expect(series).toEqual([
    'house_build_info{version="0.1.0",placement="front"} 1',
    'asked_total{family="standard",outcome="served"} 0',
    'asked_total{family="standard",outcome="left"} 0',
    'asked_total{family="chunked",outcome="served"} 0',
    'asked_total{family="chunked",outcome="left"} 0',
    'asked_bytes_bucket{le="1024"} 0',
    'asked_bytes_bucket{le="4096"} 0',
    'asked_bytes_bucket{le="+Inf"} 0',
    'asked_bytes_count 0',
    'open 10',
    'free 20',
    'ready 1',
  ])
  expect(series).toHaveLength(Object.values(table).reduce((sum, row) => sum + seriesOf(row), 0))
})

test('OPS-1: a word that was not declared opens no series', async () => {
  const { count, page, next } = await begun()
  const stranger = { family: '203.0.113.7', outcome: 'served' } as unknown as Parameters<typeof count.asked>[0]
  expect(() => count.asked(stranger)).toThrow(TypeError)
  const more = { ...stranger, family: 'standard', client: 'me' } as Parameters<typeof count.asked>[0]
  expect(() => count.asked(more)).toThrow(TypeError)
  await next()
  expect(page()).not.toMatch(/203|me"/)
})

describe('in tens', () => {
  test.each([
    [9, 0],
    [10, 10],
    [19, 10],
    [120, 120],
  ])('%i of one series are shown as %i', async (asked, shown) => {
    const { count, lines, next } = await begun()
    for (let i = 0; i < asked; i++) count.asked({ family: 'chunked', outcome: 'left' })
    await next()
    expect(lines('asked_total{family="chunked",outcome="left"}')).toEqual([
      `asked_total{family="chunked",outcome="left"} ${shown}`,
    ])
  })

  test('what is left of a ten is carried to the next minute', async () => {
    const { count, lines, next } = await begun()
    const seen: string[] = []
    for (let minute = 0; minute < 4; minute++) {
      count.asked({ family: 'standard', outcome: 'served' }, 7)
      await next()
      seen.push(...lines('asked_total{family="standard",outcome="served"}').map((line) => line.split(' ')[1] ?? ''))
    }
    expect(seen).toEqual(['0', '10', '20', '20'])
  })

  test('each bucket of a histogram by itself: one message of a rare size does not show, whatever the others are', async () => {
    const { count, lines, next } = await begun()
    for (let i = 0; i < 19; i++) count.sizes({}, 1000)
    count.sizes({}, 4000)
    for (let i = 0; i < 10; i++) count.sizes({}, 5000)
    await next()
    expect(lines('asked_bytes')).toEqual([
      'asked_bytes_bucket{le="1024"} 10',
      'asked_bytes_bucket{le="4096"} 10',
      'asked_bytes_bucket{le="+Inf"} 20',
      'asked_bytes_count 20',
    ])
  })

  test.each([
    ['below', 0, 'open 0'],
    ['below', 9, 'open 0'],
    ['below', 10, 'open 10'],
    ['above', 0, 'free 0'],
    ['above', 1, 'free 10'],
    ['above', 10, 'free 10'],
    ['above', 11, 'free 20'],
  ] as const)('a gauge that is rounded to tens %s shows %i as "%s"', async (which, value, line) => {
    const { lines } = await begun({ [which]: () => value })
    expect(lines(line.split(' ')[0] ?? '')).toEqual([line])
  })
})

describe('at whole minutes', () => {
  test('a page changes at the boundary of the clock and never between, counts and gauges together', async () => {
    let ready = 1
    const { count, page } = await begun({ ready: () => ready })
    const first = page()
    count.asked({ family: 'standard', outcome: 'served' }, 10)
    ready = 0
    await vi.advanceTimersByTimeAsync(42_654)
    expect(page()).toBe(first)
    await vi.advanceTimersByTimeAsync(1)
    expect(new Date().toISOString()).toBe('2026-07-01T12:01:00.000Z')
    expect(page()).not.toBe(first)
    expect(page()).toContain('outcome="served"} 10')
    expect(page()).toContain('ready 0')
  })

  test('what cannot be read empties the page, so that somebody notices', async () => {
    let broken = false
    const read = (): number => {
      if (broken) throw new Error('broken')
      return 1
    }
    const { page, next } = await begun({ ready: read })
    expect(page()).toContain('ready 1')
    broken = true
    await next()
    expect(page()).toBe('')
  })

  test('stopped, it has no timer left', async () => {
    const { stop } = await begun()
    stop()
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe.each([
  ['relay', { ...relayTable, ...processMetrics }, relayFlags],
  ['gateway', { ...gatewayTable, ...processMetrics }, gatewayFlags],
] as const)("the %s's table", (service, table: MetricTable, flags: MetricTable) => {
  const rows = Object.values(table)

  test('has a bounded number of series, none of which can be of one client', () => {
    const series = rows.reduce((sum, row) => sum + seriesOf(row), 0)
    expect(series).toBeGreaterThan(30)
    expect(series).toBeLessThanOrEqual(mostSeries)
    const ofRequests = ['family', 'outcome', 'limit', 'direction', 'code', 'generation']
    const allowed = [...ofRequests, 'resource', 'result', 'profile', 'placement', 'what', 'why']
    const labels = rows.flatMap((row) => ('labels' in row ? Object.keys(row.labels) : []))
    expect(labels.filter((name) => !allowed.includes(name))).toEqual([])
  })

  test('names are the service’s or Node’s, of the form that Prometheus expects', () => {
    for (const { kind, name } of [...rows, ...Object.values(flags)]) {
      expect(name).toMatch(new RegExp(`^(asunder_${service}|process|nodejs)_[a-z0-9_]+$`))
      if (kind === 'counter') expect(name).toMatch(/_total$/)
      else expect(name).not.toMatch(/_total$|_sum$|_count$|_bucket$/)
    }
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length)
  })

  // What a clock does, or an operator, in nobody's turn.
  const nobodys = {
    relay: ['asunder_relay_mirror_looks_total', 'asunder_relay_left_seconds', 'asunder_relay_failing'],
    gateway: ['asunder_gateway_left_seconds', 'asunder_gateway_failing'],
  }[service]

  test('tells of people only in tens', () => {
    const exact = rows.filter((row) => 'shown' in row && row.shown === 'exact').map(({ name }) => name)
    expect(exact.filter((name) => !/^(process|nodejs)_/.test(name))).toEqual([...nobodys, `asunder_${service}_ready`])
  })
})

test('too many series are a mistake that shows at start', () => {
  const words = Array.from({ length: 201 }, (_, i) => `w${i}`)
  const wide = { kind: 'counter', name: 'wide_total', says: '', labels: { word: words } } as const
  expect(() => createMetrics({ wide }, { gauges: {}, info: {}, now: Date.now, process: false })).toThrow('201 series')
})

test('the edges of sizes are those that everything is padded to', () => {
  expect(sizeEdges.map((edge) => bucket(edge))).toEqual([...sizeEdges])
  expect(sizeEdges.map((edge) => bucket(edge - 1))).toEqual([...sizeEdges])
})

test('of the process only what is named is told: no sum, no label of the runtime, and all at the same boundary', async () => {
  vi.useRealTimers()
  const metrics = createMetrics({}, { gauges: {}, info: {}, now: Date.now })
  await metrics.begin()
  metrics.stop()
  const names = metrics
    .page()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(' ')[0] ?? '')
  expect(names.sort()).toEqual(
    Object.values(processMetrics)
      .map(({ name }) => name)
      .sort(),
  )
  expect(metrics.page()).toMatch(/^process_open_fds \d*0$/m)
  expect(metrics.page()).toMatch(/^process_cpu_seconds_total \d+\.\d+$/m)
})

test('a gauge of several words says each of them, and no word that was not declared', async () => {
  const row = {
    kind: 'gauges',
    name: 'left_seconds',
    says: 'Left',
    labels: { what: ['a', 'b'] },
    shown: 'exact',
  } as const
  const options = { gauges: {}, info: {}, now: Date.now, process: false }
  const metrics = createMetrics({ row }, { ...options, each: { row: () => ({ a: 60, b: Infinity }) } })
  await metrics.begin()
  expect(metrics.page()).toContain('left_seconds{what="a"} 60\nleft_seconds{what="b"} +Inf\n')
  metrics.stop()
  expect(() => createMetrics({ row }, options)).toThrow('nobody reads left_seconds')
  const other = createMetrics({ row }, { ...options, each: { row: () => ({ a: 1, b: 2, c: 3 }) } })
  await expect(other.begin()).rejects.toThrow('undeclared label value of what')
})
