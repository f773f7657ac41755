/** The planted leaks of one placement: those that make sense there, and the others with the reason. */
import type { Profile } from '../../../../shared/shaping/profile.ts'
import type { Placement } from '../../contract.ts'
import type { LiveMutant } from './live-mutant.ts'
import { liveMutants } from './mutants.ts'

/** Each with the row that has to fail there. */
export function mutantsIn(placement: Placement, profile: Profile = 'direct'): LiveMutant[] {
  return liveMutants
    .filter(({ senseless, profiles = [profile] }) => senseless?.[placement] === undefined && profiles.includes(profile))
    .map((mutant) => ({ ...mutant, test: mutant.elsewhere?.[placement] ?? mutant.test }))
}

export type LeftOut = { readonly mutant: string; readonly because: string }

export function leftOutIn(placement: Placement): LeftOut[] {
  return liveMutants.flatMap(({ name, senseless }) => {
    const because = senseless?.[placement]
    return because === undefined ? [] : [{ mutant: name, because }]
  })
}
