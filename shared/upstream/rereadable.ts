/**
 * What is made of files that may change while we run: certificates, keys, pins. Read at start, and again when somebody
 * says so (SIGHUP, a clock). What cannot be read, or does not fit together yet, leaves what there is.
 */
import { Refusal, type RefusalCode } from '../refusal.ts'

export type Contents<Name extends string> = Readonly<Record<Name, Buffer | undefined>>

export type RereadableOptions<Name extends string, T> = {
  /** What each file is for, and where it is; undefined: there is none. */
  readonly files: Readonly<Record<Name, string | undefined>>
  readonly read: (file: string) => Buffer
  /** Makes the value, or throws. */
  readonly make: (contents: Contents<Name>) => T
}

/** A code: nothing changed, because what is in the files now is not good. */
export type Reread = 'same' | 'changed' | RefusalCode | 'unreadable'

export function isGood(result: Reread): boolean {
  return result === 'same' || result === 'changed'
}

export type Rereadable<T> = {
  readonly current: () => T
  /** What it was made of. */
  readonly contents: () => Contents<string>
  reread(): Reread
}

/** Throws at once what `read` and `make` throw: who cannot start must not. */
export function rereadable<Name extends string, T>({ files, read, make }: RereadableOptions<Name, T>): Rereadable<T> {
  const names = Object.keys(files) as Name[]
  const readAll = (): Contents<Name> => {
    const found = names.map((name) => [name, files[name] === undefined ? undefined : read(files[name])])
    return Object.fromEntries(found) as Contents<Name>
  }
  let contents = readAll()
  let current = make(contents)

  function renew(): Reread {
    const found = readAll()
    if (names.every((name) => same(found[name], contents[name]))) return 'same'
    current = make(found)
    contents = found
    return 'changed'
  }

  return {
    current: () => current,
    contents: () => contents,
    reread() {
      try {
        return renew()
      } catch (cause) {
        return cause instanceof Refusal ? cause.code : 'unreadable'
      }
    },
  }
}

function same(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.equals(b)
}
