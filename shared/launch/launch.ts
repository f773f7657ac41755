/**
 * What a process was started with, looked at before it does anything. It is hygiene on top: who starts a process rules
 * it, and inside a CVM the measured init decides. But mistakes are found here, with their names. trust.md 4.
 */
import { readFileSync } from 'node:fs'
import { Refusal } from '../refusal.ts'
import { environmentProblems } from './environment.ts'
import { flagProblems } from './flags.ts'
import { memoryProblems } from './memory.ts'
import type { Launch, Place } from './place.ts'

export function launchOf({ env, execArgv }: Pick<NodeJS.Process, 'env' | 'execArgv'>): Launch {
  return { env, execArgv, proc: textOf }
}

/** Refuses `unsafe-environment`, with a line for each problem: its name, what is wrong with it, and the remedy. */
export function checkLaunch(launch: Launch, place: Place, { recorded = false } = {}): void {
  const problems = [
    ...environmentProblems(launch.env, place),
    ...flagProblems(launch.execArgv, place, recorded),
    ...memoryProblems(launch, place),
  ]
  if (problems.length === 0) return
  const lines = problems.map(({ name, why, remedy }) => `  ${name} ${why}: ${remedy}`)
  throw new Refusal('unsafe-environment', `unsafe environment, not started:\n${lines.join('\n')}`)
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
