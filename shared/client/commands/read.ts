/** Files that options name. */
import { fromUtf8 } from '../../bytes.ts'
import { Failure, type World } from './command.ts'

/** `option` is its name without dashes, or the capitals by which the help calls a place. */
export async function readText(option: string, path: string, world: World): Promise<string> {
  try {
    return fromUtf8(await world.readFile(path))
  } catch (cause) {
    const name = /^[A-Z]/.test(option) ? option : `--${option}`
    throw new Failure(`${name}: cannot read ${path} as text: ${reasonOf(cause)}`, { cause })
  }
}

export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
