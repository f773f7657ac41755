/** The plots of a report as plain numbers, from whatever material a level has. privacy.md 2.14. */
import type { Claims } from '../claims.ts'
import type { Rng } from '../stats/rng.ts'
import type { Material, Plot, TestResult } from '../types.ts'
import { linkPlots } from './links.ts'
import { sizePlots } from './sizes.ts'
import { streamPlots } from './streams.ts'
import { timingPlots } from './timing.ts'

export type PlotOptions = {
  readonly results: readonly TestResult[]
  readonly material: Material
  readonly claims: Claims
  readonly rng: Rng
}

export function plots({ results, material, claims, rng }: PlotOptions): Plot[] {
  return [
    ...sizePlots(material, claims, rng.fork('sizes')),
    ...timingPlots(results, material, claims, rng.fork('timing')),
    ...streamPlots(material, rng.fork('streams')),
    ...linkPlots(material),
  ]
}
