/** What a planted leak is. */
import type { Profile } from '../../../../shared/shaping/profile.ts'
import type { Placement } from '../../contract.ts'
import type { Phase } from '../capture.ts'
import type { Careless } from '../workload.ts'
import type { Leak } from './leaky-relay.ts'
import type { Scribe } from './scribe.ts'

export type LiveMutant = {
  readonly name: string
  readonly leak: string
  /** the row that has to fail, and another one where somebody else meets the leak */
  readonly test: string
  readonly elsewhere?: Partial<Record<Placement, string>>
  /** where it makes no sense, and why */
  readonly senseless?: Partial<Record<Placement, string>>
  /** default: all */
  readonly profiles?: readonly Profile[]
  readonly phases: readonly Phase[]
  readonly relay?: Leak
  readonly client?: Careless
  readonly scribe?: Scribe
}
