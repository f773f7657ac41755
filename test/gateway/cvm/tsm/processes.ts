/** The doors of a CVM as an init would start them: nothing in the environment, fixed options, a user each, no core dumps. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../machine.ts'

const root = join(import.meta.dirname, '../../../..')

export const doors = { agent: 'gateway/cvm/main.ts', reporter: 'gateway/cvm/reporter/main.ts' } as const

export type Line = Readonly<Record<string, unknown>>

export type DoorOptions = {
  readonly door: keyof typeof doors
  readonly config: string
  readonly env?: Readonly<Record<string, string>>
  /** options of the runtime behind the fixed ones */
  readonly flags?: readonly string[]
  readonly user?: number | undefined
  /** what may be read, and what may be written as well */
  readonly reads?: readonly string[]
  readonly writes?: readonly string[]
}

export type Door = {
  readonly child: ChildProcess
  readonly lines: Line[]
  readonly said: () => string
  /** the line of that event, or a failure with what was said instead */
  event(name: string): Promise<Line>
  /** the exit code, once it ended by itself */
  ended(): Promise<number>
}

export function startDoor(options: DoorOptions): Door {
  const { door, config, env = {}, flags = [], user, reads = [], writes = [] } = options
  const node = [
    ...['--permission', '--allow-net', '--disable-sigusr1', '--disable-warning=ExperimentalWarning'],
    ...[root, config, '/proc', ...reads, ...writes].map((path) => `--allow-fs-read=${path}`),
    ...writes.map((path) => `--allow-fs-write=${path}`),
    ...flags,
  ]
  const words = [process.execPath, ...node, join(root, doors[door]), '--config', config]
  // The shell adds a PWD of its own to what it is given.
  const limited = [
    '-c',
    'ulimit -c 0; exec env -i "$@"',
    'sh',
    ...Object.entries(env).map((pair) => pair.join('=')),
    ...words,
  ]
  const ids = user === undefined ? {} : { uid: user, gid: user }
  const child = spawn('/bin/sh', limited, { env: { PATH: '/usr/bin:/bin' }, stdio: ['ignore', 'pipe', 'pipe'], ...ids })
  const lines: Line[] = []
  let [out, said] = ['', '']
  child.stdout.on('data', (data: Buffer) => {
    const complete = (out + data.toString()).split('\n')
    out = complete.pop() ?? ''
    lines.push(...complete.map((line) => JSON.parse(line) as Line))
  })
  child.stderr.on('data', (data: Buffer) => (said += data.toString()))
  const gone = once(child, 'close')
  return {
    child,
    lines,
    said: () => said,
    async event(name) {
      const found = () => lines.find(({ event }) => event === name)
      await until(() => found() !== undefined || child.exitCode !== null, name, 15_000)
      const line = found()
      if (line === undefined) throw new Error(`ended instead of ${name}: ${said}`)
      return line
    },
    ended: async () => (await gone)[0] as number,
  }
}

/** What these doors look at and a test cannot change. */
function dumpsOrSwaps(): boolean {
  const [, swap] = readFileSync('/proc/swaps', 'utf8').trim().split('\n')
  return swap !== undefined || readFileSync('/proc/sys/kernel/core_pattern', 'utf8').startsWith('|')
}

export const isLinux = process.platform === 'linux'
export const startsDoors = isLinux && !dumpsOrSwaps()
if (!startsDoors)
  process.stderr.write('skipped: doors of a CVM as processes (needs Linux without swap and piped core dumps)\n')
