/** How this room touches the disk: durable, whole or not at all, and secrets for their owner alone. */
import { closeSync, existsSync, fchmodSync, fstatSync, fsyncSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Refusal } from '../refusal.ts'

/** Milliseconds that one process waits for another to finish its change. */
const patience = 10_000

/** A database of ours, on the disk before anything is answered. Its file, and the ones beside it, are 0600. */
export function openDatabase(file: string, schema: string): DatabaseSync {
  closeSync(openSync(file, 'a', 0o600))
  const db = new DatabaseSync(file)
  db.exec(`PRAGMA busy_timeout = ${patience}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${schema}`)
  return db
}

/** All or nothing, and nobody else writes meanwhile. */
export function change<T>(db: DatabaseSync, work: () => T): T {
  db.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    db.exec('COMMIT')
    return result
  } catch (cause) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw cause
  }
}

/** Writes a secret that was not there before; an existing file is left as it is and the call fails. */
export function writeSecret(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  flushed(openSync(file, 'wx', 0o600), text)
  flushFolder(dirname(file))
}

/** A secret that others may read is refused rather than tightened: somebody may have read it already. */
export function readSecret(file: string): string {
  const handle = openSync(file, 'r')
  try {
    if ((fstatSync(handle).mode & 0o077) === 0) return readFileSync(handle, 'utf8')
    throw new Refusal('insecure-configuration', `${file} is open to others: make the key anew, or chmod 600`)
  } finally {
    closeSync(handle)
  }
}

/** For everybody to read. Beside, flushed, renamed, and the folder flushed: a crash leaves the old file or the new one. */
export function replacePublic(file: string, data: string | Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true })
  const beside = `${file}.${process.pid}.new`
  const handle = openSync(beside, 'w', 0o644)
  fchmodSync(handle, 0o644)
  flushed(handle, data)
  renameSync(beside, file)
  flushFolder(dirname(file))
}

export function exists(file: string): boolean {
  return existsSync(file)
}

function flushed(handle: number, data: string | Uint8Array): void {
  try {
    writeFileSync(handle, data)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function flushFolder(folder: string): void {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
