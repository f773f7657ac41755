/**
 * Settings of one process: rows over one YAML or JSON file, variables and flags, read once and refused as a whole.
 * How to add a setting: rows.ts.
 */
import { createHash } from 'node:crypto'
import { Refusal } from '../refusal.ts'
import { parseSettings, type Tree } from './document.ts'
import { contentsOf, type FileRule } from './contents.ts'
import { fileMistakes, type Places } from './files.ts'
import type { Given } from './given.ts'
import { SettingsError, type Mistake } from './mistake.ts'
import { resolve, type Origin } from './resolve.ts'
import type { Rows, Settings } from './rows.ts'
import { broken, type Rule } from './rules.ts'

export { SettingsError } from './mistake.ts'

export type Definition<G extends Rows = Rows> = {
  /** as in ASUNDER_RELAY_ and in the name of the command */
  readonly service: string
  readonly rows: G
  readonly rules: readonly Rule<Settings<G>>[]
  /** what must hold among the files that settings name */
  readonly fileRules?: readonly FileRule<Settings<G>>[]
}

export type Sources = {
  readonly text: string
  /** names the file in messages */
  readonly source: string
  /** what variables and flags say, flags last */
  readonly given?: readonly Given[]
  /** what was wrong with them */
  readonly mistakes?: readonly Mistake[]
  /** Without it no file that settings name is looked at. */
  readonly places?: Places | undefined
}

export type Reading<G> = { readonly settings: Settings<G>; readonly origins: readonly Origin[] }

/** Throws SettingsError with every mistake at once; gives frozen settings, and where each of them came from. */
export function readSettings<G extends Rows>(definition: Definition<G>, sources: Sources): Reading<G> {
  const { settings, origins, mistakes } = gathered(definition, sources)
  if (mistakes.length > 0) throw new SettingsError(mistakes)
  return { settings: frozen(settings) as Settings<G>, origins }
}

/** `bearable`: what is wrong with files, and no reason not to run with the rest. */
export type FullReading<G> = Reading<G> & { readonly bearable: readonly Mistake[] }

/** The same, and looks into the files too. `now`: milliseconds since 1970. */
export async function readSettingsAndFiles<G extends Rows>(
  definition: Definition<G>,
  sources: Sources & { readonly places: Places; readonly now: number; readonly openFiles?: number | undefined },
): Promise<FullReading<G>> {
  const { settings, origins, mistakes, whereIs } = gathered(definition, sources)
  const { fileRules: rules = [] } = definition
  const { places, now, openFiles } = sources
  const question = { settings: settings as Settings<G>, origins, rules, whereIs, places, now, openFiles }
  const contents = await contentsOf(question)
  const all = [...mistakes, ...contents.mistakes]
  if (all.length > 0) throw new SettingsError(all)
  return { settings: frozen(settings) as Settings<G>, origins, bearable: contents.bearable }
}

/** What can be known without looking into files. `settings` may have holes. */
function gathered<G extends Rows>({ rows, rules }: Definition<G>, sources: Sources) {
  const { text, source, given = [], mistakes: before = [], places } = sources
  const { tree, mistakes: syntax } = parseSettings(text, source)
  // Of a file that is no YAML nothing can be said but that.
  if (tree === undefined) throw new SettingsError([...before, ...syntax])
  // Nor of one that is a list or a word: everything would be missing.
  if (tree.fields === undefined && tree.value !== null) throw new SettingsError([...before, noSettings(tree)])
  const { settings, origins, mistakes: wrong, whereIs } = resolve(rows, tree, given, source)
  const combined = broken(rules, settings as Settings<G>, whereIs)
  const mistakes = [...before, ...syntax, ...wrong, ...combined, ...(places ? fileMistakes(origins, places) : [])]
  return { settings, origins, mistakes, whereIs }
}

function noSettings({ at, items }: Tree): Mistake {
  const wrong = `this is ${items === undefined ? 'one value' : 'a list'}, and a settings file is a group of settings`
  return {
    where: at,
    path: '',
    wrong,
    remedy: 'write one setting a line, as key: value; name the right file with --config',
  }
}

function frozen(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(frozen)
  return value
}

/** One digest for settings that mean the same, however they were written: SHA-256 over them in the order of their rows. */
export function digestOf(origins: readonly Origin[]): string {
  const said = origins.flatMap(({ path, value }) => (value === undefined ? [] : [[path, value]]))
  return `sha256:${createHash('sha256').update(JSON.stringify(said)).digest('hex')}`
}

/**
 * What a door that could not start exits with: 2 for a mistake in arguments, settings or the files that they name,
 * which starting again will not mend; 1 for what may be otherwise next time (a port that is taken).
 */
export function exitCodeOf(error: unknown): 1 | 2 {
  if (!(error instanceof Error)) return 1
  if (error instanceof SettingsError || error instanceof Refusal) return 2
  const { code = '', syscall = '' } = error as NodeJS.ErrnoException
  return code.startsWith('ERR_PARSE_ARGS') || syscall === 'open' ? 2 : 1
}
