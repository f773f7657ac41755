/** One service as a process of its own: started, waited for, watched, stopped. Its log goes straight to its own file. */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export type ServiceOptions = {
  readonly name: string
  /** path of the door, from the project's root */
  readonly door: string
  readonly args: readonly string[]
  readonly nodeArgs?: readonly string[]
  /** what the command is given to, and runs it as the same process */
  readonly within?: readonly string[]
  readonly logFile: string
}

export type Service = {
  readonly name: string
  readonly pid: number
  readonly logFile: string
  /** The first log line with this event; rejects with the end of the log if the process dies before. */
  event(name: string): Promise<Record<string, unknown>>
  /** Resolves when the process is gone, for whatever reason. */
  readonly gone: Promise<void>
  readonly alive: () => boolean
  /** Asks, then insists. */
  stop(): Promise<void>
  /** For the last moment of the parent: no waiting. */
  kill(): void
}

const root = join(import.meta.dirname, '../../..')
const startWithin = 30_000
const stopWithin = 4_000

export function startService({ name, door, args, nodeArgs = [], within = [], logFile }: ServiceOptions): Service {
  const log = openSync(logFile, 'a', 0o600)
  // execPath and not "node": the Node on the PATH may be too old to run these sources.
  const flags = [
    '--disable-warning=ExperimentalWarning',
    '--import',
    join(import.meta.dirname, 'leash.ts'),
    ...nodeArgs,
  ]
  const [program, ...rest] = [...within, process.execPath, ...flags, door, ...args] as [string, ...string[]]
  const child = spawn(program, rest, {
    cwd: root,
    stdio: ['ignore', log, log, 'ipc'],
    env: { NODE_ENV: 'production' },
  })
  closeSync(log)
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()).once('error', () => resolve()))
  const alive = (): boolean => child.exitCode === null && child.signalCode === null && child.pid !== undefined
  return {
    name,
    pid: child.pid ?? 0,
    logFile,
    gone,
    alive,
    event: (event) => awaitEvent({ name, event, logFile, alive }),
    stop: () => stopped(child, gone, alive),
    kill: () => void child.kill('SIGKILL'),
  }
}

/** The last lines of a log, for a person who has to know why. */
export function tailOf(logFile: string, lines = 12): string {
  return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
}

type Awaited = {
  readonly name: string
  readonly event: string
  readonly logFile: string
  readonly alive: () => boolean
}

async function awaitEvent({ name, event, logFile, alive }: Awaited): Promise<Record<string, unknown>> {
  const deadline = Date.now() + startWithin
  for (;;) {
    const ended = !alive()
    const found = eventIn(logFile, event)
    if (found !== undefined) return found
    if (ended) throw new Error(`${name} ended before it was ready. Its log ends with:\n${tailOf(logFile)}`)
    if (Date.now() > deadline)
      throw new Error(`${name} is not ready after ${startWithin / 1000} s. Its log ends with:\n${tailOf(logFile)}`)
    await sleep(20)
  }
}

function eventIn(logFile: string, event: string): Record<string, unknown> | undefined {
  const lines = readFileSync(logFile, 'utf8').split('\n').slice(0, -1)
  return lines.map(objectOf).find((line) => line?.['event'] === event)
}

/** Log lines are JSON objects; what a dying runtime writes between them is not. */
function objectOf(line: string): Record<string, unknown> | undefined {
  try {
    return line.startsWith('{') ? (JSON.parse(line) as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

async function stopped(child: ChildProcess, gone: Promise<void>, alive: () => boolean): Promise<void> {
  if (!alive()) return
  child.kill('SIGTERM')
  const late = setTimeout(() => void child.kill('SIGKILL'), stopWithin)
  await gone
  clearTimeout(late)
}
