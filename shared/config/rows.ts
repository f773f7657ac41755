/**
 * A setting is one row: its name, what kind of value it takes, its default, and one sentence. Everything else is made
 * from the rows: the type of the settings, their reading, the names of variables and flags, `config check`, `schema`
 * and `explain`, the tables in the READMEs and the full examples in deploy/.
 *
 * To add a setting:
 * 1. Add a row where it belongs in `relay/config.ts` or `gateway/config.ts`:
 *    `retry: { kind: duration(), default: '5s', says: 'how long ...' },`
 *    With `default` (as an operator would write it) it is always there; with `absent` (what it means to leave it out)
 *    it may be undefined; with neither it is required, and needs an `example` if its kind has none that fits.
 *    Rows under a name are a group; `optional` makes a group that is there whole or not at all, `many` a list of groups,
 *    `manyOrNone` a list that may be left out.
 * 2. If it makes no sense, or is not safe, beside another setting, add a rule to `rules` in the same file.
 * 3. `npm run readme:settings`, and read it from `settings` in service.ts: its type is there already.
 * A new kind goes into kinds.ts. A file that holds a secret is `secretFile`; there is no kind for the secret itself.
 */
import type { Kind } from './kind.ts'

export type Row = {
  readonly kind: Kind<unknown>
  /** one sentence, without a full stop */
  readonly says: string
  /** as an operator would write it */
  readonly default?: unknown
  /** what it means to leave the setting out, in two or three words */
  readonly absent?: string
  /** in place of the kind's own; a setting with one is shown switched on in the full example */
  readonly example?: unknown
}

/** A group that is there whole or not at all. */
export type Optional<G extends Rows = Rows> = { readonly form: 'optional'; readonly absent: string; readonly rows: G }
/** A list of groups, at least one. */
export type Many<G extends Rows = Rows> = { readonly form: 'many'; readonly rows: G; readonly absent?: string }
/** The same, or left out. */
export type ManyOrNone<G extends Rows = Rows> = Many<G> & { readonly absent: string }
export type Part = Row | Optional | Many | Rows
export type Rows = { readonly [name: string]: Part }

export function optional<const G extends Rows>(absent: string, rows: G): Optional<G> {
  return { form: 'optional', absent, rows }
}

export function many<const G extends Rows>(rows: G): Many<G> {
  return { form: 'many', rows }
}

export function manyOrNone<const G extends Rows>(absent: string, rows: G): ManyOrNone<G> {
  return { form: 'many', absent, rows }
}

type Flat<T> = { readonly [K in keyof T]: T[K] }
type Absent<P> = P extends { readonly absent: string } ? true : false

/** The settings that rows describe. */
export type Settings<G> = Flat<
  { readonly [K in keyof G as Absent<G[K]> extends true ? never : K]: ValueOf<G[K]> } & {
    readonly [K in keyof G as Absent<G[K]> extends true ? K : never]?: ValueOf<G[K]> | undefined
  }
>

type ValueOf<P> = P extends { readonly says: string; readonly kind: Kind<infer T> }
  ? T
  : P extends { readonly form: 'many'; readonly rows: infer G }
    ? readonly [Settings<G>, ...Settings<G>[]]
    : P extends { readonly form: 'optional'; readonly rows: infer G }
      ? Settings<G>
      : Settings<P>

export function isRow(part: Part): part is Row {
  return 'says' in part && typeof part.says === 'string'
}

export function isOptional(part: Part): part is Optional {
  return 'form' in part && part.form === 'optional'
}

export function isMany(part: Part): part is Many {
  return 'form' in part && part.form === 'many'
}

export type Listed = {
  /** as in `routes[].gateway` */
  readonly path: string
  readonly row: Row
  /** what it means to leave out the optional group around it, if there is one */
  readonly without?: string | undefined
}

/** Every row with its path, in their order. */
export function listed(rows: Rows, above = '', without?: string): readonly Listed[] {
  return Object.entries(rows).flatMap(([name, part]) => {
    const path = above === '' ? name : `${above}.${name}`
    if (isRow(part)) return [{ path, row: part, without }]
    if (isMany(part)) return listed(part.rows, `${path}[]`, part.absent ?? without)
    return isOptional(part) ? listed(part.rows, path, part.absent) : listed(part, path, without)
  })
}
