/** Test vectors that live beside the project (`../shared`, or $SHARED_DIR); a clone without them skips those tests. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const sharedDir = resolve(process.env['SHARED_DIR'] ?? join(import.meta.dirname, '../../../shared'))

/** The parsed file `vectors/{name}.json`, for the caller to give a type, or undefined (with one line saying so) where it is absent. */
export function sharedVectors(name: string): unknown {
  const file = join(sharedDir, 'vectors', `${name}.json`)
  if (!existsSync(file)) {
    process.stderr.write(`skipped: no vectors at ${file} (set SHARED_DIR)\n`)
    return undefined
  }
  return JSON.parse(readFileSync(file, 'utf8'))
}
