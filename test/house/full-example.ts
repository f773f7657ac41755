/** Rows of settings as a YAML file with every one of them: a sentence, what it is, and a value. */
import { isMany, isOptional, isRow, type Part, type Row, type Rows } from '../../shared/config/rows.ts'
import { defaultOf, inline } from '../../shared/config/value.ts'

const width = 116

/** `on`: paths of rows and groups that may be left out but are shown in force; all others of the kind are behind a `#`. */
export function fullExample(rows: Rows, on: readonly string[]): string {
  return `${group(rows, '', on).join('\n').trim()}\n`
}

function group(rows: Rows, above: string, on: readonly string[]): string[] {
  return Object.entries(rows).flatMap(([name, part]) => {
    const path = above === '' ? name : `${above}.${name}`
    const lines = partLines(name, part, path, on)
    return above === '' ? [...lines, ''] : lines
  })
}

function partLines(name: string, part: Part, path: string, on: readonly string[]): string[] {
  if (isRow(part)) return rowLines(name, part, on.includes(path))
  if (!isMany(part) && !isOptional(part)) return [`${name}:`, ...indented(group(part, path, on))]
  const lines = isMany(part)
    ? [`${name}:`, ...item(group(part.rows, `${path}[]`, on))]
    : [`${name}:`, ...indented(group(part.rows, path, on))]
  if (part.absent === undefined) return lines
  const comment = `# the ${isMany(part) ? 'list' : 'group'} ${name}; left out: ${part.absent}`
  return on.includes(path) ? [comment, ...lines] : [comment, ...lines.map(off)]
}

function rowLines(name: string, row: Row, on: boolean): string[] {
  const fallback = defaultOf(row)
  const value = fallback === undefined ? inline(row.example ?? row.kind.example) : valueOf(fallback, row)
  const live = row.absent === undefined || on
  return [
    ...comment(`${row.says} (${row.kind.name}, ${standing(row)})`),
    live ? `${name}: ${value}` : off(`${name}: ${value}`),
  ]
}

function standing(row: Row): string {
  if (row.default !== undefined) return 'default'
  return row.absent === undefined ? 'required' : `left out: ${row.absent}`
}

/** Spelt as in the tables, but numbers and lists in the way of YAML. */
function valueOf({ value, shown }: { readonly value: unknown; readonly shown: string }, row: Row): string {
  if (Array.isArray(value)) return inline(row.default)
  return typeof value === 'string' || !/^(true|false|\d+)$/.test(shown) ? inline(shown) : shown
}

function comment(text: string): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + word.length >= width) lines.push(`# ${word}`)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}

/** The first setting of the group carries the dash of the list. */
function item(lines: readonly string[]): string[] {
  const first = lines.findIndex((line) => !line.startsWith('#'))
  return lines.map((line, at) => (at === first ? `  - ${line}` : at < first ? `  ${line}` : `    ${line}`))
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`)
}

/** Keeps the indentation inside a group that is switched off, so that removing the `#` is enough. */
function off(line: string): string {
  return `#${line}`
}
