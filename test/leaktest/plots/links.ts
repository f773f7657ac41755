/** Connections, counters, and how many remain round after round. privacy.md 2.14, parts 5, 8 and 9. */
import { mean, times } from '../stats/numbers.ts'
import type { Line, Material, Plot, Window } from '../types.ts'

const shownMinutes = 5
const mostRounds = 30

export function linkPlots({ windows, rates = [], minutes }: Material): Plot[] {
  const all = windows === undefined || rates.length === 0 ? [] : windows(Math.max(...rates), 1).windows
  const counters = minutes === undefined ? [] : [readings(minutes)]
  return all.length === 0 ? counters : [connections(all), ...counters, remaining(all)]
}

/** Row: a client. Column: a connection of the relay to its gateway. */
function connections(windows: readonly Window[]): Plot {
  const trials = windows.flat()
  const rows = Math.max(...trials.map(({ client }) => client)) + 1
  const columns = Math.max(...trials.map(({ upstream }) => upstream)) + 1
  const values = times(rows, () => new Array<number>(columns).fill(0))
  for (const { client, upstream } of trials) {
    const row = values[client] as number[]
    row[upstream] = (row[upstream] ?? 0) + 1
  }
  const axes = { x: 'connection to the gateway', y: 'client' }
  return { id: 'link.connections', title: 'Clients and connections', n: trials.length, ...axes, kind: 'grid', values }
}

function readings(minutes: NonNullable<Material['minutes']>): Plot {
  const all = minutes('metrics', 1)
  const lines = all.slice(0, shownMinutes).flatMap(({ readings: shown, second }, i): Line[] => {
    const first = shown[0] ?? 0
    return [
      { name: `counter, minute ${i + 1}`, as: 'steps', points: shown.map((value, at) => [at, value - first] as const) },
      { name: `client, minute ${i + 1}`, as: 'dots', points: [[second, 0]] },
    ]
  })
  const axes = { x: 'second', y: 'growth of the counter' }
  return { id: 'metrics.readings', title: 'What a page of metrics shows', n: all.length, ...axes, kind: 'lines', lines }
}

/** Clients who were active in every round so far, where one of them shows the same trait in each. */
function remaining(windows: readonly Window[]): Plot {
  const clients = new Set(windows.flat().map(({ client }) => client)).size
  const active = mean(windows.map((window) => new Set(window.map(({ client }) => client)).size)) / clients
  const points = times(mostRounds, (round) => [round, 1 + (clients - 1) * active ** round] as const)
  const lines: Line[] = [{ name: `${clients} clients, active ${active.toFixed(2)}`, as: 'line', points }]
  const axes = { x: 'rounds', y: 'clients that remain' }
  return {
    id: 'intersection.sets',
    title: 'A linkable trait, round after round',
    n: windows.length,
    ...axes,
    kind: 'lines',
    lines,
  }
}
