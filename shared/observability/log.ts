/**
 * Logs that cannot say who or what, nor when within a minute: an event's name and fields come from a closed type, and
 * every value is a word from a fixed list, a number, a boolean or the digest of something public. There is no free text,
 * so there is no place for an address or a path. privacy.md 1.2 (F08), 2.10, 4.7.
 */

export type Level = 'info' | 'warn' | 'error'

/** The vocabulary of one process: event name -> its fields. A field's type is a union of words, a number or a boolean. */
export type Vocabulary = Record<string, Record<string, string | number | boolean>>

export type Log<Events extends Vocabulary> = <Name extends keyof Events & string>(
  level: Level,
  event: Name,
  ...fields: keyof Events[Name] extends never ? [] : [Events[Name]]
) => void

export type LogOptions = {
  readonly service: string
  /** One complete line, LF included. */
  readonly write: (line: string) => void
  readonly now?: () => number
}

/** One JSON object a line: time (ISO 8601, the minute), level, service, event, then the event's own fields. */
export function createLog<Events extends Vocabulary>({ service, write, now = Date.now }: LogOptions): Log<Events> {
  return (level, event, ...[fields]) => {
    write(`${JSON.stringify({ time: minuteOf(now()), level, service, event, ...fields })}\n`)
  }
}

/** 2026-07-01T12:00:00Z. Lines keep their order, and whatever takes them in may add a time of its own. */
export function minuteOf(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16)}:00Z`
}
