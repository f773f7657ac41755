/** What `--help` of relay and gateway says. */
import { configVariable } from './given.ts'
import { flagOf, variableOf } from './names.ts'
import type { Definition } from './read.ts'
import { listed, type Rows } from './rows.ts'

type Sentences = Readonly<Record<string, string>>

/** A door as its operator sees it. */
export type Doorway<G extends Rows> = {
  readonly definition: Definition<G>
  /** what the process does */
  readonly purpose: string
  /** commands of its own, with a sentence each; `run` is what happens without one */
  readonly commands?: Sentences
  /** flags of its own that take no value and are no settings, with a sentence each */
  readonly switches?: Sentences
}

const common: Sentences = {
  run: 'serves until it is told to stop; the same as without a command',
  'config check':
    'names every mistake in settings and files and exits 2, or says ok with a digest; before each start and reload',
  'config explain [PATH]': 'every setting: its value, where that came from, and what it does',
  'config schema': 'the settings as JSON Schema, for editors',
}

export function helpOf<G extends Rows>({ definition, purpose, commands, switches = {} }: Doorway<G>): string {
  const { service, rows } = definition
  const path = listed(rows)[0]?.path ?? ''
  const flags = Object.fromEntries(Object.entries(switches).map(([name, says]) => [flagOf(name), says]))
  const lines = Object.entries({ ...common, ...commands, ...flags }).map(
    ([word, says]) => `  ${word.padEnd(24)}${says}`,
  )
  return `asunder-${service} [COMMAND] [--config FILE] [--SETTING VALUE ...]

${purpose}

${lines.join('\n')}
  --version, --help

FILE is YAML or JSON (or named by ${configVariable(service)}); files that it names are relative to it. Each setting can also
be given as a variable of the environment, which wins over FILE, or as a flag, which wins over both:
${path}, ${variableOf(service, path)}, ${flagOf(path)}. Secrets are given as files with mode 0600 or as credential:NAME.
Prints one JSON line for each event. Signals: SIGTERM or SIGINT lets requests in flight end, a second one does not wait;
SIGHUP reads certificates, keys of TLS and pins again, and leaves what there is where something is wrong: config check says
what, before you send it. Settings themselves are read at start alone.
Exit codes: 0 ended as asked, 1 failed, 2 a mistake in arguments, settings or the files that they name.
`
}
