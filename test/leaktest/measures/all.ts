/** Every test that a level's material allows, in the order of a report. */
import type { Claims } from '../claims.ts'
import type { Probe } from '../gate.ts'
import type { Rng } from '../stats/rng.ts'
import type { Material } from '../types.ts'
import { counterTests } from './counters.ts'
import { linkTests } from './links.ts'
import { sizeTests } from './sizes.ts'
import { streamTests } from './streams.ts'
import { timingTests } from './timing.ts'

/** `rng` decides only what attackers and resampling draw: the same one and the same material give the same results. */
export function testsOn(material: Material, claims: Claims, rng: Rng): Probe[] {
  return [
    ...sizeTests(material, claims, rng),
    ...timingTests(material, claims, rng),
    ...linkTests(material, rng),
    ...streamTests(material, claims, rng),
    ...counterTests(material, rng),
  ]
}
