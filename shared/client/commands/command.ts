/** What a subcommand is, and the world it may touch: everything is handed in by the door, so tests call it without a process. */

export type World = {
  readonly stdin: AsyncIterable<Uint8Array> & { readonly isTTY?: boolean }
  /** Data. Resolves when the reader has taken it. */
  out(data: string | Uint8Array): Promise<void>
  readonly outIsTTY: boolean
  /** Diagnostics, one or more complete lines. */
  say(text: string): void
  paint(style: 'bold' | 'dim' | 'red' | 'yellow', text: string): string
  env(name: string): string | undefined
  readFile(path: string): Promise<Uint8Array>
  writeFile(path: string, data: AsyncIterable<Uint8Array>): Promise<void>
  /** A new file that only its owner reads: for secrets. Fails where there is one. */
  create(path: string, text: string): Promise<void>
  readonly version: string
  /** milliseconds since 1970 */
  now(): number
  /** Resolves after so many milliseconds; rejects with the signal's reason when it is aborted. */
  wait(milliseconds: number): Promise<void>
  /** Aborted by SIGINT. */
  readonly signal: AbortSignal
}

export type Command = {
  readonly summary: string
  readonly help: string
  run(args: readonly string[], world: World): Promise<ExitCode>
  /** Commands below this one: the next word names one of them. */
  readonly below?: Commands
}

export type Commands = Readonly<Record<string, Command>>

/** 0 done, 1 failed, 2 called in a way that makes no sense, 130 interrupted. */
export type ExitCode = 0 | 1 | 2 | 130

/** A mistake in how the command was called. The message names the option and what to do. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A failure with a sentence for people; anything else that is thrown is a defect and shows its stack. */
export class Failure extends Error {
  override readonly name = 'Failure'
}

/** A command that does nothing by itself: the next word says what. `name` is how it is called, with what is before it. */
export function group(name: string, summary: string, about: string, below: Commands): Command {
  const help = [
    `Usage: asunder ${name} COMMAND [options]`,
    about,
    listed(below),
    `asunder ${name} COMMAND --help tells more.`,
  ]
  return {
    summary,
    help: help.join('\n\n'),
    below,
    run([word]) {
      const what = word === undefined ? 'needs a command' : `has no command ${JSON.stringify(word)}`
      return Promise.reject(new UsageError(`${name} ${what}; see asunder ${name} --help`))
    },
  }
}

export function listed(commands: Commands): string {
  const rows = Object.entries(commands)
  const width = Math.max(9, ...rows.map(([name]) => name.length)) + 1
  return rows.map(([name, { summary }]) => `  ${name.padEnd(width)}${summary}`).join('\n')
}
