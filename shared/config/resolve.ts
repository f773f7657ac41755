/** Rows meet what was given: flag, else variable, else file, else default. Everything that is wrong is collected, nothing is thrown. */
import type { Field, Tree } from './document.ts'
import type { Given } from './given.ts'
import type { Kind } from './kind.ts'
import type { Mistake } from './mistake.ts'
import { nearest } from './nearest.ts'
import { isMany, isOptional, isRow, listed, type Many, type Optional, type Part, type Row, type Rows } from './rows.ts'
import { fileOfSecret, holdsSecret, namesSecret, secretMistake, takesSecret } from './secrets.ts'
import { hole, withHoles } from './unsound.ts'
import { defaultOf, remedyFor, written } from './value.ts'

/** One setting as it is in force. */
export type Origin = {
  readonly path: string
  readonly row: Row
  /** undefined where it is left out */
  readonly value: unknown
  /** what it means that the group around it is left out, where it is */
  readonly without?: string | undefined
  /** `default`, `file:line:column`, a variable or a flag */
  readonly from: string
}

export type Resolved = {
  /** What has a mistake in it is a hole. */
  readonly settings: object
  readonly origins: readonly Origin[]
  readonly mistakes: readonly Mistake[]
  /** Where a setting was given, or what is around it. */
  readonly whereIs: (path: string) => string
}

export function resolve(rows: Rows, tree: Tree | undefined, given: readonly Given[], source: string): Resolved {
  const walk = new Walk(rows, given, source)
  const settings = withHoles(walk.fields(rows, '', tree))
  return { settings, origins: walk.origins, mistakes: walk.mistakes, whereIs: (path) => walk.whereIs(path) }
}

class Walk {
  readonly mistakes: Mistake[] = []
  readonly origins: Origin[] = []
  readonly #rows: Rows
  readonly #given: ReadonlyMap<string, Given>
  readonly #source: string
  readonly #places = new Map<string, string>()

  constructor(rows: Rows, given: readonly Given[], source: string) {
    this.#rows = rows
    // The last one wins: variables come before flags.
    this.#given = new Map(given.map((one) => [one.path, one]))
    this.#source = source
  }

  whereIs(path: string): string {
    const place = this.#places.get(path)
    if (place !== undefined || path === '') return place ?? this.#source
    return this.whereIs(path.split('.').slice(0, -1).join('.'))
  }

  fields(rows: Rows, path: string, tree: Tree | undefined): (readonly [string, unknown])[] {
    const fields = tree?.fields
    for (const [name, field] of fields ?? []) if (!Object.hasOwn(rows, name)) this.#unknown(name, field, path, rows)
    if (tree !== undefined && fields === undefined && !(path === '' && tree.value === null))
      this.#noGroup(tree, path, rows)
    return Object.entries(rows).map(([name, part]) => [name, this.#part(part, below(path, name), fields?.get(name))])
  }

  #part(part: Part, path: string, field: Field | undefined): unknown {
    if (isRow(part)) return this.#row(part, path, field)
    if (field !== undefined) this.#places.set(path, field.at)
    if (isMany(part)) return this.#many(part, path, field)
    if (isOptional(part)) return this.#optional(part, path, field)
    return this.#group(part, path, field?.tree)
  }

  #group(rows: Rows, path: string, tree: Tree | undefined): unknown {
    const group = withHoles(this.fields(rows, path, tree))
    return tree !== undefined && tree.fields === undefined ? hole : group
  }

  #optional({ rows, absent }: Optional, path: string, field: Field | undefined): unknown {
    const here = field !== undefined || this.#givenBelow(path).length > 0
    if (here) return this.#group(rows, path, field?.tree)
    for (const one of listed(rows, path, absent)) this.origins.push({ ...one, value: undefined, from: 'default' })
    return undefined
  }

  #many({ rows, absent }: Many, path: string, field: Field | undefined): unknown {
    const items = field?.tree.items ?? []
    const numbers = this.#givenBelow(path).map((given) => Number(given.slice(path.length + 1).split('.')[0]) + 1)
    const length = Math.max(items.length, ...numbers, 0)
    if (field !== undefined && field.tree.items === undefined)
      return this.#refuse(field.tree.at, path, 'is not a list', 'begin each of its groups with a dash')
    if (length === 0 && field === undefined && absent !== undefined) return undefined
    if (length === 0)
      return this.#refuse(this.whereIs(path), path, 'is missing: at least one is needed', needed(rows, path))
    return Array.from({ length }, (_, index) => this.#group(rows, `${path}.${index}`, this.#item(items, path, index)))
  }

  #item(items: readonly Tree[], path: string, index: number): Tree | undefined {
    const item = items[index]
    if (item !== undefined) this.#places.set(`${path}.${index}`, item.at)
    return item
  }

  #givenBelow(path: string): string[] {
    return [...this.#given.keys()].filter((given) => given.startsWith(`${path}.`))
  }

  #row(row: Row, path: string, field: Field | undefined): unknown {
    const given = this.#given.get(path)
    this.#places.set(path, given?.where ?? field?.tree.at ?? this.whereIs(path))
    // What the file says is looked at even where it does not count today.
    const filed = field && this.#checked(row.kind, field.tree, path, row)
    const outside = given && this.#checked(row.kind, textTree(given, row.kind), path, row)
    const value =
      outside ?? filed ?? defaultOf(row)?.value ?? (row.absent === undefined ? this.#missing(row, path) : undefined)
    const from = given?.where ?? field?.tree.at ?? 'default'
    this.origins.push({ path, row, value: value === hole ? undefined : value, from })
    return value
  }

  #missing(row: Row, path: string): unknown {
    const around = path.split('.').slice(0, -1).join('.')
    return this.#refuse(this.whereIs(around), path, 'is missing', remedyFor(row, undefined))
  }

  /** The setting, or a hole. */
  #checked(kind: Kind<unknown>, tree: Tree, path: string, row: Row): unknown {
    if (holdsSecret(tree.value)) return this.#told(secretMistake(tree.at, path, this.#rows))
    if (kind.each !== undefined && !this.#eachChecked(kind.each, tree, path)) return hole
    const { success, data } = kind.schema.safeParse(tree.value)
    if (success) return data
    // What stands where the name of a secret's file belongs may be the secret itself.
    if (kind.file?.secret === true) return this.#refuse(tree.at, path, `this is not ${kind.demand}`, fileOfSecret)
    return this.#refuse(
      tree.at,
      path,
      `${written(tree)} is not ${kind.demand}`,
      remedyFor({ ...row, kind }, tree.value),
    )
  }

  #eachChecked(each: Kind<unknown>, tree: Tree, path: string): boolean {
    const values = Array.isArray(tree.value) ? (tree.value as unknown[]) : []
    const items = tree.items ?? values.map((value) => ({ at: tree.at, value }))
    const row = { kind: each, says: '' }
    return items.map((item, at) => this.#checked(each, item, `${path}.${at}`, row)).every((one) => one !== hole)
  }

  #noGroup(tree: Tree, path: string, rows: Rows): void {
    if (tree.value === null)
      this.#refuse(tree.at, path, 'has nothing in it', 'remove it, or indent its settings below it')
    else
      this.#refuse(
        tree.at,
        path,
        `${takesSecret(rows) ? 'this' : written(tree)} is not a group of settings`,
        'write settings below it, as key: value',
      )
  }

  #unknown(name: string, { at, tree }: Field, around: string, rows: Rows): void {
    const path = below(around, name)
    const near = nearest(name, Object.keys(rows))
    if (holdsSecret(tree.value) || (near === undefined && namesSecret(name)))
      return void this.#told(secretMistake(at, path, this.#rows))
    const elsewhere = listed(this.#rows).flatMap((one) => (one.path.endsWith(`.${name}`) ? [one.path] : []))
    const known = `known here: ${Object.keys(rows).join(', ')}`
    const remedy = elsewhere.length === 0 ? known : `there is ${elsewhere.join(', ')}; ${known}`
    const wrong = 'no setting has this name'
    this.#refuse(at, path, wrong, near === undefined ? remedy : `did you mean ${below(around, near)}?`)
  }

  /** A hole, for whoever wanted a value. */
  #refuse(where: string, path: string, wrong: string, remedy: string): unknown {
    return this.#told({ where, path, wrong, remedy })
  }

  #told(mistake: Mistake): unknown {
    this.mistakes.push(mistake)
    return hole
  }
}

/** What a variable or flag says, as if the file had said it. */
function textTree({ text, where }: Given, { fromText }: Kind<unknown>): Tree {
  return { at: where, value: fromText(text) }
}

function below(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

function needed(rows: Rows, path: string): string {
  const demanded = Object.entries(rows).flatMap(([name, part]) =>
    isRow(part) && part.absent === undefined && part.default === undefined ? [`${path}.0.${name}`] : [],
  )
  return `give ${demanded.join(' and ')}`
}
