/**
 * A small file that is replaced whole or not at all, also across a power cut: keys, a serial, a bundle. What was another
 * user's stays that user's: an operator's command beside a running service must not take its files away from it.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { Refusal } from '../refusal.ts'

/**
 * Written beside, flushed, renamed, and the folder flushed. A file that is there keeps its owner, and its mode where that is
 * stricter than `mode`. Refuses `insecure-configuration` where it is another user's and we may not write in that one's name.
 */
export function replaceFile(file: string, text: string, mode = 0o600): void {
  const last = existsSync(file) ? statSync(file) : undefined
  const beside = `${file}.new`
  // Made anew: one that was left behind, or laid there, may be open to others.
  rmSync(beside, { force: true })
  const handle = openSync(beside, 'wx', mode)
  try {
    giveTo(handle, last ?? placeOf(file), file)
    writeFileSync(handle, text)
    fsyncSync(handle)
  } catch (cause) {
    rmSync(beside, { force: true })
    throw cause
  } finally {
    closeSync(handle)
  }
  chmodSync(beside, mode & (last?.mode ?? mode))
  renameSync(beside, file)
  const folder = openSync(dirname(file), 'r')
  fsyncSync(folder)
  closeSync(folder)
}

/** A first file, opened by root in a folder of somebody else, is that one's: what follows comes as the service. */
export function leaveToPlace(handle: number, file: string): void {
  giveTo(handle, placeOf(file), file)
}

type Owner = { readonly uid: number; readonly gid: number }

/** Whose a first file is: only root is asked, since whoever else made it could only be itself. */
function placeOf(file: string): Owner | undefined {
  return process.getuid?.() === 0 ? statSync(dirname(file)) : undefined
}

function giveTo(handle: number, wanted: Owner | undefined, file: string): void {
  const { uid } = fstatSync(handle)
  if (wanted === undefined || wanted.uid === uid) return
  try {
    fchownSync(handle, wanted.uid, wanted.gid)
  } catch (cause) {
    const who = `it belongs to user ${String(wanted.uid)} and we are ${String(uid)}`
    throw new Refusal('insecure-configuration', `${file}: ${who}; run this as that user, the one of the service`, {
      cause,
    })
  }
}
