/** What is wrong with settings: where it stands, which setting, why, and what to do. Told all at once, one line each. */

export type Mistake = {
  /** `file:line:column`, the name of a variable of the environment, or a flag */
  readonly where: string
  /** the setting, as in `routes.0.gateway`; empty for what belongs to none */
  readonly path: string
  /** a clause: `99999 is not a whole number from 0 to 65535` */
  readonly wrong: string
  /** a clause in the imperative: `write for example 8443` */
  readonly remedy: string
}

/** Every mistake at once; a door prints the message and exits with 2. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
  readonly mistakes: readonly Mistake[]

  constructor(mistakes: readonly Mistake[]) {
    const sorted = mistakes.toSorted((a, b) => a.where.localeCompare(b.where, 'en', { numeric: true }))
    super(sorted.map(lineOf).join('\n'))
    this.mistakes = sorted
  }
}

export function lineOf({ where, path, wrong, remedy }: Mistake): string {
  const [first = '', ...rest] = remedy
  const what = path === '' ? wrong : `${path}: ${wrong}`
  return `${where === '' ? '' : `${where}: `}${what}. ${first.toUpperCase()}${rest.join('')}${remedy.endsWith('?') ? '' : '.'}`
}
