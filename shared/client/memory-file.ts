/** A rollback memory in a file: written beside and renamed, so that a crash leaves the old text or the new one. */
import { open, readFile, rename } from 'node:fs/promises'
import type { RollbackMemory } from './memory.ts'

export function fileMemory(path: string): RollbackMemory {
  return {
    async load() {
      try {
        return await readFile(path, 'utf8')
      } catch (cause) {
        if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
        throw cause
      }
    },
    async save(text) {
      const beside = `${path}.${crypto.randomUUID()}.new`
      const file = await open(beside, 'w', 0o600)
      try {
        await file.writeFile(text)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(beside, path)
    },
  }
}
