/**
 * One at a time at a file that a service and an operator's command both change: whoever makes the file beside it has the
 * lock. Work under it is short and without waiting, so it is done in one go.
 */
import { closeSync, openSync, rmSync, statSync } from 'node:fs'
import { Refusal } from '../refusal.ts'

/** Milliseconds. Work takes a few; a lock of that age was left behind by a process that died. */
const abandoned = 10_000
const pause = 10

/** Refuses `incomplete` when the lock does not come free within `patience` milliseconds; then nothing was done. */
export function withFileLock<T>(file: string, work: () => T, patience = 2_000): T {
  const lock = `${file}.lock`
  acquire(lock, patience)
  try {
    return work()
  } finally {
    rmSync(lock, { force: true })
  }
}

function acquire(lock: string, patience: number): void {
  for (let left = patience; !taken(lock); left -= pause) {
    if (isAbandoned(lock)) rmSync(lock, { force: true })
    else if (left <= 0) throw new Refusal('incomplete', `${lock} does not come free: is another command at work?`)
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause)
  }
}

function taken(lock: string): boolean {
  try {
    closeSync(openSync(lock, 'wx', 0o600))
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw cause
  }
}

function isAbandoned(lock: string): boolean {
  const made = statSync(lock, { throwIfNoEntry: false })?.mtimeMs
  return made !== undefined && Date.now() - made > abandoned
}
