/**
 * The record of security events of one process: a file that is only ever appended to, each entry whole and on the disk
 * (fsync) before we go on. A crash in the middle of a write leaves a torn line, which stays where it is: the next entry
 * owns up to it. One file for one process; a file that
 * is not as long as we left it, and then does not hold our last entry, is not gone on with.
 */
import { closeSync, constants, existsSync, fstatSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { Refusal } from '../../refusal.ts'
import { leaveToPlace } from '../../store/whole-file.ts'
import { digestOf } from '../digest.ts'
import { minuteOf } from '../log.ts'
import { hashOf, writeEntry } from './entry.ts'
import { eventRow, type AuditEvent, type AuditFields } from './events.ts'
import { headOf, verifyRecord, type Verified } from './verify.ts'

/** `changed`: the file is not as we left it. `unwritable`: the disk refuses. */
export type AuditFailure = 'unwritable' | 'changed'

export type RecordOptions = {
  readonly file: string
  readonly service: 'relay' | 'gateway'
  readonly now: () => number
  /** Called once when writing begins to fail. */
  readonly failed: (why: AuditFailure) => void
  /** milliseconds until what could not be written is tried again */
  readonly retry?: number
}

export type AuditRecord = {
  /** Writes, unless it says what was said last on its topic. Never throws: what could not be written is kept and tried again. */
  note<Name extends AuditEvent>(event: Name, fields: AuditFields<Name>): void
  /** Whether everything that was noted is on the disk. */
  works(): boolean
}

type Noted = { readonly event: AuditEvent; readonly fields: Readonly<Record<string, unknown>> }
type End = { readonly seq: number; readonly head: string; readonly size: number }

/** Entries that wait for a disk; more are not kept, and the gap is ours to tell by not being ready. */
const mostWaiting = 1000

/** Goes on with the record in `file`, or begins one. Throws Refusal `audit-broken` where there is one that does not hold. */
export function openRecord({ file, service, now, failed, retry = 5_000 }: RecordOptions): AuditRecord {
  const hand = { service, now }
  let end: End = opened(file, hand)
  let works = true
  const waiting: Noted[] = []
  const said = new Map<string, string>()

  const fail = (why: AuditFailure): void => {
    if (works) failed(why)
    works = false
    setTimeout(flush, retry).unref()
  }
  const flush = (): void => {
    try {
      if (!works) end = rejoined(file, end, hand)
      for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
        end = appended(file, end, { ...next, ...hand })
        waiting.shift()
      }
      works = true
    } catch (cause) {
      fail(cause instanceof Refusal ? 'changed' : 'unwritable')
    }
  }
  return {
    note(event, fields) {
      if (repeats(said, event, fields)) return
      if (waiting.length < mostWaiting) waiting.push({ event, fields })
      if (works) flush()
    },
    works: () => works,
  }
}

type Hand = { readonly service: string; readonly now: () => number }
type Opened = End & { readonly hashes: readonly string[] }

function opened(file: string, hand: Hand): Opened {
  if (!existsSync(file)) create(file)
  const bytes = readFileSync(file)
  const text = bytes.toString('utf8')
  const found = verifyRecord(text)
  if (found.broken === undefined) return begun(file, endOf(found, bytes.length), hand)
  if (found.broken.why !== 'unfinished' || found.entries.length === 0) throw broken(file, found)
  return mended(file, text, bytes.length, hand)
}

function begun(file: string, end: Opened, hand: Hand): Opened {
  return end.seq > 0 ? end : { ...end, ...appended(file, end, { event: 'begun', fields: {}, ...hand }) }
}

/** Ends the torn line. It may be whole but for its end; otherwise an entry owns up to it. */
function mended(file: string, text: string, octets: number, hand: Hand): Opened {
  const size = write(file, '\n', octets)
  const found = verifyRecord(`${text}\n`)
  const end = endOf(found, size)
  if (found.broken === undefined) return end
  const torn = digestOf(text.slice(text.lastIndexOf('\n') + 1))
  return { ...end, ...appended(file, end, { event: 'recovered', fields: { torn }, ...hand }) }
}

function endOf(found: Verified, size: number): Opened {
  return { seq: found.entries.length, head: headOf(found), size, hashes: found.hashes }
}

/** After a write that failed, perhaps half-way: what we had must still stand there. */
function rejoined(file: string, before: End, hand: Hand): End {
  if (!existsSync(file)) throw new Refusal('audit-broken', 'the record is gone')
  const end = opened(file, hand)
  if (end.hashes[before.seq - 1] === before.head || end.head === before.head) return end
  throw new Refusal('audit-broken', 'the record was replaced')
}

function appended(file: string, { seq, head, size }: End, { event, fields, service, now }: Noted & Hand): End {
  const next = seq + 1
  const line = writeEntry({ seq: next, time: minuteOf(now()), service, event, prev: head, ...fields })
  return { seq: next, head: line.slice(0, 64), size: write(file, `${line}\n`, size) }
}

/** Appends to a file of just this size and gives the new one. */
function write(file: string, text: string, size: number): number {
  const to = openSync(file, constants.O_WRONLY | constants.O_APPEND)
  try {
    if (fstatSync(to).size !== size) throw new Refusal('audit-broken', 'somebody else wrote to the record')
    const octets = Buffer.from(text)
    if (writeSync(to, octets) !== octets.length) throw new Error('the disk took half of it')
    fsyncSync(to)
    return size + octets.length
  } finally {
    closeSync(to)
  }
}

// The name of a new file is on the disk once its folder is.
function create(file: string): void {
  const handle = openSync(file, 'wx', 0o600)
  leaveToPlace(handle, file)
  closeSync(handle)
  const folder = openSync(dirname(file), 'r')
  fsyncSync(folder)
  closeSync(folder)
}

function broken(file: string, { broken }: Verified): Refusal {
  const where = `line ${String(broken?.line)}: ${String(broken?.why)}`
  const remedy = `look at it with: asunder audit verify ${file} and move it away to begin a new one`
  return new Refusal('audit-broken', `the record of security events does not hold (${where}); ${remedy}`)
}

function repeats(said: Map<string, string>, event: AuditEvent, fields: Readonly<Record<string, unknown>>): boolean {
  const { topic, of = [] } = eventRow(event) ?? {}
  if (topic === undefined) return false
  const about = JSON.stringify([topic, ...of.map((name) => fields[name])])
  const words = hashOf(JSON.stringify([event, fields]))
  const again = said.get(about) === words
  said.set(about, words)
  return again
}
