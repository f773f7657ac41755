/**
 * One line of a record of security events: the SHA-256 of a JSON text, a space, the text. The text holds the hash of the
 * line before it, so that nothing can be changed, taken out or moved without changing every later line:
 *
 *     cut -c66- LINE | tr -d '\n' | sha256sum     gives what the line begins with
 */
import { createHash } from 'node:crypto'
import { eventRow, holds } from './events.ts'

/** What the first entry names as the hash before it. */
export const nothing = '0'.repeat(64)

export type Entry = {
  /** 1 for the first, then one more each */
  readonly seq: number
  /** ISO 8601, the minute: privacy.md 1.2 (F08) */
  readonly time: string
  readonly service: string
  readonly event: string
  /** lower-case hex */
  readonly prev: string
} & Readonly<Record<string, unknown>>

export type Line = { readonly hash: string; readonly entry: Entry }

/** Why a line is no entry: not one of ours, not what was hashed, or an event that no service of ours knows. */
export type NoEntry = 'damaged' | 'edited' | 'unknown-event'

/** Without LF. */
export function writeEntry(entry: Entry): string {
  const text = JSON.stringify(entry)
  return `${hashOf(text)} ${text}`
}

/** Takes only what `writeEntry` writes, octet for octet. */
export function readEntry(line: string): Line | NoEntry {
  const [, hash = '', text = ''] = /^([0-9a-f]{64}) (\{.*\})$/s.exec(line) ?? []
  if (hash === '') return 'damaged'
  if (hashOf(text) !== hash) return 'edited'
  const entry = parsed(text)
  if (entry === undefined || JSON.stringify(entry) !== text) return 'damaged'
  return known(entry) ? { hash, entry } : 'unknown-event'
}

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function parsed(text: string): Entry | undefined {
  try {
    const { seq, time, service, prev, event } = JSON.parse(text) as Entry
    const own = [time, service, prev, event].every((value) => typeof value === 'string')
    return own && Number.isSafeInteger(seq) ? (JSON.parse(text) as Entry) : undefined
  } catch {
    return undefined
  }
}

const services = ['relay', 'gateway']

function known({ seq, time, service, event, prev, ...fields }: Entry): boolean {
  const row = eventRow(event)
  const sound = seq > 0 && /^[0-9a-f]{64}$/.test(prev) && /^\d{4}-\d\d-\d\dT\d\d:\d\d:00Z$/.test(time)
  return sound && services.includes(service) && row !== undefined && holds(row, fields)
}
