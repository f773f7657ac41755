/** Settings of one process: a strict table (zod) over one YAML or JSON file, read once, refused as a whole. */
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { Refusal } from '../refusal.ts'

/** Every mistake of a settings file at once, each with its setting; a door prints the message and exits with 2. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

/** Unknown keys are mistakes. `source` names the file in messages. Throws SettingsError; returns frozen settings. */
export function readSettings<T extends z.ZodType>(table: T, text: string, source: string): Readonly<z.infer<T>> {
  const document = parseDocument(text, { uniqueKeys: true })
  if (document.errors.length > 0) {
    throw new SettingsError(`${source}: ${document.errors.map((error) => error.message).join('\n')}`)
  }
  const result = table.safeParse(document.toJS() ?? {})
  if (!result.success) throw new SettingsError(`${source}:\n${z.prettifyError(result.error)}`)
  return Object.freeze(result.data)
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
