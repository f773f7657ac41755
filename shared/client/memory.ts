/**
 * What a client must not forget: the newest trust root, and the highest serials, trees and times it has seen. trust.md 2
 * and 6.
 */
import { nothingSeen, readSeen, seenJson, type Seen } from '../attestation/seen.ts'
import { maxRoots } from '../attestation/trust-root.ts'
import { at, listOf, textOf } from '../tlog/json-fields.ts'
import { objectOf } from '../tlog/json-options.ts'
import { Refusal } from '../refusal.ts'
import { parseStrictJson } from '../tlog/strict-json.ts'
import { ObliviousError } from './errors.ts'

/** The root that the application ships, and as many as a bundle may lead to. */
const maxChain = 1 + maxRoots

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
export type Remembered = Seen & { readonly roots: readonly string[] }

/** Nothing seen yet: every real serial is higher. */
export const nothing: Remembered = { ...nothingSeen, roots: [] }

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
  const change: Change = async (stored) => written(await merge(read(stored)))
  return guarded(async () => {
    if (memory.update === undefined) await memory.save(await change(await memory.load()))
    else await memory.update(change)
  })
}

/** A text of an earlier version has only serial and roots: nothing else was seen then. */
function read(text: string | undefined): Remembered {
  if (text === undefined) return nothing
  const { roots, ...seen } = objectOf(at(parseStrictJson(text), 'memory'))
  if (!Object.hasOwn(seen, 'serial')) throw new Refusal('bad-encoding', 'memory.serial must be present')
  const notes = listOf(at(roots, 'memory.roots'), maxChain).map(textOf)
  return { ...readSeen(at(seen, 'memory')), roots: notes }
}

function written({ roots, ...seen }: Remembered): string {
  return JSON.stringify({ ...seenJson(seen), roots })
}

/** A memory that fails is treated like an attack on it: nothing is sent. */
async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw new ObliviousError(isFork(cause) ? 'log-forked' : 'memory-failed', { cause })
  }
}

/** Two who share the memory were shown different trees. */
export function isFork(cause: unknown): boolean {
  return cause instanceof Refusal && cause.code === 'split-view'
}
