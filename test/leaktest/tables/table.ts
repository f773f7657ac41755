/**
 * Tables of figures beside the ones that privacy.md gives for the same workload. A figure is within its tolerance, or its
 * note says why it differs: nothing else is allowed (test/leaktest/tables.test.ts).
 */
import type { Interval } from '../types.ts'

export type Figure = {
  readonly measured: number
  /** 95 percent, where it is an estimate */
  readonly ci?: Interval
  /** what privacy.md measured; absent for figures of our own */
  readonly page?: number
  /** how far apart the two may be */
  readonly tolerance?: number
  /** why they differ by more */
  readonly note?: string
}

export type Row = { readonly name: string; readonly figures: readonly Figure[] }

export type Table = {
  readonly id: string
  readonly title: string
  /** how many observations, in words */
  readonly n: string
  readonly columns: readonly string[]
  readonly rows: readonly Row[]
}

export function withinTolerance({ measured, page, tolerance }: Figure): boolean {
  return page === undefined || tolerance === undefined || Math.abs(measured - page) <= tolerance
}

/** Text with the page's figure in brackets, an asterisk where they differ, and the notes below. */
export function render({ title, n, columns, rows }: Table): string {
  const notes: string[] = []
  const cells = rows.map(({ name, figures }) => [name, ...figures.map((figure) => cell(figure, notes))])
  const lines = aligned([['', ...columns], ...cells]).map((line) => `  ${line}`)
  return [title, `  ${n}`, ...lines, ...notes.map((note, i) => `  *${i + 1} ${note}`)].join('\n')
}

/** Left-aligned columns. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  return rows.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** Three digits behind the point below ten, one below a thousand, none above. */
export function short(value: number): string {
  const size = Math.abs(value)
  const digits = Number.isInteger(value) || size >= 1000 ? 0 : size < 10 ? 3 : 1
  // What rounds to nothing has no sign.
  return value.toFixed(digits).replace(/^-(0(?:\.0+)?)$/, '$1')
}

function cell(figure: Figure, notes: string[]): string {
  const { measured, ci, page } = figure
  const interval = ci === undefined ? '' : ` [${short(ci[0])}, ${short(ci[1])}]`
  return `${short(measured)}${interval}${page === undefined ? '' : ` (${short(page)})`}${mark(figure, notes)}`
}

function mark(figure: Figure, notes: string[]): string {
  const { note } = figure
  if (note === undefined || withinTolerance(figure)) return ''
  if (!notes.includes(note)) notes.push(note)
  return ` *${notes.indexOf(note) + 1}`
}
