/** `leaktest run`: the levels that were asked for, one report of them all. */
import { profiles, type Profile } from '../../shared/shaping/profile.ts'
import type { Placement } from './contract.ts'
import { assemble, type Part } from './report/assemble.ts'
import type { Report } from './report/schema.ts'
import { level0Part, type Level0PartOptions } from './level0-part.ts'
import { level1, type Level1Options } from './live/level1.ts'
import { tokensPart } from './live/tokens-part.ts'
import type { Target } from './live/target.ts'
import { level2, type Level2Options } from './net/level2.ts'
import type { Level, RunOptions } from './options.ts'

export type RunWorld = {
  readonly progress: (text: string) => void
  readonly now: () => number
  readonly target?: Target | undefined
  /** of an attack suite */
  readonly attacks?: Report['attacks'] | undefined
}

export type Ran = { readonly report: Report; readonly canaries: string | undefined }

export async function run(options: RunOptions, world: RunWorld): Promise<Ran> {
  const { seed, quick, placements, levels, profile } = options
  const { now, attacks, target, progress } = world
  const started = new Date(now())
  const parts: Part[] = []
  const canaries: string[] = []
  const model = levels.includes(0)
    ? level0Part({ ...levelOptions(options, world, 0, placements[0]), profile })
    : undefined
  // Awaited below, when the processes have ended: if it failed, that is told there.
  model?.catch(() => undefined)
  for (const placement of levels.includes(1) ? placements : []) {
    if (placements.length > 1) progress(`placement ${placement}`)
    const { canaries: list, ...part } = await level1({
      ...levelOptions(options, world, 1, placement),
      profile: offered(profile),
    })
    canaries.push(list)
    parts.push({ ...part, tests: [...part.tests], mutants: [...part.mutants], plots: [...part.plots] })
  }
  if (levels.includes(1) && profile === 'direct' && target === undefined && placements.includes('front'))
    parts.push(await tokensPart(levelOptions(options, world, 1, 'front')))
  for (const placement of levels.includes(2) ? placements : []) {
    const { tests, mutants, plots, ...rest } = await level2(levelOptions(options, world, 2, placement))
    parts.push({ ...rest, tests: [...tests], mutants: [...mutants], plots: [...plots] })
  }
  if (model !== undefined) parts.unshift(await model)
  const facts = { seed, placements, quick, started, ended: new Date(now()), attacks, profile }
  const about =
    target === undefined
      ? ({ subject: 'the pair of this repository', evidence: 'simulated' } as const)
      : ({ subject: target.name, evidence: 'unknown' } as const)
  return { report: assemble(parts, { ...facts, ...about }), canaries: canaries[0] }
}

function levelOptions(
  options: RunOptions,
  { progress, target }: RunWorld,
  level: Level,
  placement: Placement,
): Omit<Level1Options & Level0PartOptions & Level2Options, 'profile'> {
  const { seed, quick, tests, keep } = options
  const wanted = (id: string): boolean => tests.length === 0 || tests.some((name) => id.startsWith(name))
  const replay = (test: string): string => replayOf(options, level, placement, test)
  return { seed, quick, placement, keep, tests, wanted, progress, target, replay }
}

function replayOf(
  { seed, quick, profile, target }: RunOptions,
  level: number,
  placement: Placement,
  test: string,
): string {
  const fast = `${quick ? ' --quick' : ''}${target === undefined ? '' : ` --target ${target}`}`
  const shape = level < 2 ? ` --profile ${profile}` : ''
  return `npm run leaktest -- --level ${String(level)} --placement ${placement}${shape} --seed ${String(seed)}${fast} --tests ${test}`
}

/** What was asked for has been looked at: `horizon` is the model's alone. */
function offered(name: RunOptions['profile']): Profile {
  const found = profiles.find((profile) => profile === name)
  if (found === undefined) throw new TypeError(`no relay offers profile ${name}`)
  return found
}

/** privacy.md 5. */
export const exitCodes: Readonly<Record<Report['verdict'], number>> = { pass: 0, fail: 1, inconclusive: 2 }
export const usageExit = 3
