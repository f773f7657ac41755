/** A log whose security events also go into the record: what is said there is a part of what is logged, and never more. */
import type { Log, Vocabulary } from '../log.ts'
import { eventRow, type AuditEvent, type AuditFields } from './events.ts'
import type { AuditRecord } from './record.ts'

/** Whatever has the name of a security event has its fields. */
export type Auditable = { readonly [Name in AuditEvent]?: AuditFields<Name> }

export function audited<Events extends Vocabulary & Auditable>(log: Log<Events>, record: AuditRecord): Log<Events> {
  return (level, event, ...fields) => {
    log(level, event, ...fields)
    const row = eventRow(event)
    if (row === undefined) return
    const all: Readonly<Record<string, unknown>> = fields[0] ?? {}
    const kept = Object.fromEntries(Object.keys(row.fields).map((name) => [name, all[name]]))
    record.note(event as AuditEvent, kept)
  }
}
