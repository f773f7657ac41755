/** What a live test is: one question to a capture, with a number for an answer. */
import type { Profile } from '../../../../shared/shaping/profile.ts'
import type { Placement } from '../../contract.ts'
import type { Capture } from '../capture.ts'
import type { Evidence, Gate, Interval, Measurement, Tier } from '../../types.ts'
import { exactly } from '../../gate.ts'

export type Answer = {
  readonly n: number
  readonly estimate: number
  readonly ci: Interval
  readonly gate: Gate
  readonly null: number
  /** what was found, a line each: the first things to look at */
  readonly found: readonly string[]
  readonly doubt?: string
  /** for gates where chance has a part */
  readonly evidence?: Evidence
  readonly besides?: Readonly<Record<string, number>>
}

export type LiveTest = {
  /** stable, such as `heads.upstream` */
  readonly id: string
  readonly tier: Tier
  readonly metric: string
  /** cells of the observation matrix that it speaks for, as `F07 G`: everywhere, and more of them in some placements */
  readonly cells: readonly string[]
  readonly more?: Partial<Record<Placement, readonly string[]>>
  /** where there is something to ask (default: everywhere) */
  readonly placements?: readonly Placement[]
  readonly profiles?: readonly Profile[]
  /** what to do when it fails */
  readonly remedy: string
  /** undefined where the workload gave nothing to ask */
  readonly ask: (capture: Capture) => Answer | undefined
}

export type Asked = { readonly test: LiveTest; readonly measurement: Measurement; readonly found: readonly string[] }

export function askAll(tests: readonly LiveTest[], capture: Capture): Asked[] {
  return tests
    .filter((test) => isIn(test, capture.placement, capture.profile))
    .flatMap((test) => {
      const answer = test.ask(capture)
      // Of a pair that is not ours, what nobody tapped or handed over is nothing to ask about.
      if (answer === undefined || (answer.n === 0 && capture.partly !== undefined)) return []
      const { found, ...numbers } = answer
      const { id, tier, metric } = test
      return [{ test, measurement: { id, tier, metric, ...numbers }, found }]
    })
}

export function isIn({ placements, profiles }: LiveTest, placement: Placement, profile: Profile): boolean {
  return placements?.includes(placement) !== false && profiles?.includes(profile) !== false
}

export function cellsIn({ cells, more }: LiveTest, placement: Placement): readonly string[] {
  return [...cells, ...(more?.[placement] ?? [])]
}

/** A count that must be `threshold`, of `n` things looked at. Without anything to look at it is in doubt. */
export function counted(count: number, n: number, found: readonly string[], threshold = 0): Answer {
  const doubt = n === 0 ? { doubt: 'nothing was there to be looked at' } : {}
  return { n, ...exactly(count, threshold), null: threshold, found: found.slice(0, 8), ...doubt }
}

/** A number that is told and claimed by nobody. */
export function told(estimate: number, n: number, besides: Readonly<Record<string, number>> = {}): Answer {
  return { n, estimate, ci: [estimate, estimate], gate: { kind: 'report' }, null: 0, found: [], besides }
}
