/**
 * Logs as different people are shown them: each checkpoint signed, none smaller than before, and all of them of one tree.
 * The proof is the leaves themselves: the root of their first n must be that of every checkpoint of size n. TL-5, TL-9.
 */
import type { TrustRoot } from '../../attestation/trust-root.ts'
import { equal, hex, type Bytes } from '../../bytes.ts'
import { Refusal } from '../../refusal.ts'
import { parseCheckpoint, type TreeHead } from '../../tlog/checkpoint.ts'
import { rootOf } from '../../tlog/merkle.ts'
import { parseNote } from '../../tlog/note.ts'
import { verifySignatures, type SignedCheckpoint } from '../../tlog/policy.ts'
import { codeWord } from '../errors.ts'
import type { Alarm } from './alarms.ts'
import type { LogSource } from './log-source.ts'
import type { MonitorState } from './state.ts'

/** One look at one log. `leaves` are there only if they lead to the root that the log signed. */
export type Reading = {
  readonly at: string
  readonly checkpoint?: SignedCheckpoint
  readonly leaves?: readonly Bytes[]
  readonly alarms: readonly Alarm[]
}

export type ComparedLogs = {
  readonly checkpoints: MonitorState['checkpoints']
  readonly alarms: readonly Alarm[]
  /** growth of logs of which there is nothing but a checkpoint */
  readonly unproven: readonly string[]
}

type Head = TreeHead & { readonly note: string }

export async function readLog(source: LogSource, root: TrustRoot): Promise<Reading> {
  const at = source.name
  const note = await source.checkpoint().catch(failed)
  if (note instanceof Error) return { at, alarms: [{ code: 'log-unread', about: at, detail: note.message }] }
  const checkpoint = await verifySignatures(note, root).catch(failed)
  if (checkpoint instanceof Error) {
    return { at, alarms: [{ code: 'checkpoint-refused', about: at, detail: checkpoint.message }] }
  }
  const leaves = await source.leaves(checkpoint.size).catch(failed)
  if (leaves === undefined) return { at, checkpoint, alarms: [] }
  if (leaves instanceof Error) {
    return { at, checkpoint, alarms: [{ code: 'log-unread', about: at, detail: leaves.message }] }
  }
  if (equal(rootOf(leaves), checkpoint.root)) return { at, checkpoint, leaves, alarms: [] }
  const detail = `${checkpoint.size} leaves with root ${hex(rootOf(leaves))}, signed is ${hex(checkpoint.root)}`
  return { at, checkpoint, alarms: [{ code: 'tiles-mismatch', about: at, detail, notes: [note] }] }
}

export function compareLogs(readings: readonly Reading[], memory: MonitorState['checkpoints']): ComparedLogs {
  const seen = memory.map(({ at, note }) => ({ at, ...headOf(note) }))
  const alarms = readings.flatMap((reading) => [
    ...rolledBack(reading, seen),
    ...contradicted(reading, [
      ...seen,
      ...readings.flatMap(({ at, checkpoint }) => (checkpoint ? [{ at, ...checkpoint }] : [])),
    ]),
  ])
  const guilty = new Set(alarms.map(({ about }) => about))
  const next = new Map(memory.map(({ at, note }) => [at, note]))
  // What contradicts is not believed: the alarm stands until a person has looked.
  for (const { at, checkpoint } of readings) if (checkpoint && !guilty.has(at)) next.set(at, checkpoint.note)
  return {
    checkpoints: [...next].map(([at, note]) => ({ at, note })),
    alarms,
    unproven: readings.flatMap((reading) => unproven(reading, readings, seen)),
  }
}

function rolledBack({ at, checkpoint }: Reading, seen: readonly (Head & { at: string })[]): Alarm[] {
  const before = seen.find((head) => head.at === at)
  if (checkpoint === undefined || before?.origin !== checkpoint.origin || before.size <= checkpoint.size) return []
  const detail = `${checkpoint.size} leaves after ${before.size}`
  return [{ code: 'checkpoint-rolled-back', about: at, detail, notes: [before.note, checkpoint.note] }]
}

/** Every head of the same log that is not of the tree of this reading; of two readings the first accuses. */
function contradicted({ at, checkpoint, leaves }: Reading, heads: readonly (Head & { at: string })[]): Alarm[] {
  if (checkpoint === undefined) return []
  const others = heads.filter(({ origin, note }) => origin === checkpoint.origin && note !== checkpoint.note)
  return others.flatMap((other): Alarm[] => {
    const notes = [other.note, checkpoint.note]
    if (other.size === checkpoint.size && !equal(other.root, checkpoint.root)) {
      return [{ code: 'split-view', about: at, detail: `${other.size} leaves, also seen at ${other.at}`, notes }]
    }
    if (leaves === undefined || other.size >= checkpoint.size) return []
    if (equal(rootOf(leaves.slice(0, other.size)), other.root)) return []
    const detail = `${checkpoint.size} leaves do not contain the ${other.size} seen at ${other.at}`
    return [{ code: 'log-forked', about: at, detail, notes }]
  })
}

/** Growth that no leaves have shown, here or at another place where the same tree or a larger one was read. */
function unproven({ at, checkpoint }: Reading, readings: readonly Reading[], seen: readonly (Head & { at: string })[]) {
  if (checkpoint === undefined) return []
  const { origin, size } = checkpoint
  const shown = readings.some(
    (other) => other.leaves && other.checkpoint?.origin === origin && other.checkpoint.size >= size,
  )
  const grew = seen.some((head) => head.at === at && head.origin === origin && head.size < size)
  return shown || !grew ? [] : [`that the log at ${at} contains what it showed before: there are no tiles`]
}

/** Of our own state: it was verified before it was stored. */
function headOf(note: string): Head {
  const { text } = parseNote(note)
  return { ...parseCheckpoint(text, [text.slice(0, text.indexOf('\n'))]), note }
}

/** Our own words alone: what a server says does not come out. */
function failed(cause: unknown): Error {
  if (cause instanceof Refusal) return new Error(`${cause.code}: ${cause.message}`)
  if (cause instanceof TypeError) throw cause
  const word = codeWord(cause)
  return word.message === 'UNKNOWN' && cause instanceof Error ? new Error(cause.message) : word
}
