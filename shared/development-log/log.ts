/**
 * A development log: one folder with a key, an append-only database of leaves, and the tiles that anybody may read.
 * Several processes may use one folder. It signs no checkpoint that does not contain the one before. TL-5, trust.md 7.
 */
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { checkpointText, checkSuccession, parseCheckpoint, type Checkpoint } from '../tlog/checkpoint.ts'
import { consistencyProof, inclusionProof, leafHash, rootOf } from '../tlog/merkle.ts'
import { parseNote, signNote } from '../tlog/note.ts'
import type { LogKey } from '../tlog/policy.ts'
import { proofText } from '../tlog/proof.ts'
import type { Signer } from '../tlog/signer.ts'
import { checkpointPath, maxEntry, tileFiles } from '../tlog/tiles.ts'
import { witnessRequest } from '../tlog/witness-request.ts'
import { change, exists, openDatabase, replacePublic } from './files.ts'
import { developmentName, makeSecret, signerFrom } from './keys.ts'

/** What a log wants of a witness. */
export type Cosigning = {
  readonly operator: string
  /** the size of the last tree of this log that it cosigned, 0 for none */
  seen(origin: string): number
  /** C2SP tlog-witness: from an add-checkpoint request to the line for the note */
  cosign(request: string): Promise<string>
}

/** Origin and key, as a development root lists them, and what can be done with the log. */
export type DevelopmentLog = LogKey & {
  /** the folder of checkpoint and tiles, C2SP tlog-tiles: what `--log` of the monitor takes */
  readonly published: string
  /** Appends the data of a leaf and gives its index; a leaf that is there already keeps the index that it has. Durable. */
  add(data: Uint8Array): number
  /** Signs the tree as it is, has every one of `witnesses` cosign it, and publishes the note that it gives. */
  checkpoint(witnesses: readonly Cosigning[]): Promise<string>
  /** The note that was published last. */
  latest(): string | undefined
  /** A tlog-proof for a leaf hash, from the latest checkpoint; refused with `no-proof` while that does not hold it. */
  prove(leaf: Uint8Array): string
  /** From a tree of `oldSize` to the latest checkpoint. */
  consistency(oldSize: number): Bytes[]
  close(): void
}

const schema = `
  CREATE TABLE IF NOT EXISTS leaves (at INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, data BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS signed (id INTEGER PRIMARY KEY CHECK (id = 1), note TEXT NOT NULL);
  CREATE TRIGGER IF NOT EXISTS no_change BEFORE UPDATE ON leaves BEGIN SELECT RAISE(ABORT, 'append-only'); END;
  CREATE TRIGGER IF NOT EXISTS no_removal BEFORE DELETE ON leaves BEGIN SELECT RAISE(ABORT, 'append-only'); END;
`

/** Other processes that use the log may be faster; so often is the work begun again. */
const attempts = 5

export type NewLog = {
  readonly folder: string
  /** lower-case letters, digits, dots, hyphens: the origin is `development-log.invalid/NAME` */
  readonly name: string
  readonly seed?: Uint8Array
}

/** Makes the log in a folder that holds none; fails with EEXIST where there is one. */
export async function createDevelopmentLog({ folder, name, seed }: NewLog): Promise<DevelopmentLog> {
  makeSecret(keyFile(folder), developmentName('log', name), 'note', seed)
  return openDevelopmentLog(folder)
}

export async function openDevelopmentLog(folder: string): Promise<DevelopmentLog> {
  const signer = await signerFrom(keyFile(folder))
  return logOf(signer, openDatabase(join(folder, 'log.db'), schema), join(folder, 'published'))
}

function logOf(signer: Signer, db: DatabaseSync, published: string): DevelopmentLog {
  const { key } = signer
  const origin = key.name
  const rows = leavesOf(db)
  const signed = signedNote(db, origin)

  const covered = (): Checkpoint & { readonly note: string } => {
    const last = signed.last()
    if (last === undefined) throw new Refusal('no-proof', 'the log has signed no checkpoint yet')
    return last
  }

  const attempt = async (witnesses: readonly Cosigning[]): Promise<string> => {
    const hashes = rows.hashes()
    const head = { origin, size: hashes.length, root: rootOf(hashes) }
    const last = signed.last()
    if (last !== undefined)
      checkSuccession(last, head, last.size > head.size ? [] : consistencyProof(hashes, last.size))
    const own = await signNote(checkpointText(head), [signer])
    const lines: string[] = []
    for (const witness of witnesses) lines.push(await cosigned(witness, origin, own, hashes))
    change(db, () => signed.keep(`${own}${lines.join('')}`, head.size))
    return change(db, () => publish(published, covered(), rows.data()))
  }

  return {
    origin,
    key,
    published,
    add: (data) => change(db, () => rows.append(data)),
    checkpoint: (witnesses) => insisting(() => attempt(witnesses)),
    latest: () => signed.last()?.note,
    prove(leaf) {
      const { size, note } = covered()
      const index = rows.indexOf(leaf)
      if (index === undefined || index >= size) throw new Refusal('no-proof', 'no checkpoint holds this leaf yet')
      return proofText({ index, hashes: inclusionProof(rows.hashes().slice(0, size), index), checkpoint: note })
    },
    consistency: (oldSize) => consistencyProof(rows.hashes().slice(0, covered().size), oldSize),
    close() {
      if (db.isOpen) db.close()
    },
  }
}

async function cosigned(witness: Cosigning, origin: string, note: string, hashes: readonly Bytes[]): Promise<string> {
  const oldSize = witness.seen(origin)
  if (oldSize > hashes.length) {
    throw new Refusal('checkpoint-rolled-back', `${witness.operator} saw ${oldSize} leaves, we have ${hashes.length}`)
  }
  return witness.cosign(witnessRequest({ oldSize, proof: consistencyProof(hashes, oldSize), note }))
}

/** Tiles before the checkpoint that needs them; what is there already never changes. */
function publish(folder: string, { note, size }: { note: string; size: number }, data: readonly Uint8Array[]): string {
  const entries = data.slice(0, size)
  for (const [path, bytes] of tileFiles(entries, entries.map(leafHash))) {
    if (!exists(join(folder, path))) replacePublic(join(folder, path), bytes)
  }
  replacePublic(join(folder, checkpointPath), note)
  return note
}

async function insisting<T>(work: () => Promise<T>): Promise<T> {
  for (let left = attempts; ; left--) {
    try {
      return await work()
    } catch (cause) {
      const overtaken = cause instanceof Refusal && ['checkpoint-rolled-back', 'size-conflict'].includes(cause.code)
      if (!overtaken || left === 1) throw cause
    }
  }
}

function leavesOf(db: DatabaseSync) {
  const all = db.prepare('SELECT hash, data FROM leaves ORDER BY at')
  const find = db.prepare('SELECT at FROM leaves WHERE hash = ?')
  const count = db.prepare('SELECT count(*) AS size FROM leaves')
  const add = db.prepare('INSERT INTO leaves (at, hash, data) VALUES (?, ?, ?)')
  const column = (name: 'hash' | 'data') => all.all().map((row) => new Uint8Array(row[name] as Uint8Array))
  const indexOf = (leaf: Uint8Array) => find.get(leaf)?.['at'] as number | undefined
  return {
    hashes: () => column('hash'),
    data: () => column('data'),
    indexOf,
    append(data: Uint8Array): number {
      if (data.length > maxEntry) throw new Refusal('body-too-large', `a leaf has ${maxEntry} bytes at most`)
      const hash = leafHash(data)
      const known = indexOf(hash)
      if (known !== undefined) return known
      const size = count.get()?.['size'] as number
      add.run(size, hash, data)
      return size
    },
  }
}

function signedNote(db: DatabaseSync, origin: string) {
  const read = db.prepare('SELECT note FROM signed')
  const write = db.prepare('INSERT INTO signed (id, note) VALUES (1, ?) ON CONFLICT DO UPDATE SET note = excluded.note')
  const last = () => {
    const note = read.get()?.['note'] as string | undefined
    return note === undefined ? undefined : { ...parseCheckpoint(parseNote(note).text, [origin]), note }
  }
  return {
    last,
    /** Unless another process has signed a larger tree meanwhile. */
    keep(note: string, size: number): void {
      if ((last()?.size ?? 0) <= size) write.run(note)
    },
  }
}

function keyFile(folder: string): string {
  return join(folder, 'log.key')
}
