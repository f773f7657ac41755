/** Level 0 as a part of a report. */
import { Worker } from 'node:worker_threads'
import type { ProfileName } from './claims.ts'
import type { Placement } from './contract.ts'
import type { Level0, Level0Options } from './level0.ts'
import type { Told } from './level0-thread.ts'
import type { Part } from './report/assemble.ts'
import type { ReportPlot, ReportTest } from './report/schema.ts'
import type { Plot, TestResult } from './types.ts'

export type Level0PartOptions = {
  readonly seed: number
  readonly quick: boolean
  readonly placement: Placement
  readonly profile: ProfileName
  readonly wanted: (test: string) => boolean
  readonly replay: (test: string) => string
  readonly progress: (text: string) => void
}

export async function level0Part({ wanted, replay, progress, ...options }: Level0PartOptions): Promise<Part> {
  const { seed, quick, placement, profile } = options
  const { results, mutants, plots } = await inThread({ seed, quick, placement, profile }, progress)
  return {
    level: 0,
    tests: results.filter(({ id }) => wanted(id)).map((row) => testOf(row, replay(row.id))),
    matrix: [],
    mutants: mutants
      .filter(({ test }) => wanted(test))
      .map(({ name, leak, test, caught }) => ({ name, leak, test, caught, level: 0 })),
    plots: plots.map((plot) => plotOf(plot, results)),
  }
}

function inThread(options: Level0Options, progress: Level0PartOptions['progress']): Promise<Level0> {
  const thread = new Worker(new URL('level0-thread.ts', import.meta.url), { workerData: options })
  return new Promise((resolve, reject) => {
    thread.on('message', (told: Told) => {
      if ('found' in told) resolve(told.found)
      else if (told.step.done % 10 === 0)
        progress(`simulation, step ${String(told.step.done)} of ${String(told.step.total)}: ${told.step.doing}`)
    })
    thread.once('error', reject)
    thread.once('exit', () => reject(new Error('the simulation ended by itself')))
  })
}

function testOf({ positiveControl, besides, ...row }: TestResult, replay: string): ReportTest {
  const { estimate, ci, null: floor } = row
  const more = Object.entries(besides ?? {}).map(([name, value]): [string, number | null] => [name, known(value)])
  return {
    ...row,
    ...(more.length === 0 ? {} : { besides: Object.fromEntries(more) }),
    positiveControl: [...positiveControl],
    ...{ estimate: known(estimate), ci: [known(ci[0]), known(ci[1])], null: known(floor) },
    ...{ level: 0, found: [], remedy: '', replay },
  }
}

/** JSON has no word for what is no number. */
function known(value: number): number | null {
  return Number.isFinite(value) ? value : null
}

/** Under a figure stands the test of its name, if there is one. */
function plotOf(plot: Plot, results: readonly TestResult[]): ReportPlot {
  const test = results.find(({ id }) => id === plot.id)
  const base = test === undefined ? {} : { test: test.id }
  if (plot.kind === 'grid') return { ...plot, ...base, values: plot.values.map((row) => row.map(finite)) }
  const lines = plot.lines.map(({ points, ...line }) => ({
    ...line,
    points: points.filter((point) => point.every(Number.isFinite)).map(([x, y]): [number, number] => [x, y]),
  }))
  return { ...plot, ...base, lines }
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : 0
}
