/** One case that came through the door: typed getters, so that a case that is itself wrong is refused, not guessed at. */
import { fromHex, type Bytes } from '../../shared/bytes.ts'
import { Refusal } from '../../shared/refusal.ts'

export type Op = (input: Case) => unknown

type Json = Record<string, unknown>

export class Case {
  readonly #json: Json
  readonly #where: string

  constructor(json: Json, where = 'case') {
    this.#json = json
    this.#where = where
  }

  /** A line of JSON; what is none is refused. */
  static parse(line: string): Case {
    const json = parsed(line)
    if (!isObject(json)) throw new Refusal('bad-encoding', 'a case is a JSON object')
    return new Case(json)
  }

  has(name: string): boolean {
    return this.#json[name] !== undefined && this.#json[name] !== null
  }

  raw(name: string): unknown {
    return this.#json[name]
  }

  text(name: string): string {
    const value = this.#json[name]
    if (typeof value !== 'string') throw this.#wrong(name, 'text')
    return value
  }

  hex(name: string): Bytes {
    return fromHex(this.text(name))
  }

  /** An integer that JSON and a double both hold exactly, as a number or as decimal text. */
  integer(name: string): number {
    const value = this.#json[name]
    const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
    if (typeof number !== 'number' || !Number.isSafeInteger(number)) throw this.#wrong(name, 'an exact integer')
    return number
  }

  /** ISO, or seconds since 1970 as in cosignatures; in milliseconds. */
  time(name: string): number {
    const value = this.#json[name]
    const time = typeof value === 'string' && value.includes('T') ? Date.parse(value) : this.integer(name) * 1000
    if (!Number.isFinite(time)) throw this.#wrong(name, 'a time')
    return time
  }

  list(name: string): Case[] {
    return this.array(name).map((entry, index) => {
      if (!isObject(entry)) throw this.#wrong(`${name}[${String(index)}]`, 'an object')
      return new Case(entry, `${this.#where}.${name}[${String(index)}]`)
    })
  }

  array(name: string): readonly unknown[] {
    const value = this.#json[name]
    if (!Array.isArray(value)) throw this.#wrong(name, 'a list')
    return value as readonly unknown[]
  }

  texts(name: string): string[] {
    return this.array(name).map((entry) => {
      if (typeof entry !== 'string') throw this.#wrong(name, 'a list of texts')
      return entry
    })
  }

  hexes(name: string): Bytes[] {
    return this.texts(name).map(fromHex)
  }

  object(name: string): Case {
    const value = this.#json[name]
    if (!isObject(value)) throw this.#wrong(name, 'an object')
    return new Case(value, `${this.#where}.${name}`)
  }

  /** The bytes of `hex`, cut into pieces of the sizes in `cuts`; what is left comes last. Without `cuts`, one piece. */
  pieces(name = 'hex'): Bytes[] {
    const bytes = this.hex(name)
    const pieces: Bytes[] = []
    let at = 0
    for (const size of this.has('cuts') ? this.array('cuts') : []) {
      if (typeof size !== 'number' || !Number.isInteger(size) || size < 0) throw this.#wrong('cuts', 'a list of sizes')
      pieces.push(bytes.subarray(at, at + size))
      at += size
    }
    pieces.push(bytes.subarray(at))
    return pieces
  }

  #wrong(name: string, wanted: string): Refusal {
    return new Refusal('bad-encoding', `${this.#where}.${name} must be ${wanted}`)
  }
}

/**
 * In an op that makes something, the case plays the programmer whose mistakes are TypeErrors elsewhere; here a case that
 * asks for what cannot be made is refused.
 */
export function made<T>(work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (cause instanceof TypeError) throw new Refusal('bad-encoding', cause.message, { cause })
    throw cause
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (cause) {
    throw new Refusal('bad-encoding', 'not JSON', { cause })
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
