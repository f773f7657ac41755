/**
 * What the doors of relay and gateway have in common: they read settings in one way, and answer `config check`,
 * `config schema`, `config explain`, `--version` and `--help` in one way. Files, environment and output are handed in.
 */
import { dirname } from 'node:path'
import { explain } from './explain.ts'
import { pathIn } from './files.ts'
import { configVariable, fromArguments, fromEnvironment, type Arguments, type Environment } from './given.ts'
import { lineOf, SettingsError } from './mistake.ts'
import { helpOf, type Doorway } from './help.ts'
import { nearest } from './nearest.ts'
import { digestOf, readSettings, readSettingsAndFiles, type Definition, type Reading } from './read.ts'
import type { Rows, Settings } from './rows.ts'
import { jsonSchema } from './schema.ts'

export type Outside = {
  readonly args: readonly string[]
  readonly environment: Environment
  readonly read: (path: string) => string
  readonly print: (text: string) => void
  readonly version: string
  /** milliseconds since 1970 */
  readonly now: () => number
  /** how many files and connections the system lets us have open; undefined: unknown */
  readonly openFiles?: number | undefined
}

/** What is left for the door to do. */
export type Asked<G> = {
  readonly command: string
  /** the door's own switches that were given */
  readonly switches: ReadonlySet<string>
  readonly settings: Settings<G>
  /** where a file is that the settings name */
  readonly path: (name: string) => string
}

/**
 * Undefined where everything was said already. Throws SettingsError for mistakes in arguments, settings and, if it is to
 * run, in the files that they name.
 */
export async function ask<G extends Rows>(doorway: Doorway<G>, outside: Outside): Promise<Asked<G> | undefined> {
  const answer = await answerTo(doorway, outside)
  if (typeof answer !== 'string') return answer
  outside.print(answer)
  return undefined
}

async function answerTo<G extends Rows>(doorway: Doorway<G>, outside: Outside): Promise<Asked<G> | string> {
  const { definition, commands = {}, switches = {} } = doorway
  const args = fromArguments(definition.rows, outside.args, Object.keys(switches))
  if (args.switches.has('help')) return helpOf(doorway)
  if (args.switches.has('version')) return `asunder-${definition.service} ${outside.version}\n`
  const [command = 'run', ...rest] = args.words
  if (command === 'config') return configured(definition, args, rest, outside)
  const known = ['run', ...Object.keys(commands)]
  if (rest.length > 0 || !known.includes(command)) throw unknown(args.words, [...known, 'config'])
  const places = placesOf(definition.service, args, outside)
  // Other commands must work beside files that are none of their business, most of all the one that revokes keys.
  const { settings } = await (command === 'run' ? readFiles : readAll)(definition, args, outside)
  return { command, switches: args.switches, settings, path: (name) => pathIn(places, name) }
}

async function configured<G extends Rows>(
  definition: Definition<G>,
  args: Arguments,
  [verb = '', path, ...rest]: readonly string[],
  outside: Outside,
): Promise<string> {
  const { service, rows } = definition
  const wanted = verb === 'explain' ? rest : [path, ...rest].filter((word) => word !== undefined)
  if (wanted.length > 0 || !verbs.includes(verb)) throw unknown(['config', verb, ...wanted], verbs)
  if (verb === 'schema') return `${JSON.stringify(jsonSchema(service, rows), null, 2)}\n`
  if (verb === 'explain') return explain(service, readAll(definition, args, outside).origins, path)
  const { origins, bearable } = await readFiles(definition, args, outside)
  return [...bearable.map((one) => `but ${lineOf(one)}\n`), `ok ${digestOf(origins)}\n`].join('')
}

const verbs = ['check', 'schema', 'explain']

function readAll<G extends Rows>(definition: Definition<G>, args: Arguments, outside: Outside): Reading<G> {
  return readSettings(definition, sourcesOf(definition, args, outside))
}

function readFiles<G extends Rows>(definition: Definition<G>, args: Arguments, outside: Outside) {
  return readSettingsAndFiles(definition, {
    ...sourcesOf(definition, args, outside),
    now: outside.now(),
    openFiles: outside.openFiles,
  })
}

function sourcesOf<G extends Rows>({ service, rows }: Definition<G>, args: Arguments, outside: Outside) {
  const { file } = fileOf(service, args, outside)
  const variables = fromEnvironment(service, rows, outside.environment)
  return {
    text: file === undefined ? '' : textOf(file, outside),
    source: file ?? 'settings (no --config FILE)',
    given: [...variables.given, ...args.given],
    mistakes: [...variables.mistakes, ...args.mistakes],
    places: placesOf(service, args, outside),
  }
}

function fileOf(service: string, { config }: Arguments, { environment }: Outside): { file: string | undefined } {
  return { file: config ?? environment[configVariable(service)] }
}

function textOf(file: string, { read }: Outside): string {
  try {
    return read(file)
  } catch (cause) {
    throw new SettingsError([
      { where: file, path: '', wrong: unreadable(cause), remedy: 'name the settings file with --config FILE' },
    ])
  }
}

function unreadable(cause: unknown): string {
  const { code } = cause as { readonly code?: unknown }
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EACCES') return 'this user may not read it'
  if (code === 'EISDIR') return 'this is a folder'
  return cause instanceof Error ? cause.message : 'it cannot be read'
}

function placesOf(service: string, args: Arguments, outside: Outside) {
  const { file = '.' } = fileOf(service, args, outside)
  return { folder: dirname(file), credentials: outside.environment['CREDENTIALS_DIRECTORY'] }
}

function unknown(words: readonly string[], known: readonly string[]): SettingsError {
  const file = words.find((word) => /[./]/.test(word))
  if (file !== undefined) {
    return new SettingsError([
      { where: '', path: '', wrong: `${file} is no command`, remedy: `did you mean --config ${file}?` },
    ])
  }
  const near = nearest(words.at(-1) ?? '', known)
  const remedy = near === undefined ? `one of: ${known.join(', ')}; see --help` : `did you mean ${near}?`
  return new SettingsError([{ where: '', path: '', wrong: `${words.join(' ')} is no command`, remedy }])
}
