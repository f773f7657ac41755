/** `leaktest run`: the levels that were asked for, one report of them all. */
import { assemble, type Part } from './report/assemble.ts'
import type { Report } from './report/schema.ts'
import { level1 } from './live/level1.ts'
import type { RunOptions } from './options.ts'

export type RunWorld = {
  readonly progress: (text: string) => void
  readonly now: () => number
  /** of an attack suite */
  readonly attacks?: Report['attacks'] | undefined
}

export type Ran = { readonly report: Report; readonly canaries: string | undefined }

export async function run(options: RunOptions, { progress, now, attacks }: RunWorld): Promise<Ran> {
  const { seed, quick, placement, levels, tests, keep } = options
  const started = new Date(now())
  const parts = new Map<0 | 1, Part>()
  let canaries: string | undefined
  const wanted = (id: string): boolean => tests.length === 0 || tests.some((name) => id.startsWith(name))
  for (const level of levels) {
    const again = (test: string): string => replayOf(options, level, test)
    if (level === 0) throw new TypeError('--level: level 0 is not in this version')
    else {
      const { canaries: list, ...part } = await level1({
        seed,
        quick,
        placement,
        wanted,
        replay: again,
        progress,
        keep,
      })
      canaries = list
      parts.set(level, { ...part, tests: [...part.tests], mutants: [...part.mutants], plots: [...part.plots] })
    }
  }
  const facts = { seed, placement, quick, started, ended: new Date(now()), attacks }
  const report = assemble(parts, {
    ...facts,
    subject: 'the pair of this repository',
    profile: 'direct',
    evidence: 'simulated',
  })
  return { report, canaries }
}

function replayOf({ seed, quick, placement }: RunOptions, level: number, test: string): string {
  const fast = quick ? ' --quick' : ''
  return `npm run leaktest -- --level ${String(level)} --placement ${placement} --seed ${String(seed)}${fast} --tests ${test}`
}

/** privacy.md 5. */
export const exitCodes: Readonly<Record<Report['verdict'], number>> = { pass: 0, fail: 1, inconclusive: 2 }
export const usageExit = 3
