/**
 * The highest serial of each gateway's bundle, beyond the end of the process: a restart must not make an older bundle good
 * again. trust.md 2. A small JSON object, gateway: serial; processes of one machine may share it.
 */
import { existsSync, readFileSync } from 'node:fs'
import { Refusal } from '../shared/refusal.ts'
import { replaceFile } from '../shared/store/whole-file.ts'
import type { Remembered } from './mirror.ts'

/** What is remembered of one gateway. `load` refuses `bad-encoding` a file that is not ours; `save` throws what the disk says. */
export function serialsIn(file: string, gateway: string): Remembered {
  const known = (): Readonly<Record<string, number>> => (existsSync(file) ? read(readFileSync(file, 'utf8')) : {})
  return {
    load: () => known()[gateway] ?? 0,
    save(serial) {
      const all = known()
      if (serial <= (all[gateway] ?? 0)) return
      replaceFile(file, `${JSON.stringify({ ...all, [gateway]: serial }, null, 2)}\n`)
    },
  }
}

/** Where saving fails nobody is served worse for it now: `told` whether it did. */
export function tolerant({ load, save }: Remembered, told: (fails: boolean) => void): Remembered {
  return {
    load,
    save(serial) {
      try {
        save(serial)
        told(false)
      } catch {
        told(true)
      }
    },
  }
}

function read(text: string): Readonly<Record<string, number>> {
  const remedy = 'put back a copy; deleting it makes the next bundle good, whatever its serial'
  try {
    const found: unknown = JSON.parse(text)
    if (isSerials(found)) return found
  } catch {
    // Told below, as everything else that is not ours.
  }
  throw new Refusal('bad-encoding', `serials: the file is damaged; ${remedy}`)
}

function isSerials(found: unknown): found is Readonly<Record<string, number>> {
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return false
  return Object.values(found).every((serial) => Number.isSafeInteger(serial) && (serial as number) >= 0)
}
