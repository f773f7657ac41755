/**
 * Walks a record of security events from its beginning, and names the first entry that does not stand where and as it was
 * written. What no record can tell by itself: that its last entries are gone, or that all of it was written anew. For that
 * the hash of its last entry, its head, is kept elsewhere; a record that still holds that head is the same up to there.
 */
import { digestOf } from '../digest.ts'
import { nothing, readEntry, type Entry, type Line, type NoEntry } from './entry.ts'

export type Why =
  | NoEntry
  | 'headless' // it does not begin with the first entry
  | 'gap' // entries before this one are missing, or it was moved up
  | 'repeated' // an entry of this number stands further up
  | 'unlinked' // its number is right, but it names another entry as the one before it
  | 'unfinished' // the last line has no end: a crash cut it, and nobody has gone on since

export type Verified = {
  /** entries that stand */
  readonly entries: readonly Entry[]
  /** hash of each of them */
  readonly hashes: readonly string[]
  /** lines that a crash cut and that the entry after them owns up to */
  readonly torn: number
  /** `line` counts from 1 */
  readonly broken?: { readonly line: number; readonly why: Why }
}

/** Of the last entry that stands. */
export function headOf({ hashes }: Verified): string {
  return hashes.at(-1) ?? nothing
}

export function verifyRecord(text: string): Verified {
  const lines = text.split('\n')
  const unfinished = lines.pop() !== ''
  const entries: Entry[] = []
  const hashes: string[] = []
  let torn = 0
  const sofar = (): Verified => ({ entries, hashes, torn })
  for (const [at, line] of lines.entries()) {
    const read = readEntry(line)
    if (read === 'damaged' && ownsUp(lines[at + 1], line)) {
      torn++
      continue
    }
    const why = typeof read === 'string' ? read : misplaced(read, entries.at(-1), headOf(sofar()))
    if (why !== undefined || typeof read === 'string')
      return { ...sofar(), broken: { line: at + 1, why: why ?? 'damaged' } }
    entries.push(read.entry)
    hashes.push(read.hash)
  }
  return unfinished ? { ...sofar(), broken: { line: lines.length + 1, why: 'unfinished' } } : sofar()
}

function misplaced({ entry }: Line, before: Entry | undefined, head: string): Why | undefined {
  const { seq, prev, event } = entry
  const next = (before?.seq ?? 0) + 1
  if (before === undefined && (seq !== 1 || event !== 'begun')) return 'headless'
  if (seq !== next) return seq > next ? 'gap' : 'repeated'
  return prev === head ? undefined : 'unlinked'
}

/** Whether the entry after a line says that a crash cut just this line. */
function ownsUp(after: string | undefined, line: string): boolean {
  const read = after === undefined ? 'damaged' : readEntry(after)
  return typeof read !== 'string' && read.entry.event === 'recovered' && read.entry['torn'] === digestOf(line)
}
