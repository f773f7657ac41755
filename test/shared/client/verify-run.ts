/** `asunder verify` in memory: files by name, a clock, and what it found. */
import { expect } from 'vitest'
import { utf8 } from '../../../shared/bytes.ts'
import { main } from '../../../shared/client/commands/main.ts'
import type { Examined } from '../../../shared/client/verify/bundle.ts'
import { now } from '../attestation/makers.ts'
import { newTerminal } from './terminal.ts'

export type Files = Readonly<Record<string, string | Uint8Array>>

export async function run(
  args: readonly string[],
  files: Files,
  at = now,
  world: Parameters<typeof newTerminal>[0] = {},
) {
  const terminal = newTerminal({ now: () => at, ...world })
  for (const [name, file] of Object.entries(files)) {
    terminal.files.set(name, typeof file === 'string' ? utf8(file) : file)
  }
  const exit = await main(['verify', ...args], terminal)
  return { exit, ...terminal.shown }
}

/** The JSON form, and of it what most tests ask. */
export async function found(args: readonly string[], files: Files, at?: number) {
  const { exit, out, err } = await run([...args, '--json'], files, at)
  expect(err).toBe('')
  const examined = JSON.parse(out) as Examined
  const refused = examined.checks.filter(({ result }) => result === 'refused')
  const open = examined.checks.filter(({ result }) => result === 'not reached').map(({ name }) => name)
  return { exit, examined, open, refused: refused.map(({ name, code }) => [name, code]) }
}
