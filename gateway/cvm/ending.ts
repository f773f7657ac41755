/** How a door of the CVM ends when it could not start: a word for the log, an exit code for whoever starts it. */
import { readFileSync } from 'node:fs'
import { Refusal, type RefusalCode } from '../../shared/refusal.ts'

export type Ending = {
  readonly why: RefusalCode | 'settings' | 'fault'
  /** 2: only a person can mend it. 1: may be otherwise next time. */
  readonly exit: 1 | 2
  /** For the person who starts it: settings are the operator's own words, not a peer's. */
  readonly says: string
}

/** A file that a person named by this setting or flag. Refuses `insecure-configuration`, and leaves Node's own permissions to `endingOf`. */
export function readNamed(setting: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    const why = reasons[(cause as NodeJS.ErrnoException).code ?? '']
    if (why === undefined) throw cause
    throw new Refusal('insecure-configuration', `${setting}: ${path} ${why}`, { cause })
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'is not there: create it, or name another',
  EACCES: 'cannot be read by this user: give it to the user of the agent',
  EISDIR: 'is a folder: name a file in it',
}

const mayPass: readonly RefusalCode[] = ['evidence-unavailable', 'endorsements-unavailable']

export function endingOf(cause: unknown): Ending {
  const says = `${cause instanceof Error ? cause.message : 'failed'}\n`
  if (cause instanceof Refusal) {
    const why = cause.code === 'bad-encoding' ? 'settings' : cause.code
    return { why, exit: mayPass.includes(cause.code) ? 1 : 2, says }
  }
  const { code, resource } = cause as { readonly code?: unknown; readonly resource?: unknown }
  if (code === 'ERR_ACCESS_DENIED') {
    const remedy = `${String(resource)}: start node with --allow-fs-read or --allow-fs-write for it, or with --allow-net\n`
    return { why: 'settings', exit: 2, says: `${says}${remedy}` }
  }
  // Files that the settings name.
  const unreadable = cause instanceof Error && 'path' in cause
  return unreadable ? { why: 'settings', exit: 2, says } : { why: 'fault', exit: 1, says }
}
