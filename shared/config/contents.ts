/**
 * What must stand in the files that settings name: each by itself, as its kind says, and all of them together. Asked by
 * `config check` and by every start in the same words, so that nothing has begun when something is refused.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { Refusal } from '../refusal.ts'
import { complaintOf, filesOf, usable, type Named, type Places } from './files.ts'
import type { Mistake } from './mistake.ts'
import type { Origin } from './resolve.ts'
import { hollow, whereWhole } from './unsound.ts'

/** Something that is wrong between files, or between a file and a setting. */
export type Found = Omit<Mistake, 'where'> & {
  /** It is said, and the rest works without what it is about. */
  readonly bearable?: boolean
}

export type Look = {
  /** The bytes of a file that settings name. What has a complaint of its own is as a hole: nothing more is said of it. */
  readonly file: (name: string) => Buffer
  readonly now: number
  /** how many files and connections the system lets this process have open; undefined: unknown */
  readonly openFiles?: number | undefined
}

/** Takes settings that may have holes. */
export type FileRule<S> = (settings: S, look: Look) => readonly Found[] | Promise<readonly Found[]>

export type Question<S> = {
  readonly settings: S
  readonly origins: readonly Origin[]
  readonly rules: readonly FileRule<S>[]
  readonly whereIs: (path: string) => string
  readonly places: Places
  readonly now: number
  readonly openFiles?: number | undefined
}

export type Contents = { readonly mistakes: readonly Mistake[]; readonly bearable: readonly Mistake[] }

export async function contentsOf<S>({
  settings,
  origins,
  rules,
  whereIs,
  places,
  now,
  openFiles,
}: Question<S>): Promise<Contents> {
  const named = origins.flatMap(filesOf)
  const misreadings = await Promise.all(named.map((file) => misread(file, places, now)))
  const mistakes = misreadings.flatMap((one) => one ?? [])
  const good = named.filter((_, at) => misreadings[at] === undefined)
  const look: Look = {
    file: (name) =>
      bytesOf(
        good.find((one) => one.name === name),
        places,
      ) ?? hollow(),
    now,
    openFiles,
  }
  const found = await Promise.all(rules.map((rule) => whereWhole(() => rule(settings, look), [])))
  const placed = found.flat().map((one) => ({ ...one, where: whereIs(one.path) }))
  return {
    mistakes: [...mistakes, ...placed.filter(({ bearable }) => bearable !== true)],
    bearable: placed.filter(({ bearable }) => bearable === true),
  }
}

/** Nothing for a file that is not there yet, or that has a complaint already. */
function bytesOf(file: Named | undefined, places: Places): Buffer | undefined {
  if (file === undefined || complaintOf(file, places) !== undefined) return undefined
  try {
    return headOf(usable(file, places) ?? '', file.use.holds?.most ?? 1 << 22)
  } catch {
    return undefined
  }
}

function headOf(path: string, most: number): Buffer {
  const handle = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(most)
    return Buffer.from(bytes.subarray(0, readSync(handle, bytes, 0, most, 0)))
  } finally {
    closeSync(handle)
  }
}

async function misread(named: Named, places: Places, now: number): Promise<Mistake | undefined> {
  const { path, use, from } = named
  const { holds } = use
  if (holds === undefined) return undefined
  const bytes = bytesOf(named, places)
  if (bytes === undefined) return undefined
  try {
    await holds.reads(bytes, now)
    return undefined
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    const file = usable(named, places) ?? ''
    return { where: from, path, wrong: `${file} is not ${holds.what}: ${cause.message}`, remedy: holds.remedy }
  }
}
