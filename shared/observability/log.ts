/**
 * Logs that cannot say who or what: an event's name and fields come from a closed type, and every value is a word
 * from a fixed list, a number or a boolean. There is no free text, so there is no place for an address or a path.
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

/** One JSON object a line: time (ISO 8601), level, service, event, then the event's own fields. */
export function createLog<Events extends Vocabulary>({ service, write, now = Date.now }: LogOptions): Log<Events> {
  return (level, event, ...[fields]) => {
    write(`${JSON.stringify({ time: new Date(now()).toISOString(), level, service, event, ...fields })}\n`)
  }
}
