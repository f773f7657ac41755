/** The command `asunder` as a process of its own, in a folder, with a nearly empty environment. */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

export const bin = resolve('shared/client/bin.mjs')

export type Ended = { readonly code: number | null; readonly out: string; readonly err: string }

export type Options = {
  readonly folder: string
  readonly node?: string
  readonly script?: string
  readonly typed?: string
  /** Called with what it printed so far, each time that there is more. */
  readonly onOut?: (pid: number, out: string) => void
}

export function asunder(args: readonly string[], options: Options): Promise<Ended> {
  const { folder, node = process.execPath, script = bin, typed = '', onOut } = options
  const env = { PATH: '/usr/bin:/bin', NO_COLOR: '1' }
  const child = spawn(node, [script, ...args], { cwd: folder, env, stdio: 'pipe' })
  child.stdin.on('error', () => undefined).end(typed)
  let [out, err] = ['', '']
  child.stdout.on('data', (data: Buffer) => {
    out += data.toString()
    onOut?.(child.pid ?? 0, out)
  })
  child.stderr.on('data', (data: Buffer) => (err += data.toString()))
  return new Promise((done) => child.on('close', (code) => done({ code, out, err })))
}
