/** How values are written for people: in messages, tables and examples. */
import type { Tree } from './document.ts'
import type { Kind } from './kind.ts'
import { nearest } from './nearest.ts'
import type { Row } from './rows.ts'

/** The default as a setting and as an operator writes it. Throws TypeError where a row's default is none of its kind. */
export function defaultOf(row: Row): { readonly value: unknown; readonly shown: string } | undefined {
  if (row.default === undefined) return undefined
  const { success, data } = row.kind.schema.safeParse(row.default)
  if (!success) throw new TypeError(`a default is not ${row.kind.demand}`)
  return { value: data, shown: row.kind.show(data) }
}

/** A value as it goes into YAML or JSON on one line. */
export function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`
  if (typeof value !== 'string') return String(value)
  // What YAML would read as something else, or as more than this, gets quotes.
  const plain = /^[A-Za-z0-9]([\w./:@-]*[\w])?$/.test(value) && Number.isNaN(Number(value))
  return plain && !/^(true|false|null|yes|no|on|off)$/i.test(value) ? value : `'${value}'`
}

/** What was given, short enough for a line. */
export function written({ value, fields, items }: Tree): string {
  if (fields !== undefined) return 'a group'
  if (items !== undefined) return items.length === 0 ? 'an empty list' : 'this list'
  if (value === null) return 'nothing'
  const text = JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

export function remedyFor(row: Row, value: unknown): string {
  const { kind } = row
  if (typeof value === 'string' && takes(kind, kind.fromText(value))) return 'write it without quotes'
  if (['number', 'boolean'].includes(typeof value) && takes(kind, String(value))) return 'put it into quotes'
  const near = typeof value === 'string' ? nearest(value, kind.words ?? []) : undefined
  if (near !== undefined) return `did you mean ${near}?`
  const example = `write for example ${inline(row.example ?? kind.example)}`
  const without = defaultOf(row)?.shown ?? row.absent
  return without === undefined ? example : `${example}, or leave it out for: ${without}`
}

function takes(kind: Kind<unknown>, value: unknown): boolean {
  return kind.schema.safeParse(value).success
}
