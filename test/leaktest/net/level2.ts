/**
 * Level 2 of the privacy lab: each operator in a network namespace of its own, and packets captured instead of taps. Runs
 * as a process that is given such a network; where the system gives none, the run proves nothing and says why.
 * privacy.md 2.1 (L2).
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Placement } from '../contract.ts'
import type { Level1 } from '../live/level1.ts'
import type { ReportTest } from '../report/schema.ts'
import { leaveToWatch, type Leave } from './privileges.ts'
import type { NetRun } from './run.ts'

export type ToInside = { readonly seed: number; readonly quick: boolean; readonly tests: readonly string[] }
export type FromInside = { readonly progress: string } | { readonly done: NetRun } | { readonly failed: string }

export type Level2Options = ToInside & {
  readonly placement: Placement
  readonly replay: (test: string) => string
  readonly progress: (text: string) => void
  readonly leave?: Leave
}

export type Level2 = Omit<Level1, 'canaries' | 'level' | 'leftOut'> & { readonly level: 2 }

export async function level2({
  placement,
  replay,
  progress,
  leave = leaveToWatch(),
  ...wanted
}: Level2Options): Promise<Level2> {
  if (placement !== 'front') {
    const remedy = 'look at it with --level 1'
    return nothingProven(
      `level 2 watches placement front only; ${placement} is not available`,
      remedy,
      replay,
      placement,
    )
  }
  if (!('command' in leave)) return nothingProven(leave.why, leave.remedy, replay, placement)
  const { tests, ...rest } = await inside(leave.command, wanted, progress)
  return { ...rest, level: 2, placement, tests: tests.map((test) => ({ ...test, replay: replay(test.id) })), plots: [] }
}

function nothingProven(doubt: string, remedy: string, replay: Level2Options['replay'], placement: Placement): Level2 {
  const id = 'level2.namespaces'
  const row: ReportTest = {
    ...{ id, level: 2, tier: 'T1', metric: 'operators in namespaces of their own, watched by packets', n: 0 },
    ...{ estimate: null, ci: [null, null], null: null, threshold: null, verdict: 'inconclusive' },
    ...{ positiveControl: [], found: [], doubt: `${doubt}; ${remedy}`, remedy, replay: replay(id) },
  }
  return { level: 2, placement, tests: [row], matrix: [], mutants: [], plots: [] }
}

function inside(command: readonly string[], wanted: ToInside, progress: (text: string) => void): Promise<NetRun> {
  const own = [process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'inside.ts')]
  const [program = '', ...args] = [...command, ...own]
  // Programs of the system are where only root's PATH has them.
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env })
  return new Promise((resolve, reject) => {
    child.on('message', (message: FromInside) => {
      if ('progress' in message) progress(message.progress)
      else if ('done' in message) resolve(message.done)
      else reject(new Error(`level 2: ${message.failed}`))
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`level 2 ended by itself (${String(code)})`)))
    child.send(wanted)
  })
}
