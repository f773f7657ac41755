/** Challenges and credentials of HTTP authentication: a scheme and its named parameters. RFC 9110 §11.2 to §11.4, §11.6. */
import { Refusal } from '../refusal.ts'

export type AuthScheme = {
  /** in lower case */
  readonly scheme: string
  /** by name in lower case; none for a scheme that came with a token68 */
  readonly params: ReadonlyMap<string, string>
}

const blank = /[ \t]*/y
const separators = /[ \t,]*/y
const name = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y
const token68 = / +[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y
const quoted = /"((?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*)"/y

/** Every scheme of a field, several lines joined by commas. Refused as `bad-encoding` where it is not what HTTP allows. */
export function readAuthSchemes(field: string): AuthScheme[] {
  const from = new Cursor(field)
  const found: { scheme: string; params: Map<string, string> }[] = []
  for (from.take(separators); !from.done; from.take(separators)) {
    const word = from.demand(name).toLowerCase()
    const last = found.at(-1)
    if (from.isEquals()) put(last?.params, word, from.value())
    else {
      found.push({ scheme: word, params: new Map() })
      if (from.take(token68) === undefined) from.boundary()
    }
  }
  return found
}

/** A value as it may always be written. */
export function quotedString(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&')}"`
}

function put(params: Map<string, string> | undefined, parameter: string, value: string): void {
  if (params === undefined) throw new Refusal('bad-encoding', 'a parameter without a scheme')
  if (params.has(parameter)) throw new Refusal('bad-encoding', 'a parameter twice')
  params.set(parameter, value)
}

class Cursor {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  get done(): boolean {
    return this.#at === this.#text.length
  }

  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (found === null) return undefined
    this.#at += found[0].length
    return found
  }

  demand(pattern: RegExp): string {
    const found = this.take(pattern)?.[0]
    if (found === undefined || found === '') throw new Refusal('bad-encoding', 'not an authentication field')
    return found
  }

  /** Whether a word was the name of a parameter; the sign is taken then. */
  isEquals(): boolean {
    return this.take(/[ \t]*=[ \t]*/y) !== undefined
  }

  value(): string {
    const inside = this.take(quoted)?.[1]?.replace(/\\(.)/g, '$1') ?? this.demand(name)
    this.#demandEnd()
    return inside
  }

  /** A scheme ends at a space, a comma or the end. */
  boundary(): void {
    if (!this.done && this.#text[this.#at] !== ',') this.demand(/[ \t]+/y)
  }

  #demandEnd(): void {
    this.take(blank)
    if (!this.done && this.#text[this.#at] !== ',') throw new Refusal('bad-encoding', 'a parameter that does not end')
  }
}
