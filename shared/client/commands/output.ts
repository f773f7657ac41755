/** How the commands that make and explain trust print: rows for people, one JSON object for programs, texts to a file. */
import { utf8 } from '../../bytes.ts'
import { UsageError, type World } from './command.ts'

/** A topic and a sentence; a topic that stands above is left out. */
export type Row = readonly [topic: string, says: string]

export const outputOption = { output: { type: 'string', short: 'o' } } as const

export const outputHelp = `  -o, --output FILE       write it there instead of standard output`

/** To the file that was named, or to standard output. */
export async function emit(text: string, output: string | undefined, world: World): Promise<void> {
  if (output === undefined) await world.out(text)
  else await world.writeFile(output, ReadableStream.from([utf8(text)]))
}

export function table(rows: readonly Row[]): string {
  const width = Math.max(14, ...rows.map(([topic]) => topic.length + 2))
  const lines = rows.map(([topic, says], at) => {
    return `${(rows[at - 1]?.[0] === topic ? '' : topic).padEnd(width)}${says}\n`
  })
  return lines.join('')
}

/** The one file that a command is about, named by its place. */
export function onlyFile(files: readonly string[], what: string): string {
  const [file] = files
  if (file === undefined || files.length > 1) throw new UsageError(`give exactly one ${what}`)
  return file
}

export function wholeNumber(option: string, value: string, [least, most]: readonly [number, number]): number {
  const number = Number(value)
  if (/^\d+$/.test(value) && number >= least && number <= most) return number
  throw new UsageError(`--${option}: a whole number from ${least} to ${most}`)
}

/** One of these words. */
export function wordFrom<W extends string>(option: string, value: string, words: readonly W[]): W {
  const word = words.find((one) => one === value)
  if (word === undefined) throw new UsageError(`--${option}: one of ${words.join(', ')}`)
  return word
}

const units = [
  ['days', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const

/** 26 h, 7 days, 24 h 4 min: up to four days hours are counted on, as in 72 h. */
export function durationText(milliseconds: number): string {
  const told: string[] = []
  let rest = milliseconds
  for (const [unit, length] of milliseconds < 4 * 86_400_000 ? units.slice(1) : units) {
    if (rest >= length) told.push(`${Math.floor(rest / length)} ${unit}`)
    rest %= length
  }
  return told.length === 0 ? '0 s' : told.join(' ')
}

export function wholeSecond(time: number): number {
  return Math.floor(time / 1000) * 1000
}
