/**
 * A rollback memory in a file that any number of processes may share: changed under a lock file, written beside and
 * renamed, so that a crash leaves the old text or the new one.
 */
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RollbackMemory } from './memory.ts'

/** Milliseconds. A change takes a few; a lock of this age was left behind by a process that died. */
const abandonedAfter = 10_000
const patience = 30_000

export function fileMemory(path: string): RollbackMemory {
  const load = (): Promise<string | undefined> => unlessMissing(readFile(path, 'utf8'))
  return {
    load,
    save: (text) => locked(path, () => Promise.resolve(text)),
    update: (change) => locked(path, async () => change(await load())),
  }
}

async function locked(path: string, text: () => Promise<string>): Promise<void> {
  const lock = `${path}.lock`
  const token = crypto.randomUUID()
  await acquire(lock, token)
  try {
    await replace(path, await text(), () => isHeld(lock, token))
  } finally {
    if (await isHeld(lock, token)) await rm(lock, { force: true })
  }
}

async function replace(path: string, text: string, mayReplace: () => Promise<boolean>): Promise<void> {
  const beside = `${path}.${crypto.randomUUID()}.new`
  await write(beside, 'w', text)
  // Whoever slept long enough to be taken for dead would put an old text over a newer one.
  if (await mayReplace()) return rename(beside, path)
  await rm(beside)
  throw new Error('the lock of the memory file was lost')
}

async function acquire(lock: string, token: string): Promise<void> {
  for (const end = Date.now() + patience; !(await taken(lock, token));) {
    if (Date.now() > end) throw new Error('the lock of the memory file does not come free')
    if (await isAbandoned(lock)) await rm(lock, { force: true })
    else await sleep(10 + 20 * Math.random())
  }
}

/** `wx`: whoever makes the file has the lock. */
async function taken(lock: string, token: string): Promise<boolean> {
  try {
    await write(lock, 'wx', token)
    return true
  } catch (cause) {
    if (hasCode(cause, 'EEXIST')) return false
    throw cause
  }
}

async function isHeld(lock: string, token: string): Promise<boolean> {
  return (await unlessMissing(readFile(lock, 'utf8'))) === token
}

async function isAbandoned(lock: string): Promise<boolean> {
  const found = await unlessMissing(stat(lock))
  return found !== undefined && Date.now() - found.mtimeMs > abandonedAfter
}

async function write(path: string, flags: 'w' | 'wx', text: string): Promise<void> {
  const file = await open(path, flags, 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return undefined
    throw cause
  }
}

function hasCode(cause: unknown, code: string): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === code
}
