/**
 * Settings with holes: a value that has a mistake is there as something that throws when it is looked at. So a rule about
 * others still runs, a rule about this one falls silent, and neither has to know.
 */
class Unsound extends Error {}

const unsound = new Unsound('a mistake was looked at')

/** In place of a value that has a mistake. */
export const hole: unknown = unsound

/** An object of these entries; what is undefined is left out, and a hole throws. */
export function withHoles(entries: readonly (readonly [string, unknown])[]): object {
  const settings = {}
  for (const [name, value] of entries) {
    if (value === undefined) continue
    const descriptor = value === unsound ? { get: fallIn } : { value, writable: true, configurable: true }
    Object.defineProperty(settings, name, { ...descriptor, enumerable: true })
  }
  return settings
}

/** What `look` gives, or `otherwise` if it looked into a hole. */
export function aroundHoles<T>(look: () => T, otherwise: T): T {
  try {
    return look()
  } catch (cause) {
    if (cause === unsound) return otherwise
    throw cause
  }
}

/** The same for what takes its time. */
export async function whereWhole<T>(look: () => T | Promise<T>, otherwise: T): Promise<T> {
  try {
    return await look()
  } catch (cause) {
    if (cause === unsound) return otherwise
    throw cause
  }
}

/** For whoever finds a hole in something else than settings. */
export function hollow(): never {
  throw unsound
}

function fallIn(): never {
  throw unsound
}
