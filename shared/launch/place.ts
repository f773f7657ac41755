/** Where a process stands, and what is found about how it was started. trust.md 4. */

/** From the loosest to the strictest: a listener on this machine alone, one that others reach, inside a CVM. */
const places = ['loopback', 'public', 'cvm'] as const
export type Place = (typeof places)[number]

/** Whether a rule that begins at `from` holds at `place`. */
export function atLeast(place: Place, from: Place): boolean {
  return places.indexOf(place) >= places.indexOf(from)
}

export type Launch = {
  readonly env: Readonly<Record<string, string | undefined>>
  /** options of the runtime, without the program and its arguments */
  readonly execArgv: readonly string[]
  /** the text of a file below /proc, undefined where there is none */
  readonly proc: (path: string) => string | undefined
}

/** Names only, never values: a variable may hold a secret. */
export type Problem = { readonly name: string; readonly why: string; readonly remedy: string }
