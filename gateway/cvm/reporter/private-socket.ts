/**
 * A Unix socket that one user can reach. Node cannot ask the kernel who is at the other end (SO_PEERCRED), so the file
 * system decides: a folder that only its owner may enter (0700), a socket that only its owner may use (0600), and both
 * sides look before they use it. Root passes everywhere, as it may ask for reports anyway.
 */
import { chmodSync, chownSync, lstatSync, type Stats, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { Refusal } from '../../../shared/refusal.ts'

/** The user who may ask: whoever owns the folder. */
export type Owner = { readonly uid: number; readonly gid: number }

/** Looks at the folder and takes away the socket of an earlier run. Refuses `insecure-configuration`. */
export function makeRoom(socket: string): Owner {
  const { uid, gid } = privateFolder(dirname(socket))
  const before = lstat(socket)
  if (before?.isSocket() === true) unlinkSync(socket)
  else if (before !== undefined) throw insecure(socket, 'is there and is no socket: take it away')
  return { uid, gid }
}

/** Until then nobody can reach it but who may enter the folder. */
export function giveTo({ uid, gid }: Owner, socket: string): void {
  chmodSync(socket, 0o600)
  chownSync(socket, uid, gid)
}

/** Before a question is sent: nobody else may have put that socket there. */
export function checkSocket(socket: string, user = process.getuid?.() ?? -1): void {
  const folder = privateFolder(dirname(socket))
  const there = lstat(socket)
  if (there === undefined) throw new Refusal('evidence-unavailable', `${socket} is not there: start the reporter first`)
  if (!there.isSocket()) throw insecure(socket, 'is no socket')
  if (there.mode & 0o077) throw insecure(socket, 'is open to others: it must have the mode 0600')
  if (there.uid !== user || folder.uid !== user) throw insecure(socket, 'and its folder must belong to the agent')
}

function privateFolder(path: string): Stats {
  const there = lstat(path)
  if (there === undefined)
    throw insecure(path, "is not there: make it with mode 0700 and the agent's user as its owner")
  if (!there.isDirectory()) throw insecure(path, 'must be a folder, not a link to one')
  if (there.mode & 0o077) throw insecure(path, 'is open to others: it must have the mode 0700')
  return there
}

function lstat(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}

function insecure(path: string, what: string): Refusal {
  return new Refusal('insecure-configuration', `evidence.reporter: ${path} ${what}`)
}
