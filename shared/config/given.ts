/** Settings from outside the file: variables of the environment, and flags, which win over them. */
import { parseArgs } from 'node:util'
import type { Mistake } from './mistake.ts'
import { flagFinder, flagOf, prefixOf, variableFinder, variableOf, type Finder } from './names.ts'
import { nearest } from './nearest.ts'
import { listed, type Rows } from './rows.ts'
import { namesSecret, secretMistake } from './secrets.ts'

/** One setting from outside the file: its path, what was written, and the name of the variable or flag. */
export type Given = { readonly path: string; readonly text: string; readonly where: string }

export type Environment = Readonly<Record<string, string | undefined>>

type Outside = { readonly given: readonly Given[]; readonly mistakes: readonly Mistake[] }

/** The variable that names the settings file where `--config` does not. */
export function configVariable(service: string): string {
  return `${prefixOf(service)}CONFIG`
}

/** Every variable with our prefix counts, so one that nobody knows is a mistake. */
export function fromEnvironment(service: string, rows: Rows, environment: Environment): Outside {
  const find = variableFinder(service, rows)
  const mine = Object.entries(environment).filter(
    ([name]) => name.startsWith(prefixOf(service)) && name !== configVariable(service),
  )
  const given: Given[] = []
  const mistakes: Mistake[] = []
  for (const [where, text = ''] of mine) {
    const found = find(where)
    if (found === undefined) mistakes.push(unknownVariable(service, rows, where))
    else if (text === '') mistakes.push({ where, path: found.path, wrong: 'this is empty', remedy: 'unset it' })
    else given.push({ path: found.path, text, where })
  }
  return { given, mistakes }
}

function unknownVariable(service: string, rows: Rows, where: string): Mistake {
  const name = where.slice(prefixOf(service).length)
  const wrong = 'no setting has this name'
  // Kubernetes tells every container of a namespace about every Service in it.
  if (/^(SERVICE_(HOST|PORT\w*)|PORT(_\d+_\w+)?)$/.test(name)) {
    const remedy = `set enableServiceLinks: false, or give the Kubernetes Service another name than asunder-${service}`
    return { where, path: '', wrong, remedy }
  }
  // Compared without what all of them begin with, which would make everything seem near.
  const names = listed(rows).map(({ path }) => variableOf(service, path.replaceAll('[]', '.0')))
  const near = nearest(
    name,
    names.map((one) => one.slice(prefixOf(service).length)),
  )
  if (near === undefined && namesSecret(name)) return secretMistake(where, '', rows)
  return {
    where,
    path: '',
    wrong,
    remedy: near === undefined ? 'unset it' : `did you mean ${prefixOf(service)}${near}?`,
  }
}

export type Arguments = Outside & {
  /** what is no flag, such as `config check` */
  readonly words: readonly string[]
  readonly config: string | undefined
  /** those of the door's own flags that were given: `help`, `version`, and what else it has */
  readonly switches: ReadonlySet<string>
}

type Option = { readonly name: string; readonly rawName: string; readonly value: string | undefined }

/** Every setting is a flag that takes a value, `true` and `false` included; `switches` of the door take none. */
export function fromArguments(rows: Rows, args: readonly string[], switches: readonly string[] = []): Arguments {
  const find = flagFinder(rows)
  const own = ownOptions(switches)
  const { options, words } = split(args, find, own)
  const settings = options.filter(({ name }) => !Object.hasOwn(own, name))
  const given = settings.flatMap(({ name, rawName, value }): Given[] => {
    const found = find(name)
    return found === undefined || !isValue(value) ? [] : [{ path: found.path, text: value, where: rawName }]
  })
  return {
    given,
    mistakes: [...mistakesIn(settings, find, rows, Object.keys(own)), ...ownMistakes(options, own), ...twice(options)],
    words,
    config: options.findLast(({ name }) => name === 'config')?.value,
    switches: new Set(options.map(({ name }) => name).filter((name) => own[name]?.type === 'boolean')),
  }
}

type Own = Readonly<Record<string, { readonly type: 'string' | 'boolean'; readonly short?: string }>>

function ownOptions(switches: readonly string[]): Own {
  const more = Object.fromEntries(switches.map((name) => [name, { type: 'boolean' as const }]))
  return {
    config: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
    version: { type: 'boolean', short: 'v' },
    ...more,
  }
}

function split(args: readonly string[], find: Finder, own: Own): { options: Option[]; words: string[] } {
  const named = args.flatMap((arg) => /^--([^=]+)/.exec(arg)?.[1] ?? []).filter((name) => find(name) !== undefined)
  const flags = Object.fromEntries(named.map((name) => [name, { type: 'string', multiple: true } as const]))
  const options = { ...flags, ...own }
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true })
  const found = tokens.flatMap((token) => (token.kind === 'option' ? [token] : []))
  // What follows a flag that nobody knows is most likely its value, and not worth a mistake of its own.
  const strays = found.flatMap(({ name, value, index }) =>
    Object.hasOwn(options, name) || value !== undefined ? [] : [index + 1],
  )
  const words = tokens.flatMap((token) =>
    token.kind === 'positional' && !strays.includes(token.index) ? [token.value] : [],
  )
  return { options: found.map(({ name, rawName, value }) => ({ name, rawName, value })), words }
}

function isValue(value: string | undefined): value is string {
  return value !== undefined && value !== '' && !value.startsWith('--')
}

function mistakesIn(options: readonly Option[], find: Finder, rows: Rows, own: readonly string[]): Mistake[] {
  return options.flatMap(({ name, rawName, value }): Mistake[] => {
    const found = find(name)
    if (found === undefined) return [unknownFlag(name, rawName, rows, own)]
    const remedy = `write ${rawName} VALUE`
    return isValue(value) ? [] : [{ where: rawName, path: found.path, wrong: 'no value follows', remedy }]
  })
}

function unknownFlag(name: string, where: string, rows: Rows, own: readonly string[]): Mistake {
  const near = nearest(name, [...own, ...listed(rows).map(({ path }) => path)])
  if (near === undefined && namesSecret(name)) return secretMistake(where, '', rows)
  const remedy = near === undefined ? 'see --help' : `did you mean ${flagOf(near)}?`
  return { where, path: '', wrong: 'no setting has this name', remedy }
}

function ownMistakes(options: readonly Option[], own: Own): Mistake[] {
  return options.flatMap(({ name, rawName, value }): Mistake[] => {
    const type = own[name]?.type
    if (type === 'string' && !isValue(value))
      return [{ where: rawName, path: '', wrong: 'no value follows', remedy: `write ${rawName} FILE` }]
    if (type !== 'boolean' || value === undefined) return []
    return [{ where: rawName, path: '', wrong: 'takes no value', remedy: `write ${rawName} alone, or leave it out` }]
  })
}

function twice(options: readonly Option[]): Mistake[] {
  const again = options.filter(
    ({ name, value }, at) => value !== undefined && options.findIndex((one) => one.name === name) !== at,
  )
  return again.map(({ rawName }) => ({ where: rawName, path: '', wrong: 'this is given twice', remedy: 'keep one' }))
}
