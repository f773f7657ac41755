/**
 * The report side of Linux's drivers/virt/coco/guest/report.c and fs/configfs/file.c, as far as a process can see them:
 * which files there are, who may open them how, when a write counts, what a read makes, and which errors there are.
 */
import { randomBytes } from 'node:crypto'
import { type Bytes, concat, fromBase64, utf8 } from '../../../../shared/bytes.ts'
import { type Chip, chipOf, type ChipParts } from './chip.ts'

/** What a test changes about the machine. Errors are names as in errno(3), used up from the front. */
export type Behaviour = {
  readonly provider: string
  readonly floor: number
  /** what asking for a report answers instead of a report */
  readonly reportErrors: readonly string[]
  readonly mkdirErrors: readonly string[]
  /** octets that a file takes; null: all */
  readonly takes: number | null
  /** how many times another process writes to an entry right after us */
  readonly intruders: number
  /** base64 of the certificate table, or null: no such file */
  readonly auxblob: string | null
  /** longest report that fits */
  readonly space: number
  /** base64 of what the machine was started with, where it is not the chip's */
  readonly configuration: string | null
  /** attests these 64 bytes (base64) instead of those that it was given */
  readonly attests: string | null
}

export const wellBehaved: Behaviour = {
  provider: 'sev_guest',
  floor: 0,
  reportErrors: [],
  mkdirErrors: [],
  takes: null,
  intruders: 0,
  auxblob: '',
  space: 32_768,
  configuration: null,
  attests: null,
}

/** What went on, for tests to ask about. */
export type Seen = {
  /** entries that nobody removed */
  readonly entries: readonly string[]
  readonly reports: number
  /** privlevel of the last report */
  readonly level: number
}

export class Errno extends Error {
  readonly code: string
  constructor(code: string) {
    super(code)
    this.code = code
  }
}

export type Handle = {
  read(): Bytes
  write(bytes: Uint8Array): number
  close(): void
}

type Entry = { writes: number; made: number; inblob: Bytes; level: number; outblob: Bytes; auxblob: Bytes }

const writable = ['inblob', 'privlevel']
const binary = ['inblob', 'outblob', 'auxblob']

export class Kernel {
  #behaviour: Behaviour = wellBehaved
  readonly #chip: Chip
  readonly #entries = new Map<string, Entry>()
  #reports = 0
  #level = 0

  constructor(chip: ChipParts) {
    this.#chip = chipOf(chip)
  }

  behave(changes: Partial<Behaviour>): void {
    this.#behaviour = { ...this.#behaviour, ...changes }
  }

  seen(): Seen {
    return { entries: [...this.#entries.keys()], reports: this.#reports, level: this.#level }
  }

  mkdir(name: string): void {
    this.#fail('mkdirErrors')
    if (this.#entries.has(name)) throw new Errno('EEXIST')
    const none = new Uint8Array()
    this.#entries.set(name, { writes: 0, made: 0, inblob: none, level: 0, outblob: none, auxblob: none })
  }

  rmdir(name: string): void {
    if (!this.#entries.delete(name)) throw new Errno('ENOENT')
  }

  has(name: string): boolean {
    return this.#entries.has(name)
  }

  /** tdx_report_attr_visible and its likes: each provider shows what it has. */
  files(): readonly string[] {
    const everywhere = ['generation', 'provider', 'inblob', 'outblob']
    if (this.#behaviour.provider !== 'sev_guest') return everywhere
    return [...everywhere, 'privlevel', 'privlevel_floor', ...(this.#behaviour.auxblob === null ? [] : ['auxblob'])]
  }

  /** Opening for more than what a file is for is refused, to root as well (__configfs_open_file). */
  open(name: string, file: string, how: 'read' | 'write' | 'both'): Handle {
    const entry = this.#entries.get(name)
    if (entry === undefined || !this.files().includes(file)) throw new Errno('ENOENT')
    if (how === 'both' || (how === 'write') !== writable.includes(file)) throw new Errno('EACCES')
    let pending: Bytes | undefined
    return {
      read: () => this.#content(entry, file),
      write: (bytes) => {
        const room = (this.#behaviour.takes ?? Infinity) - (pending?.length ?? 0)
        if (room <= 0) throw new Errno('ENOSPC')
        const taken = bytes.slice(0, room)
        if (binary.includes(file)) pending = concat(pending ?? new Uint8Array(), taken)
        else this.#store(entry, taken)
        return taken.length
      },
      // A binary value counts when its file is closed, and nobody hears of an error (configfs_release_bin_file).
      close: () => {
        if (pending !== undefined) this.#commit(entry, pending)
        pending = undefined
      },
    }
  }

  #content(entry: Entry, file: string): Bytes {
    if (file === 'provider') return utf8(`${this.#behaviour.provider}\n`)
    if (file === 'privlevel_floor') return utf8(`${this.#behaviour.floor}\n`)
    if (file === 'generation') return utf8(`${entry.writes}\n`)
    this.#make(entry)
    return file === 'outblob' ? entry.outblob : entry.auxblob
  }

  /** tsm_report_privlevel_store */
  #store(entry: Entry, text: Bytes): void {
    const level = Number(new TextDecoder().decode(text))
    if (!Number.isInteger(level) || level < this.#behaviour.floor || level > 3) throw new Errno('EINVAL')
    entry.level = level
    entry.writes += 1
  }

  #commit(entry: Entry, inblob: Bytes): void {
    entry.inblob = inblob
    entry.writes += 1
    if (this.#behaviour.intruders === 0) return
    this.behave({ intruders: this.#behaviour.intruders - 1 })
    entry.inblob = Uint8Array.from(randomBytes(64))
    entry.writes += 1
  }

  /** tsm_report_read and sev_report_new: made at the first read after a write, then kept. */
  #make(entry: Entry): void {
    if (entry.inblob.length === 0) throw new Errno('EINVAL')
    if (entry.made === entry.writes) return
    this.#fail('reportErrors')
    if (entry.inblob.length !== 64 || entry.level < this.#behaviour.floor) throw new Errno('EINVAL')
    const { attests, auxblob, space, configuration } = this.#behaviour
    const inblob = attests === null ? entry.inblob : fromBase64(attests)
    entry.outblob = this.#chip({ inblob, level: entry.level, configuration })
    entry.auxblob = fromBase64(auxblob ?? '')
    if (Math.max(entry.outblob.length, entry.auxblob.length) > space) throw new Errno('EFBIG')
    entry.made = entry.writes
    this.#reports += 1
    this.#level = entry.level
  }

  #fail(list: 'reportErrors' | 'mkdirErrors'): void {
    const [first, ...rest] = this.#behaviour[list]
    if (first === undefined) return
    this.behave({ [list]: rest })
    throw new Errno(first)
  }
}
