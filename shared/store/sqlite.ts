/**
 * A store in one SQLite file: survives restart and power loss, shared by the processes of one machine.
 * WAL and synchronous FULL; the claims of one tick share one transaction, so one fsync serves all of them
 * (feasibility.md A7). Rows lie by group (quota and slice of time), so that old ones go in ranges, a few at each commit.
 */
import { closeSync, existsSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { shareOf, sliceEnd, type Shares } from './shares.ts'
import type { Claim, Store } from './store.ts'
import { leaveToPlace } from './whole-file.ts'

export type SqliteStoreOptions = {
  readonly file: string
  readonly shares: Shares
  readonly now?: () => number
}

type Group = { readonly id: number; readonly quota: string; readonly endsAt: number; held: number }
type Waiting = {
  readonly name: Uint8Array
  readonly endsAt: number
  readonly quota: string
  readonly share: { readonly name: string; readonly capacity: number }
  readonly resolve: (claim: Claim) => void
  readonly reject: (cause: unknown) => void
}

const schema = `
  PRAGMA busy_timeout = 2000;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS groups (
    id INTEGER PRIMARY KEY, quota TEXT NOT NULL, ends_at INTEGER NOT NULL, held INTEGER NOT NULL, UNIQUE (quota, ends_at)
  );
  CREATE TABLE IF NOT EXISTS claims (
    group_id INTEGER NOT NULL, name BLOB NOT NULL, PRIMARY KEY (group_id, name)
  ) WITHOUT ROWID;
`

/** Rows deleted beside one commit at most, so that no claim waits for a whole slice to go. */
const sweepRows = 4_096

export function createSqliteStore({ file, shares, now = Date.now }: SqliteStoreOptions): Store {
  const db = open(file)
  const statements = prepare(db)
  let waiting: Waiting[] = []
  let closed = false

  function settle(one: Waiting, groups: Group[]): Claim {
    if (groups.some((group) => statements.has.get(group.id, one.name) !== undefined)) return 'seen'
    const used = groups.filter(({ quota }) => shareOf(shares, quota).name === one.share.name)
    if (used.reduce((sum, group) => sum + group.held, 0) >= one.share.capacity) return 'full'
    const group = used.find(({ quota, endsAt }) => quota === one.quota && endsAt === one.endsAt) ?? begin(one, groups)
    statements.add.run(group.id, one.name)
    group.held += 1
    return 'first'
  }

  function begin({ quota, endsAt }: Waiting, groups: Group[]): Group {
    const group = { id: Number(statements.begin.run(quota, endsAt).lastInsertRowid), quota, endsAt, held: 0 }
    groups.push(group)
    return group
  }

  /** Groups that still count; of the others some rows go now, and the group itself once it is empty. */
  function liveGroups(at: number): Group[] {
    const all = statements.groups.all() as Group[]
    const over = all.find(({ endsAt }) => endsAt <= at)
    if (over !== undefined && Number(statements.sweep.run(over.id, over.id, sweepRows).changes) < sweepRows) {
      statements.end.run(over.id)
    }
    return all.filter(({ endsAt }) => endsAt > at)
  }

  function commit(): void {
    const batch = waiting
    waiting = []
    if (batch.length === 0) return
    try {
      const claims = transaction(db, () => {
        const groups = liveGroups(now())
        const settled = batch.map((one) => settle(one, groups))
        for (const group of groups) statements.count.run(group.held, group.id)
        return settled
      })
      batch.forEach(({ resolve }, i) => resolve(claims[i] ?? 'full'))
    } catch (cause) {
      for (const { reject } of batch) reject(cause)
    }
  }

  return {
    claim: (name, expiresAt, quota) =>
      new Promise((resolve, reject) => {
        if (closed) throw new TypeError('the store is closed')
        const share = shareOf(shares, quota)
        if (waiting.push({ name, endsAt: sliceEnd(expiresAt), quota, share, resolve, reject }) === 1)
          setImmediate(commit)
      }),
    forget: (quota) =>
      Promise.try(() => {
        commit()
        // The rows follow in sweeps: a group that has ended counts no more.
        statements.forget.run(quota)
      }),
    close: () =>
      Promise.try(() => {
        if (closed) return
        commit()
        closed = true
        db.close()
      }),
  }
}

function open(file: string): DatabaseSync {
  // Made by us first, so that neither the file nor its WAL (which takes its mode) is ever readable by others.
  const first = !existsSync(file)
  const handle = openSync(file, 'a', 0o600)
  if (first) leaveToPlace(handle, file)
  closeSync(handle)
  const db = new DatabaseSync(file)
  db.exec(schema)
  return db
}

function prepare(db: DatabaseSync) {
  return {
    groups: db.prepare('SELECT id, quota, ends_at AS endsAt, held FROM groups'),
    begin: db.prepare('INSERT INTO groups (quota, ends_at, held) VALUES (?, ?, 0)'),
    count: db.prepare('UPDATE groups SET held = ?1 WHERE id = ?2 AND held <> ?1'),
    end: db.prepare('DELETE FROM groups WHERE id = ?'),
    forget: db.prepare("UPDATE groups SET ends_at = 0, quota = 'forgotten/' || id WHERE quota = ?"),
    has: db.prepare('SELECT 1 FROM claims WHERE group_id = ? AND name = ?'),
    add: db.prepare('INSERT INTO claims (group_id, name) VALUES (?, ?)'),
    sweep: db.prepare(
      'DELETE FROM claims WHERE group_id = ? AND name IN (SELECT name FROM claims WHERE group_id = ? LIMIT ?)',
    ),
  }
}

function transaction<T>(db: DatabaseSync, work: () => T): T {
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
