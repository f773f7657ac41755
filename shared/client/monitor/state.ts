/** What a monitor remembers from round to round: one JSON text, read strictly, since it decides what is an alarm. */
import { readSeen, seenJson, type Seen } from '../../attestation/seen.ts'
import { Refusal } from '../../refusal.ts'
import { at, fieldsOf, integerOf, listOf, textOf, wordOf, type At } from '../../tlog/json-fields.ts'
import { parseStrictJson } from '../../tlog/strict-json.ts'
import { alarms, type Alarm, type AlarmCode } from './alarms.ts'

/** Times are milliseconds since 1970. */
export type MonitorState = {
  /** the chain of trust roots, the last is the newest that was believed */
  readonly roots: readonly string[]
  /** the highest serial that each vantage point has shown */
  readonly serials: readonly { readonly at: string; readonly serial: number }[]
  /** the newest bundles, highest serial first, and when each was first seen anywhere */
  readonly bundles: readonly { readonly serial: number; readonly since: number; readonly note: string }[]
  /** public keys on offer, by digest */
  readonly keys: readonly { readonly id: string; readonly since: number; readonly last: number }[]
  /** the newest policy for each role */
  readonly policies: readonly {
    readonly role: string
    readonly serial: number
    readonly sha256: string
    readonly note: string
  }[]
  /** by vantage point: what a client there would remember of evidence, policies and logs */
  readonly seen: readonly { readonly at: string; readonly seen: Seen }[]
  /** the last checkpoint of each log, as it was read there */
  readonly checkpoints: readonly { readonly at: string; readonly note: string }[]
  /** when each witness operator last cosigned */
  readonly witnesses: readonly { readonly operator: string; readonly time: number }[]
  /** what was proved and stands until somebody begins anew */
  readonly proven: readonly Alarm[]
  /** since when each alarm of the last round stands */
  readonly standing: readonly { readonly code: AlarmCode; readonly about: string; readonly since: number }[]
}

export const firstState: MonitorState = {
  roots: [],
  serials: [],
  bundles: [],
  keys: [],
  policies: [],
  seen: [],
  checkpoints: [],
  witnesses: [],
  proven: [],
  standing: [],
}

const most = 100_000
const codes = Object.keys(alarms) as AlarmCode[]

export function stateText(state: MonitorState): string {
  const seen = state.seen.map((one) => ({ at: one.at, seen: seenJson(one.seen) }))
  return `${JSON.stringify({ version: 1, ...state, seen }, null, 2)}\n`
}

/** Refuses with `bad-encoding` what is not ours. */
export function readState(text: string): MonitorState {
  const names = Object.keys(firstState) as (keyof MonitorState)[]
  const from = fieldsOf(at(parseStrictJson(text), 'state'), ['version', ...names])
  if (from.version.value !== 1) throw new Refusal('bad-encoding', 'state.version must be 1')
  return {
    roots: listOf(from.roots, most).map(textOf),
    serials: rows(from.serials, ['at', 'serial'], (row) => ({ at: textOf(row.at), serial: integerOf(row.serial) })),
    bundles: rows(from.bundles, ['serial', 'since', 'note'], (row) => ({
      serial: integerOf(row.serial),
      since: integerOf(row.since),
      note: textOf(row.note),
    })),
    keys: rows(from.keys, ['id', 'since', 'last'], (row) => ({
      id: textOf(row.id),
      since: integerOf(row.since),
      last: integerOf(row.last),
    })),
    policies: rows(from.policies, ['role', 'serial', 'sha256', 'note'], (row) => ({
      role: textOf(row.role),
      serial: integerOf(row.serial),
      sha256: textOf(row.sha256),
      note: textOf(row.note),
    })),
    seen: rows(from.seen, ['at', 'seen'], (row) => ({ at: textOf(row.at), seen: readSeen(row.seen) })),
    checkpoints: rows(from.checkpoints, ['at', 'note'], (row) => ({ at: textOf(row.at), note: textOf(row.note) })),
    witnesses: rows(from.witnesses, ['operator', 'time'], (row) => ({
      operator: textOf(row.operator),
      time: integerOf(row.time),
    })),
    proven: rows(from.proven, ['code', 'about', 'detail', 'notes'], (row) => ({
      code: wordOf(row.code, codes),
      about: textOf(row.about),
      detail: textOf(row.detail),
      notes: listOf(row.notes, most).map(textOf),
    })),
    standing: rows(from.standing, ['code', 'about', 'since'], (row) => ({
      code: wordOf(row.code, codes),
      about: textOf(row.about),
      since: integerOf(row.since),
    })),
  }
}

function rows<K extends string, T>(from: At, names: readonly K[], read: (row: Readonly<Record<K, At>>) => T): T[] {
  return listOf(from, most).map((row) => read(fieldsOf(row, names)))
}
