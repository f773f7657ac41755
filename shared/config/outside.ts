/** A door's own process, as `ask` wants it. */
import { existsSync, readFileSync } from 'node:fs'
import type { Outside } from './door.ts'

type Running = {
  readonly argv: readonly string[]
  readonly env: Outside['environment']
  readonly stdout: { write(text: string): boolean }
}

export function outsideOf({ argv, env, stdout }: Running): Outside {
  return {
    args: argv.slice(2),
    environment: env,
    read: (path) => readFileSync(path, 'utf8'),
    print: (text) => void stdout.write(text),
    version: versionOf(),
    now: Date.now,
    openFiles: openFiles(),
  }
}

/** The hard limit, which Node sets itself to when it starts. Linux only: proc_pid_limits(5). */
function openFiles(): number | undefined {
  const limits = '/proc/self/limits'
  if (!existsSync(limits)) return undefined
  const [, hard] = /^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync(limits, 'utf8')) ?? []
  return hard === undefined ? undefined : Number(hard)
}

/** The package's own version, from the sources as well as from the built tree. */
function versionOf(): string {
  const file = ['../../package.json', '../../../package.json']
    .map((path) => new URL(path, import.meta.url))
    .find((url) => existsSync(url))
  if (file === undefined) return 'unknown'
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
