/** `leaktest run`: the levels that were asked for, one report of them all. */
import { assemble, type Part } from './report/assemble.ts'
import type { Report } from './report/schema.ts'
import { level1, type Level1Options } from './live/level1.ts'
import type { Target } from './live/target.ts'
import type { RunOptions } from './options.ts'

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
  const parts = new Map<0 | 1, Part>()
  let canaries: string | undefined
  for (const level of levels) {
    if (level === 0) throw new TypeError('--level: level 0 is not in this version')
    const { canaries: list, ...part } = await level1(levelOptions(options, world))
    canaries = list
    parts.set(level, { ...part, tests: [...part.tests], mutants: [...part.mutants], plots: [...part.plots] })
  }
  const facts = { seed, placement, quick, started, ended: new Date(now()), attacks, profile: 'direct' }
  const about =
    target === undefined
      ? ({ subject: 'the pair of this repository', evidence: 'simulated' } as const)
      : ({ subject: target.name, evidence: 'unknown' } as const)
  return { report: assemble(parts, { ...facts, ...about }), canaries }
}

function levelOptions(options: RunOptions, { progress, target }: RunWorld): Level1Options {
  const { seed, quick, placement, tests, keep } = options
  const wanted = (id: string): boolean => tests.length === 0 || tests.some((name) => id.startsWith(name))
  return { seed, quick, placement, keep, wanted, progress, target, replay: (test) => replayOf(options, 1, test) }
}

function replayOf({ seed, quick, placement, target }: RunOptions, level: number, test: string): string {
  const fast = `${quick ? ' --quick' : ''}${target === undefined ? '' : ` --target ${target}`}`
  return `npm run leaktest -- --level ${String(level)} --placement ${placement} --seed ${String(seed)}${fast} --tests ${test}`
}

/** privacy.md 5. */
export const exitCodes: Readonly<Record<Report['verdict'], number>> = { pass: 0, fail: 1, inconclusive: 2 }
export const usageExit = 3
