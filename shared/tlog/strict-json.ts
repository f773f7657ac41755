/**
 * JSON with one meaning: no key twice at any depth, no number that would come back as another text, no lone
 * surrogate. Whitespace between tokens is allowed. RFC 8259, narrowed as RFC 8785 §3 does; trust.md 1.
 */
import { Refusal } from '../refusal.ts'

const maxDepth = 32

const space = /[ \t\n\r]*/y
// Every token that is not a string or a bracket; JSON.parse then judges it.
const scalar = /[-+.0-9A-Za-z]+/y

/** The value, of null, booleans, numbers, strings, arrays and plain objects. Refuses with `bad-encoding`. */
export function parseStrictJson(text: string): unknown {
  const from = new Scanner(text)
  const value = readValue(from, 0)
  if (from.peek() !== '') throw from.bad('something after the value')
  return value
}

/** Moves over the text token by token; a token never begins with whitespace. */
class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** The next character after whitespace, or '' at the end. */
  peek(): string {
    space.lastIndex = this.#at
    space.test(this.#text)
    this.#at = space.lastIndex
    return this.#text.charAt(this.#at)
  }

  /** Steps over `character` if it comes next. */
  has(character: string): boolean {
    if (this.peek() !== character) return false
    this.#at += 1
    return true
  }

  expect(character: string): void {
    if (!this.has(character)) throw this.bad(`no ${character}`)
  }

  string(): string {
    const start = this.#at
    this.expect('"')
    for (;;) {
      const end = this.#text.indexOf('"', this.#at)
      if (end < 0) throw this.bad('a string without an end')
      this.#at = end + 1
      if (this.#backslashesBefore(end, start) % 2 === 0) break
    }
    const value = this.#judged(this.#text.slice(start, this.#at)) as string
    if (!value.isWellFormed()) throw this.bad('a lone surrogate')
    return value
  }

  /** null, true, false or a number. */
  scalar(): unknown {
    scalar.lastIndex = this.#at
    const token = scalar.exec(this.#text)?.[0] ?? ''
    const value = this.#judged(token)
    // 1.0, 1e2, -0 and 9007199254740993 are legal JSON, but two readers may not agree on them.
    if (typeof value === 'number' && JSON.stringify(value) !== token)
      throw this.bad('a number that does not round-trip')
    this.#at += token.length
    return value
  }

  get at(): number {
    return this.#at
  }

  /** line:column */
  place(at: number): string {
    const before = this.#text.slice(0, at).split('\n')
    return `${before.length}:${(before.at(-1) ?? '').length + 1}`
  }

  bad(why: string, options?: ErrorOptions): Refusal {
    return new Refusal('bad-encoding', `JSON: ${why} at ${this.place(this.#at)}`, options)
  }

  #backslashesBefore(end: number, start: number): number {
    let count = 0
    while (end - 1 - count > start && this.#text[end - 1 - count] === '\\') count += 1
    return count
  }

  #judged(token: string): unknown {
    try {
      return JSON.parse(token)
    } catch (cause) {
      throw this.bad('not a value', { cause })
    }
  }
}

function readValue(from: Scanner, depth: number): unknown {
  if (depth > maxDepth) throw from.bad('nested too deep')
  const next = from.peek()
  if (next === '{') return readObject(from, depth)
  if (next === '[') return readList(from, depth)
  return next === '"' ? from.string() : from.scalar()
}

function readObject(from: Scanner, depth: number): unknown {
  const entries = new Map<string, unknown>()
  const starts = new Map<string, number>()
  from.expect('{')
  if (from.has('}')) return {}
  do {
    from.peek()
    const start = from.at
    const key = from.string()
    const before = starts.get(key)
    if (before !== undefined) throw from.bad(`a key twice (${JSON.stringify(key)}, first at ${from.place(before)})`)
    starts.set(key, start)
    from.expect(':')
    entries.set(key, readValue(from, depth + 1))
  } while (from.has(','))
  from.expect('}')
  // fromEntries defines own properties, so a key named __proto__ is a key like any other.
  return Object.fromEntries(entries)
}

function readList(from: Scanner, depth: number): unknown[] {
  const values: unknown[] = []
  from.expect('[')
  if (from.has(']')) return values
  do values.push(readValue(from, depth + 1))
  while (from.has(','))
  from.expect(']')
  return values
}
