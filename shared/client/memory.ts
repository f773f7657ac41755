/** What a client must not forget: the highest bundle serial and the newest trust root it has seen. trust.md 2. */
import { Refusal } from '../refusal.ts'
import { parseStrictJson } from '../tlog/strict-json.ts'
import { ObliviousError } from './errors.ts'

/** From the text that is stored to the one that shall be; it may be called again if the store has changed meanwhile. */
export type Change = (stored: string | undefined) => Promise<string>

/**
 * A place for one small text, one for each trust root and placement. Without it, rollback is refused only within the
 * life of the process. Writing must be durable when it resolves: the bundle is not used before.
 */
export type RollbackMemory = {
  load(): Promise<string | undefined> | string | undefined
  save(text: string): Promise<void> | void
  /** Reads, changes and writes while nobody else writes. A store that several processes share needs it. */
  update?(change: Change): Promise<void>
}

/** `roots` is a chain of notes: each root was signed by the one before it. The last is the newest that was believed. */
export type Remembered = { readonly serial: number; readonly roots: readonly string[] }

/** Nothing seen yet: every real serial is higher. */
export const nothing: Remembered = { serial: -1, roots: [] }

/** For the life of the process. */
export function forgetful(): RollbackMemory {
  let text: string | undefined
  return { load: () => text, save: (next) => void (text = next) }
}

export function recall(memory: RollbackMemory): Promise<Remembered> {
  return guarded(async () => read(await memory.load()))
}

/** Replaces what is stored by what `merge` makes of it; anybody may have stored more since we looked. */
export function remember(memory: RollbackMemory, merge: (stored: Remembered) => Promise<Remembered>): Promise<void> {
  const change: Change = async (stored) => JSON.stringify(await merge(read(stored)))
  return guarded(async () => {
    if (memory.update === undefined) await memory.save(await change(await memory.load()))
    else await memory.update(change)
  })
}

function read(text: string | undefined): Remembered {
  if (text === undefined) return nothing
  const value = parseStrictJson(text)
  if (!isRemembered(value)) throw new Refusal('bad-encoding', 'not a rollback memory')
  return { serial: value.serial, roots: value.roots }
}

function isRemembered(value: unknown): value is Remembered {
  if (typeof value !== 'object' || value === null || !('serial' in value) || !('roots' in value)) return false
  const { serial, roots } = value
  return Number.isSafeInteger(serial) && Array.isArray(roots) && roots.every((root) => typeof root === 'string')
}

/** A memory that fails is treated like an attack on it: nothing is sent. */
async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw new ObliviousError('memory-failed', { cause })
  }
}
