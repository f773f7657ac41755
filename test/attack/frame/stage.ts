/** Where one run of a scenario happens: dice, clocks, the parts under attack, and an end at which everything closes. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRng, type Rng } from '../../leaktest/stats/rng.ts'
import type { People } from '../pair/people.ts'
import type { Subject } from '../pair/subject.ts'
import { clocks, type Clocks } from '../roles/clocks.ts'
import type { Placement, Profile, Scenario } from './scenario.ts'

export type Stage = {
  readonly dice: Rng
  readonly placement: Placement
  readonly profile: Profile
  /** whom clients and gateways of this run trust, and with which keys */
  readonly people: People
  /** what is attacked: our pair, a naive one, or somebody else's */
  readonly subject: Subject
  readonly clocks: Clocks
  /** a folder of this stage alone */
  readonly folder: () => string
  /** At the end, last one first. */
  readonly defer: (close: () => unknown) => void
}

export type Cast = Pick<Stage, 'placement' | 'profile' | 'people' | 'subject'>

/** Sets a stage, plays on it, and clears it, whatever happened. */
export async function onStage<T>(
  { id }: Pick<Scenario, 'id'>,
  cast: Cast,
  seed: number,
  play: (stage: Stage) => Promise<T>,
): Promise<T> {
  const closers: (() => unknown)[] = []
  const defer = (close: () => unknown): void => void closers.push(close)
  const folder = (): string => {
    const made = mkdtempSync(join(tmpdir(), 'asunder-attack-'))
    defer(() => rmSync(made, { recursive: true, force: true }))
    return made
  }
  try {
    return await play({ ...cast, dice: createRng(seed, id), clocks: clocks(), folder, defer })
  } finally {
    for (const close of closers.reverse()) await Promise.resolve(close()).catch(() => undefined)
  }
}
