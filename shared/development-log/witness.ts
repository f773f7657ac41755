/**
 * A development witness: cosigns a checkpoint only if it contains the last one that it cosigned of that log, remembers
 * before it answers, and keeps what contradicts. It knows development logs and no others, so that its word is worth
 * nothing anywhere else. C2SP tlog-witness, TL-10.
 */
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { Refusal } from '../refusal.ts'
import { checkSuccession, parseCheckpoint, type TreeHead } from '../tlog/checkpoint.ts'
import type { Conflict } from '../tlog/conflict.ts'
import { cosign, type CosignatureKind, type Cosigner } from '../tlog/cosignature.ts'
import { saysDevelopment } from '../tlog/development.ts'
import { parseKey } from '../tlog/key.ts'
import { rootOf } from '../tlog/merkle.ts'
import { parseNote } from '../tlog/note.ts'
import { verifySignatures, type LogKey, type SignedCheckpoint, type WitnessKey } from '../tlog/policy.ts'
import { consistencyText, parseConsistency, parseWitnessRequest, type WitnessRequest } from '../tlog/witness-request.ts'
import { change, openDatabase } from './files.ts'
import { cosignerFrom, developmentName, makeSecret } from './keys.ts'
import type { Cosigning } from './log.ts'

/** Operator and key, as a development root lists them, and what the witness does. */
export type DevelopmentWitness = WitnessKey &
  Cosigning & {
    /** From now on this log is cosigned too. Only a development log; a name that is known keeps its key. */
    accept(log: LogKey): void
    /** Everything that contradicted what it had seen, oldest first. */
    conflicts(): readonly Conflict[]
    close(): void
  }

export type NewWitness = {
  readonly folder: string
  /** the key is named `development-witness.invalid/NAME`, its operator `development NAME` */
  readonly name: string
  readonly kind?: CosignatureKind
  readonly seed?: Uint8Array
  /** milliseconds since 1970 */
  readonly now: () => number
}

const schema = `
  CREATE TABLE IF NOT EXISTS logs (origin TEXT PRIMARY KEY, vkey TEXT NOT NULL, note TEXT);
  CREATE TABLE IF NOT EXISTS conflicts (
    id INTEGER PRIMARY KEY, code TEXT NOT NULL, known TEXT NOT NULL, contradicting TEXT NOT NULL, proof TEXT NOT NULL
  );
`

/** Refusals that show two trees, not only a bad request. A proof that fails may be either, so it is kept as well. */
const contradictions = ['split-view', 'old-root-mismatch', 'new-root-mismatch']

/** Makes the witness in a folder that holds none; fails with EEXIST where there is one. */
export async function createDevelopmentWitness(options: NewWitness): Promise<DevelopmentWitness> {
  const { folder, name, kind = 'cosignature', seed, now } = options
  makeSecret(keyFile(folder), developmentName('witness', name), kind, seed)
  return openDevelopmentWitness({ folder, now })
}

export async function openDevelopmentWitness(from: Pick<NewWitness, 'folder' | 'now'>): Promise<DevelopmentWitness> {
  const cosigner = await cosignerFrom(keyFile(from.folder))
  return witnessOf(cosigner, openDatabase(join(from.folder, 'witness.db'), schema), from.now)
}

function witnessOf(cosigner: Cosigner, db: DatabaseSync, now: () => number): DevelopmentWitness {
  const memory = memoryOf(db)
  /** The time at which it was so, or why it is not; either is on the disk when this returns. */
  const judged = (checkpoint: SignedCheckpoint, request: WitnessRequest): number | Refusal => {
    const { note, head } = memory.last(checkpoint.origin)
    try {
      checkNext(head, checkpoint, request)
      memory.keep(checkpoint.origin, request.note)
      return now()
    } catch (cause) {
      if (!(cause instanceof Refusal)) throw cause
      if (note !== undefined && contradictions.includes(cause.code)) memory.accuse(cause, note, request)
      return cause
    }
  }
  return {
    operator: `development ${cosigner.key.name.slice(cosigner.key.name.indexOf('/') + 1)}`,
    key: cosigner.key,
    accept: (log) => change(db, () => memory.accept(log)),
    seen: (origin) => memory.last(origin).head.size,
    async cosign(text) {
      const request = parseWitnessRequest(text)
      const checkpoint = await verifySignatures(request.note, { logs: memory.logs(), witnesses: [] })
      const time = change(db, () => judged(checkpoint, request))
      if (typeof time !== 'number') throw time
      return cosign(cosigner, checkpoint, time)
    },
    conflicts: () => memory.conflicts(),
    close() {
      if (db.isOpen) db.close()
    },
  }
}

/** In the order of C2SP, except that what contradicts is told apart from a log that only remembers another size. */
function checkNext(seen: TreeHead, next: TreeHead, { oldSize, proof }: WitnessRequest): void {
  if (oldSize > next.size) throw new Refusal('sizes-out-of-order', `from ${oldSize} to ${next.size}`)
  checkSuccession(seen, next)
  if (oldSize !== seen.size) throw new Refusal('size-conflict', `the last tree that was cosigned has ${seen.size}`)
  checkSuccession(seen, next, proof)
}

function memoryOf(db: DatabaseSync) {
  const all = db.prepare('SELECT origin, vkey FROM logs')
  const one = db.prepare('SELECT vkey, note FROM logs WHERE origin = ?')
  const add = db.prepare('INSERT INTO logs (origin, vkey) VALUES (?, ?) ON CONFLICT DO NOTHING')
  const keep = db.prepare('UPDATE logs SET note = ? WHERE origin = ?')
  const accuse = db.prepare('INSERT INTO conflicts (code, known, contradicting, proof) VALUES (?, ?, ?, ?)')
  const accused = db.prepare('SELECT code, known, contradicting, proof FROM conflicts ORDER BY id')
  return {
    logs: (): LogKey[] =>
      all.all().map((row) => ({ origin: String(row['origin']), key: parseKey(String(row['vkey'])) })),
    last(origin: string) {
      const note = (one.get(origin)?.['note'] ?? undefined) as string | undefined
      const head: TreeHead = note === undefined ? nothing(origin) : parseCheckpoint(parseNote(note).text, [origin])
      return { note, head }
    },
    accept({ origin, key }: LogKey): void {
      if (!saysDevelopment(origin)) throw new Refusal('insecure-configuration', 'not a development log')
      add.run(origin, key.text)
      if (one.get(origin)?.['vkey'] !== key.text) throw new Refusal('unknown-log-key', 'another key for this origin')
    },
    keep: (origin: string, note: string) => void keep.run(note, origin),
    accuse({ code }: Refusal, known: string, { note, proof }: WitnessRequest): void {
      accuse.run(code, known, note, consistencyText(proof))
    },
    conflicts: (): Conflict[] => (accused.all() as Row[]).map(conflictOf),
  }
}

type Row = {
  readonly code: Conflict['code']
  readonly known: string
  readonly contradicting: string
  readonly proof: string
}

function conflictOf({ code, known, contradicting, proof }: Row): Conflict {
  return { code, notes: [known, contradicting], proof: parseConsistency(proof) }
}

function nothing(origin: string): TreeHead {
  return { origin, size: 0, root: rootOf([]) }
}

function keyFile(folder: string): string {
  return join(folder, 'witness.key')
}
