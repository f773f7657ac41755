/** What a client must not forget: the highest bundle serial and the newest trust root it has seen. trust.md 2. */
import { Refusal } from '../refusal.ts'
import { parseStrictJson } from '../tlog/strict-json.ts'
import { ObliviousError } from './errors.ts'

/**
 * A place for one small text, one for each trust root and placement. Without it, rollback is refused only within the
 * life of the process. `save` must be durable when it resolves: the bundle is not used before.
 */
export type RollbackMemory = {
  load(): Promise<string | undefined> | string | undefined
  save(text: string): Promise<void> | void
}

export type Remembered = { readonly serial: number; readonly roots: readonly string[] }

/** Nothing seen yet: every real serial is higher. */
export const nothing: Remembered = { serial: -1, roots: [] }

/** For the life of the process. */
export function forgetful(): RollbackMemory {
  let text: string | undefined
  return { load: () => text, save: (next) => void (text = next) }
}

export async function recall(memory: RollbackMemory): Promise<Remembered> {
  const text = await guarded(async () => memory.load())
  return text === undefined ? nothing : guarded(() => Promise.resolve(read(text)))
}

export function remember(memory: RollbackMemory, { serial, roots }: Remembered): Promise<void> {
  return guarded(async () => memory.save(JSON.stringify({ serial, roots })))
}

function read(text: string): Remembered {
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
