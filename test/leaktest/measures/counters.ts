/** What pages of metrics and logs tell about one client. privacy.md 2.10. */
import { proportion, type Probe } from '../gate.ts'
import { extraChanges, oddSteps, secondsFound } from '../probes/differencing.ts'
import type { Rng } from '../stats/rng.ts'
import type { Material } from '../types.ts'
import { measured, none, reported } from './measure.ts'

type Minutes = NonNullable<Material['minutes']>

const chance = 1 / 60
/** Chance, and what luck may add. */
const threshold = chance + 0.025
/** What published counters grow by, privacy.md 4.8. */
const unit = 10

export function counterTests({ minutes }: Material, rng: Rng): Probe[] {
  if (minutes === undefined) return []
  return [
    differencing(minutes, 'metrics', rng),
    differencing(minutes, 'log', rng),
    measured('metrics.steps', (factor) => {
      const all = minutes('metrics', factor)
      const about = {
        id: 'metrics.steps',
        tier: 'T1',
        metric: `steps of a counter that are no multiple of ${unit}`,
      } as const
      return none(about, all.length, oddSteps(all, unit))
    }),
    measured('metrics.epochs', (factor) => {
      const all = minutes('metrics', factor)
      const about = { id: 'metrics.epochs', tier: 'T1', metric: 'changes of a counter beyond one a minute' } as const
      return none(about, all.length, extraChanges(all))
    }),
  ]
}

function differencing(minutes: Minutes, of: 'metrics' | 'log', rng: Rng): Probe {
  const id = `${of}.differencing`
  return measured(id, (factor) => {
    const all = minutes(of, factor)
    const { estimate, ci, evidence } = proportion(secondsFound(all, rng.fork(id)), all.length, threshold)
    const about = { id, tier: 'T1', metric: `share of seconds guessed in which a client came, by its ${of}` } as const
    return { ...reported(about, all.length, estimate, chance, ci), gate: { kind: 'at-most', threshold }, evidence }
  })
}
