/** The operators' guides as data: their blocks of shell, in order, by what they need. */
import { execFile, execFileSync, spawn } from 'node:child_process'
import { readFileSync, mkdtempSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from '../house/walk.ts'

export type Side = 'relay' | 'gateway'

/** `root`: needs root, a cluster or another service. `serve` does not end. `check` looks at the whole from outside. */
export type Block = { readonly step: number; readonly mode: 'any' | 'root' | 'serve' | 'check'; readonly text: string }

export const pathOf = (side: Side): string => join(root, `deploy/${side}/README.md`)

export function blocksOf(side: Side): Block[] {
  const steps = readFileSync(pathOf(side), 'utf8').split(/^## /m).slice(1)
  return steps.flatMap((text, at) => {
    const found = [...text.matchAll(/^```sh ?(root|serve|check)?\n(.*?)^```$/gms)]
    return found.map(([, mode = 'any', lines = '']) => ({ step: at + 1, mode: mode as Block['mode'], text: lines }))
  })
}

const run = promisify(execFile)

/** An operator with a machine of its own, as far as a folder is one. */
export class Operator {
  readonly side: Side
  readonly folder: string
  readonly settings: Record<string, string> = {}
  /** what stands for the guide's hosts */
  hosts: Readonly<Record<string, string>> = {}
  readonly #home: string
  readonly #user: { readonly uid?: number; readonly gid?: number }
  readonly #stops: (() => Promise<void>)[] = []

  /** `uid` is taken where we may give it away, that is as root; elsewhere everybody is the one who tests. */
  constructor(side: Side, uid: number) {
    this.side = side
    this.#user = process.getuid?.() === 0 ? { uid, gid: uid } : {}
    this.#home = mkdtempSync(join(tmpdir(), `asunder-guide-${side}-`))
    this.folder = join(this.#home, 'etc')
    const bin = join(this.#home, 'bin')
    mkdirSync(bin)
    symlinkSync(join(root, 'shared/client/bin.mjs'), join(bin, 'asunder'))
    symlinkSync(join(root, `${side}/bin.mjs`), join(bin, `asunder-${side}`))
    this.settle()
  }

  /** What the guide says, on this machine. */
  #here(text: string): string {
    const places = { '/etc/asunder': this.folder, '/opt/asunder': root, '/var/lib': this.#home, ...this.hosts }
    return Object.entries(places).reduce((told, [from, to]) => told.replaceAll(from, to), text)
  }

  get #environment(): Record<string, string> {
    const path = [join(this.#home, 'bin'), join(root, 'node_modules/.bin'), process.env['PATH'] ?? '']
    return { PATH: path.join(':'), HOME: this.#home, ...this.settings }
  }

  /** Only the operator's own user comes in here. */
  settle(): void {
    const { uid } = this.#user
    if (uid !== undefined) execFileSync('chown', ['-R', `${String(uid)}:${String(uid)}`, this.#home])
  }

  async follow(blocks: readonly Block[]): Promise<string> {
    let out = ''
    for (const { text } of blocks) out += await this.shell(text)
    return out
  }

  async shell(text: string): Promise<string> {
    const { stdout } = await run('sh', ['-euc', this.#here(text)], {
      ...this.#user,
      cwd: this.#home,
      env: this.#environment,
    })
    return stdout
  }

  /** Starts what does not end, and gives the fields of its line `started`. */
  async serve(text: string): Promise<{ readonly port: number; readonly adminPort: number }> {
    const child = spawn('sh', ['-euc', this.#here(text)], {
      ...this.#user,
      cwd: this.#home,
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
    this.#stops.push(async () => {
      if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
      await gone
    })
    let said = ''
    return new Promise((resolve, reject) => {
      const hear = (data: Buffer): void => {
        said += String(data)
        const line = said.split('\n').find((one) => /"event":"(started|listening)"/.test(one) && one.endsWith('}'))
        if (line !== undefined) resolve(JSON.parse(line) as { port: number; adminPort: number })
      }
      child.stdout.on('data', hear)
      child.stderr.on('data', hear)
      void gone.then(() => reject(new Error(`${this.side} ended: ${said}`)))
    })
  }

  async leave(): Promise<void> {
    for (const stop of this.#stops.toReversed()) await stop()
    rmSync(this.#home, { recursive: true, force: true })
  }
}
