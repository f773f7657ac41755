/**
 * Objects whose keys may be left out, read by a table of readers; and every mistake at once, so that whoever wrote a
 * text mends it in one go. house.md 4; attestation.md d.1.
 */
import { Refusal } from '../refusal.ts'
import { at, wrong, type At } from './json-fields.ts'

export type Readers<T> = { readonly [K in keyof T]-?: (value: At) => T[K] }

/**
 * An object with these keys and no others. Those left out come from `defaults`; a key that is not there either must be
 * given.
 */
export function optionsOf<T extends object>(from: At, readers: Readers<T>, defaults: Partial<T>): T {
  const given = objectOf(from)
  const known = Object.keys(readers) as (keyof T & string)[]
  const place = (key: string): At => at(given[key], `${from.path}.${key}`)
  const strangers = Object.keys(given).filter((key) => !known.some((one) => one === key))
  const unasked = strangers.map((key) => (): never => {
    throw wrong(place(key), `a known key (${known.join(', ')})`)
  })
  const asked = known
    .filter((key) => Object.hasOwn(given, key) || !Object.hasOwn(defaults, key))
    .map((key) => () => {
      if (!Object.hasOwn(given, key)) throw wrong(place(key), 'present')
      return [key, readers[key](place(key))] as const
    })
  const entries = every<readonly [string, unknown]>([...unasked, ...asked])
  return { ...defaults, ...(Object.fromEntries(entries) as T) }
}

/** An object whose keys are data themselves. */
export function objectOf(from: At): Readonly<Record<string, unknown>> {
  const { value } = from
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(from, 'an object')
  return value as Readonly<Record<string, unknown>>
}

/** Runs them all. One refusal comes out as it is; of several the first, with all of them in its cause. */
export function every<T>(works: readonly (() => T)[]): readonly T[] {
  const refused: Refusal[] = []
  const values = works.flatMap((work) => {
    try {
      return [work()]
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      refused.push(...refusalsOf(error))
      return []
    }
  })
  const [first, ...others] = refused
  if (first === undefined) return values
  if (others.length === 0) throw first
  const cause = new AggregateError(refused)
  throw new Refusal(first.code, `${first.message}, and ${others.length} more`, { cause })
}

/** What `every` put together, one by one. */
export function refusalsOf(refusal: Refusal): readonly Refusal[] {
  return refusal.cause instanceof AggregateError ? (refusal.cause.errors as Refusal[]) : [refusal]
}
