/** How well times match exchanges, and what the ticks make of them. privacy.md 2.14, part 3. */
import { timedFloor, type Claims } from '../claims.ts'
import { learn, matchWindow } from '../probes/timing.ts'
import { times } from '../stats/numbers.ts'
import type { Rng } from '../stats/rng.ts'
import type { Line, Material, Plot, TestResult } from '../types.ts'

export function timingPlots(
  results: readonly TestResult[],
  { windows, rates = [] }: Material,
  claims: Claims,
  rng: Rng,
): Plot[] {
  if (windows === undefined || rates.length === 0) return []
  const fastest = Math.max(...rates)
  return [accuracy(results, rates, claims), sets(windows, fastest, rng), raster(windows, fastest)]
}

type Windows = NonNullable<Material['windows']>

const legs = ['request', 'response', 'round-trip'] as const

function accuracy(results: readonly TestResult[], rates: readonly number[], { tick }: Claims): Plot {
  const of = (leg: string, rate: number): TestResult | undefined =>
    results.find(({ id }) => id === `timing.${leg}@${rate}`)
  const line = (name: string, as: Line['as'], value: (rate: number) => number): Line => ({
    name,
    as,
    points: rates.map((rate) => [rate, value(rate)] as const),
  })
  const measured = legs.flatMap((leg) => [
    line(leg, 'line', (rate) => of(leg, rate)?.estimate ?? Number.NaN),
    line(`${leg}, low`, 'dots', (rate) => of(leg, rate)?.ci[0] ?? Number.NaN),
    line(`${leg}, high`, 'dots', (rate) => of(leg, rate)?.ci[1] ?? Number.NaN),
  ])
  const floor = line('floor of one leg', 'bound', (rate) => (tick === undefined ? 1 : timedFloor(rate, tick.period)))
  const chance = line('chance', 'bound', (rate) => of('request', rate)?.besides?.chance ?? Number.NaN)
  const n = of('request', rates[0] ?? 0)?.n ?? 0
  const axes = { x: 'requests a second', y: 'share matched' }
  return {
    id: 'timing.rate',
    title: 'The rate is the defence',
    n,
    ...axes,
    kind: 'lines',
    scale: 'log',
    lines: [...measured, floor, chance],
  }
}

function sets(windows: Windows, rate: number, rng: Rng): Plot {
  const { windows: all, probes } = windows(rate, 1)
  const options = { leg: 'request', learnt: learn(probes), rng } as const
  const found = all.flatMap((window) => matchWindow(window, options).sets)
  const highest = Math.ceil(Math.log2(all[0]?.length ?? 1))
  const counts = times(
    highest + 1,
    (i) => [2 ** i, found.filter((size) => Math.round(Math.log2(size)) === i).length] as const,
  )
  const lines: Line[] = [{ name: `${rate}/s`, as: 'steps', points: counts }]
  const axes = { x: 'effective set of a request', y: 'requests' }
  return {
    id: 'timing.sets',
    title: 'Among how many a request hides',
    n: found.length,
    ...axes,
    kind: 'lines',
    scale: 'log',
    lines,
  }
}

/** One window: a row for each exchange in the order in which they came. */
function raster(windows: Windows, rate: number): Plot {
  const window = windows(rate, 1).windows[0] ?? []
  const start = window[0]?.times.in ?? 0
  const lines: Line[] = [
    { name: 'on link A', as: 'dots', points: window.map(({ times: { in: t } }, row) => [t - start, row] as const) },
    { name: 'on link B', as: 'dots', points: window.map(({ times: { out: t } }, row) => [t - start, row] as const) },
  ]
  return {
    id: 'timing.raster',
    title: 'Requests in and out',
    n: window.length,
    x: 'milliseconds',
    y: 'request',
    kind: 'lines',
    lines,
  }
}
