/** The rows as JSON Schema (2020-12), for editors that complete and check a settings file while it is written. */
import { z } from 'zod'
import type { Kind } from './kind.ts'
import { isMany, isOptional, isRow, type Part, type Row, type Rows } from './rows.ts'

type Schema = Readonly<Record<string, unknown>>

export function jsonSchema(service: string, rows: Rows): Schema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: `Settings of asunder-${service}`,
    ...groupSchema(rows),
  }
}

function groupSchema(rows: Rows): Schema {
  const parts = Object.entries(rows)
  const required = parts.filter(([, part]) => demanded(part)).map(([name]) => name)
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(parts.map(([name, part]) => [name, partSchema(part)])),
    ...(required.length === 0 ? {} : { required }),
  }
}

function partSchema(part: Part): Schema {
  if (isRow(part)) return rowSchema(part)
  if (isMany(part)) return { type: 'array', minItems: 1, items: groupSchema(part.rows) }
  return groupSchema(isOptional(part) ? part.rows : part)
}

function rowSchema(row: Row): Schema {
  const fallback = row.default === undefined ? {} : { default: row.default }
  return { ...kindSchema(row.kind), description: row.says, ...fallback }
}

function kindSchema({ schema }: Kind<unknown>): Schema {
  // What a file may hold, not what becomes of it.
  const all = Object.entries(z.toJSONSchema(schema, { io: 'input' }))
  return Object.fromEntries(all.filter(([name]) => name !== '$schema'))
}

/** Not what a variable or flag could still give: an editor may warn of that, the check does not. */
function demanded(part: Part): boolean {
  if (isRow(part)) return part.default === undefined && part.absent === undefined
  if (isOptional(part)) return false
  return isMany(part) ? part.absent === undefined : Object.values(part).some(demanded)
}
