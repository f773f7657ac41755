/** The door as others use it: the npm script's own process. */
import { spawn } from 'node:child_process'
import { expect } from 'vitest'
import { root } from '../house/walk.ts'

export type Answer = { id: string; ok?: unknown; refused?: string; crash?: string; unsupported?: boolean }
/** One answer for each case and line, in their order. */
export async function ask(cases: readonly object[], lines: readonly string[] = []): Promise<Answer[]> {
  const door = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'test/interop/door.ts'], { cwd: root })
  let text = ''
  door.stdout.setEncoding('utf8').on('data', (part: string) => (text += part))
  const ended = new Promise<number | null>((done) => door.once('exit', done))
  door.stdin.end([...cases.map((one) => JSON.stringify(one)), ...lines].join('\n') + '\n')
  expect(await ended).toBe(0)
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer)
}
