/** Readers for values out of strict JSON. Each refuses with `bad-encoding` and names the path, so that a signer finds the mistake. */
import { fromBase64, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'

/** A value and where it stands, as in `root.witnesses[2].key`. */
export type At = { readonly value: unknown; readonly path: string }

export function at(value: unknown, path: string): At {
  return { value, path }
}

/** An object with exactly these keys: what we do not know may matter to somebody, so it is refused, not ignored. */
export function fieldsOf<K extends string>(from: At, keys: readonly K[]): Readonly<Record<K, At>> {
  const { value, path } = from
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(from, 'an object')
  for (const key of Object.keys(value)) {
    if (!keys.some((known) => known === key)) throw wrong(at(value, `${path}.${key}`), 'a known key')
  }
  const given = value as Record<string, unknown>
  const entries = keys.map((key) => {
    if (!Object.hasOwn(given, key)) throw wrong(at(value, `${path}.${key}`), 'present')
    return [key, at(given[key], `${path}.${key}`)] as const
  })
  return Object.fromEntries(entries) as Record<K, At>
}

export function listOf(from: At, max: number, min = 0): readonly At[] {
  const { value, path } = from
  if (!Array.isArray(value)) throw wrong(from, 'a list')
  if (value.length > max || value.length < min) throw wrong(from, `a list of ${min} to ${max}`)
  return value.map((one: unknown, index) => at(one, `${path}[${index}]`))
}

export function textOf(from: At): string {
  if (typeof from.value !== 'string') throw wrong(from, 'a string')
  return from.value
}

export function wordOf<W extends string>(from: At, words: readonly W[]): W {
  const word = words.find((one) => one === from.value)
  if (word === undefined) throw wrong(from, `one of ${words.join(', ')}`)
  return word
}

export function integerOf(from: At, min = 0, max = Number.MAX_SAFE_INTEGER): number {
  const { value } = from
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw wrong(from, 'an integer')
  if (value < min || value > max) throw wrong(from, `from ${min} to ${max}`)
  return value
}

/** Lower-case hex of exactly `length` bytes, kept as text: so one digest has one spelling. */
export function digestOf(from: At, length = 32): string {
  const text = textOf(from)
  if (text.length !== 2 * length || !/^[0-9a-f]*$/.test(text)) throw wrong(from, `${length} bytes in lower-case hex`)
  return text
}

/** Canonical base64 of at least one byte. */
export function bytesOf(from: At): Bytes {
  const text = textOf(from)
  if (text === '') throw wrong(from, 'not empty')
  return named(from, () => fromBase64(text))
}

/** RFC 3339 in UTC and whole seconds, one spelling: `2026-11-22T02:47:10Z`. Gives milliseconds since 1970. */
export function timeOf(from: At): number {
  const text = textOf(from)
  const time = Date.parse(text)
  if (!Number.isFinite(time) || timeText(time) !== text) throw wrong(from, 'a time as 2026-11-22T02:47:10Z')
  return time
}

export function timeText(time: number): string {
  if (time % 1000 !== 0) throw new TypeError('signed times are whole seconds')
  return new Date(time).toISOString().replace('.000Z', 'Z')
}

/** Runs a reader of another format; its refusal comes out under `bad-encoding` with the path in front. */
export function named<T>(from: At, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    throw new Refusal('bad-encoding', `${from.path}: ${cause.message}`, { cause })
  }
}

/** The one form of complaint: where, and what must stand there. */
export function wrong(from: At, demand: string): Refusal {
  return new Refusal('bad-encoding', `${from.path} must be ${demand}`)
}
