/** Whether a relay's connections to the gateway tell which requests are one client's. privacy.md 2.6. */
import { permuted } from '../stats/draws.ts'
import { mean, times } from '../stats/numbers.ts'
import { pValue } from '../stats/permutation.ts'
import type { Rng } from '../stats/rng.ts'
import type { Trial, Window } from '../types.ts'

type Link = Pick<Trial, 'client' | 'upstream'>

/** Connections are numbered from 0, below this. */
const mostConnections = 2 ** 20

/**
 * P(same connection | same client) - P(same connection | different clients) over all pairs of a window; NaN when nobody
 * came twice. Not the share of a connection's majority client: that grows with the pool alone.
 */
export function delta(window: readonly Link[]): number {
  const tally = (key: (trial: Link) => number): number => {
    const counts = new Map<number, number>()
    for (const trial of window) counts.set(key(trial), (counts.get(key(trial)) ?? 0) + 1)
    return [...counts.values()].reduce((pairs, count) => pairs + (count * (count - 1)) / 2, 0)
  }
  const all = (window.length * (window.length - 1)) / 2
  const sameClient = tally(({ client }) => client)
  const sameConnection = tally(({ upstream }) => upstream)
  const both = tally(({ client, upstream }) => client * mostConnections + upstream)
  return both / sameClient - (sameConnection - both) / (all - sameClient)
}

/** The mean over windows, and how often shuffled connections give as much: two-sided. */
export function linkability(windows: readonly Window[], rng: Rng, permutations = 500): { deltas: number[]; p: number } {
  const deltas = windows.map(delta).filter((value) => !Number.isNaN(value))
  const shuffled = (): number =>
    mean(windows.map((window) => delta(withConnections(window, rng))).filter((value) => !Number.isNaN(value)))
  return {
    deltas,
    p: pValue(
      Math.abs(mean(deltas)),
      times(permutations, () => Math.abs(shuffled())),
    ),
  }
}

/** The share of messages that the busiest client of their connection sent: reported, never gated. */
export function majority(trials: readonly Link[]): number {
  const connections = Map.groupBy(trials, ({ upstream }) => upstream)
  const most = [...connections.values()].map((all) =>
    Math.max(...[...Map.groupBy(all, ({ client }) => client).values()].map(({ length }) => length)),
  )
  return most.reduce((sum, count) => sum + count, 0) / trials.length
}

function withConnections(window: Window, rng: Rng): Link[] {
  const upstreams = permuted(
    rng,
    window.map(({ upstream }) => upstream),
  )
  return window.map(({ client }, i) => ({ client, upstream: upstreams[i] as number }))
}
