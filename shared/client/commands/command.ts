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
  /** Milliseconds since 1970. */
  now(): number
  readonly version: string
  /** Aborted by SIGINT. */
  readonly signal: AbortSignal
}

export type Command = {
  readonly summary: string
  readonly help: string
  run(args: readonly string[], world: World): Promise<ExitCode>
}

/** Commands under one word, as in `asunder trust show`. */
export type Group = { readonly summary: string; readonly commands: Readonly<Record<string, Command>> }

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
