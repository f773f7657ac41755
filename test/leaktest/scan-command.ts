/** `leaktest scan`: an operator searches what it keeps for the canaries of a run, and shows nobody more than counts and places. */
import { statSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readCanaries } from './canary/canaries.ts'
import { createScanner } from './canary/scan.ts'

export type Scan = { readonly files: number; readonly patterns: number; readonly hits: readonly ScanHit[] }

export type ScanHit = {
  readonly path: string
  readonly offset: number
  readonly field: string
  readonly canary: string
  readonly encoding: string
}

/** `list` is the text of canaries.json. Throws TypeError for another one, and what the system says of files it cannot read. */
export async function scanPaths(list: string, paths: readonly string[]): Promise<Scan> {
  const { canaries } = readCanaries(list)
  const scanner = createScanner(canaries)
  const files = paths.flatMap(filesIn)
  const hits: ScanHit[] = []
  for (const path of files) {
    for (const { canary, encoding, offset } of await scanner.scanFile(path))
      hits.push({ path, offset, field: canary.field, canary: canary.id, encoding })
  }
  return { files: files.length, patterns: scanner.patterns, hits }
}

function filesIn(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path]
  const inside = readdirSync(path, { recursive: true, withFileTypes: true })
  return inside.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

/** One line a hit, then the sum. */
export function scanText({ files, patterns, hits }: Scan): string {
  const lines = hits.map(
    ({ path, offset, field, canary, encoding }) => `${path}:${String(offset)}: ${field} ${canary}, ${encoding}`,
  )
  const sum = `${String(hits.length)} found in ${String(files)} files, of ${String(patterns)} patterns`
  return `${[...lines, sum].join('\n')}\n`
}
