/**
 * Two ways to the same machine: as a mounted file system in a mount namespace of its own process, with real system
 * calls (where /dev/fuse can be opened), and as calls within this process (everywhere).
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { Refusal } from '../../../../shared/refusal.ts'
import type { TsmFiles } from '../../../../gateway/cvm/tsm-files.ts'
import { tsmFiles } from '../../../../gateway/cvm/tsm-files.ts'
import type { ChipParts } from './chip.ts'
import { type Behaviour, Kernel, type Seen } from './kernel.ts'
import type { Order } from './kernel-process.ts'

export type Tree = {
  readonly root: string
  readonly files: TsmFiles
  behave(changes: Partial<Behaviour>): Promise<void>
  seen(): Promise<Seen>
  stop(): Promise<void>
}

/** Root has its own mount namespace for the asking; others first need a user namespace. */
const unshare = ['unshare', process.getuid?.() === 0 ? '-m' : '-Urm'] as const
const probe =
  'exec 3<>/dev/fuse && d=$(mktemp -d) && mount -i -n -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 x $d'
export const canMount = spawnSync(unshare[0], [unshare[1], 'sh', '-c', probe], { stdio: 'ignore' }).status === 0
if (!canMount) process.stderr.write('skipped: configfs-tsm as a mounted file system (needs /dev/fuse and unshare)\n')

export async function mounted(chip: ChipParts): Promise<Tree> {
  const folder = mkdtempSync(join(tmpdir(), 'asunder-tsm-'))
  const door = join(import.meta.dirname, 'kernel-process.ts')
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', door, folder, JSON.stringify(chip)]
  const child = spawn(unshare[0], [unshare[1], ...node], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env: {} })
  await answerOf(child)
  return {
    // The namespace of that process, seen from ours.
    root: `/proc/${String(child.pid)}/root${folder}`,
    files: tsmFiles,
    async behave(changes) {
      await told(child, { behave: changes })
    },
    seen: () => told(child, { seen: true }),
    async stop() {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
      rmSync(folder, { recursive: true })
    },
  }
}

async function told(child: ChildProcess, order: Order): Promise<Seen> {
  const answer = answerOf(child)
  child.send(order)
  return answer
}

async function answerOf(child: ChildProcess): Promise<Seen> {
  const gone = once(child, 'exit').then(() => Promise.reject(new Error('the machine ended')))
  const [seen] = (await Promise.race([once(child, 'message'), gone])) as [Seen]
  return seen
}

export function inProcess(chip: ChipParts): Promise<Tree> {
  const kernel = new Kernel(chip)
  return Promise.resolve({
    root: '/nowhere/tsm/report',
    files: filesOf(kernel),
    behave(changes) {
      kernel.behave(changes)
      return Promise.resolve()
    },
    seen: () => Promise.resolve(kernel.seen()),
    stop: () => Promise.resolve(),
  })
}

/** Each call in a turn of its own, as calls to a kernel are. */
function filesOf(kernel: Kernel): TsmFiles {
  const open = (path: string, how: 'read' | 'write') => kernel.open(basename(dirname(path)), basename(path), how)
  const turn = <T>(work: () => T): Promise<T> => new Promise((resolve) => setImmediate(resolve)).then(work)
  return {
    mkdir: (path) => turn(() => kernel.mkdir(basename(path))),
    rmdir: (path) => turn(() => kernel.rmdir(basename(path))),
    write: (path, bytes) =>
      turn(() => {
        const handle = open(path, 'write')
        const taken = handle.write(bytes)
        handle.close()
        return taken
      }),
    read: (path, limit) =>
      turn(() => {
        const content = open(path, 'read').read()
        if (content.length > limit) throw new Refusal('body-too-large', 'too long')
        return content
      }),
  }
}

export const ways: readonly (readonly [string, (chip: ChipParts) => Promise<Tree>])[] = [
  ['in this process', inProcess],
  ...(canMount ? ([['as a mounted file system', mounted]] as const) : []),
]
