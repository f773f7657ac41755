/** `leaktest run`: the levels that were asked for, one report of them all. */
import { assemble, type Part } from './report/assemble.ts'
import type { Report } from './report/schema.ts'
import { level0Part, type Level0PartOptions } from './level0-part.ts'
import { level1, type Level1Options } from './live/level1.ts'
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
  const { seed, quick, placement, levels } = options
  const { now, attacks, target } = world
  const started = new Date(now())
  const parts = new Map<Level, Part>()
  let canaries: string | undefined
  for (const level of levels) {
    if (level === 0) {
      parts.set(level, await level0Part(levelOptions(options, world, level)))
      continue
    }
    if (level === 2) {
      const { tests, mutants, plots, ...rest } = await level2(levelOptions(options, world, level))
      parts.set(level, { ...rest, tests: [...tests], mutants: [...mutants], plots: [...plots] })
      continue
    }
    const { canaries: list, ...part } = await level1(levelOptions(options, world, level))
    canaries = list
    parts.set(level, { ...part, tests: [...part.tests], mutants: [...part.mutants], plots: [...part.plots] })
  }
  const facts = { seed, placement, quick, started, ended: new Date(now()), attacks, profile: options.profile }
  const about =
    target === undefined
      ? ({ subject: 'the pair of this repository', evidence: 'simulated' } as const)
      : ({ subject: target.name, evidence: 'unknown' } as const)
  return { report: assemble(parts, { ...facts, ...about }), canaries }
}

function levelOptions(
  options: RunOptions,
  { progress, target }: RunWorld,
  level: Level,
): Level1Options & Level0PartOptions & Level2Options {
  const { seed, quick, placement, profile, tests, keep } = options
  const wanted = (id: string): boolean => tests.length === 0 || tests.some((name) => id.startsWith(name))
  const replay = (test: string): string => replayOf(options, level, test)
  return { seed, quick, placement, profile, keep, tests, wanted, progress, target, replay }
}

function replayOf({ seed, quick, placement, profile, target }: RunOptions, level: number, test: string): string {
  const fast = `${quick ? ' --quick' : ''}${target === undefined ? '' : ` --target ${target}`}`
  const shape = level === 0 ? ` --profile ${profile}` : ''
  return `npm run leaktest -- --level ${String(level)} --placement ${placement}${shape} --seed ${String(seed)}${fast} --tests ${test}`
}

/** privacy.md 5. */
export const exitCodes: Readonly<Record<Report['verdict'], number>> = { pass: 0, fail: 1, inconclusive: 2 }
export const usageExit = 3
