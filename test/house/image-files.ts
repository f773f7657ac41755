/**
 * What each operator's image holds besides Node: the files of ours that its door reaches, and the packages that these ask
 * for with all that those ask for. The lists lie beside the recipes, so that an auditor reads what is in an image and not
 * what was left out; `npm run image:files` writes them.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { imageFiles, packagesOf } from './cvm-image.ts'
import { root, walk } from './walk.ts'

type Lock = {
  readonly packages: Readonly<Record<string, { readonly dependencies?: Readonly<Record<string, string>> }>>
}

const terms = ['LICENSE', 'package.json']

/** Packages, and whatever they bring along, as folders. One that has its own copy of another is refused: nobody would see it. */
export function packagesBehind(names: readonly string[], lock: Lock = lockOf()): string[] {
  const found = new Set<string>()
  const waiting = [...names]
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (found.has(name)) continue
    found.add(name)
    const nested = Object.keys(lock.packages).filter((path) => path.startsWith(`node_modules/${name}/node_modules/`))
    if (nested.length > 0) throw new Error(`${name} brings its own ${nested.join(', ')}`)
    waiting.push(...Object.keys(lock.packages[`node_modules/${name}`]?.dependencies ?? {}))
  }
  return [...found].map((name) => `node_modules/${name}`).sort()
}

function lockOf(): Lock {
  return JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock
}

function filesOf(door: string): string[] {
  const reached = walk([door])
  return [...terms, ...[...reached.files].sort(), ...packagesBehind(packagesOf(reached))]
}

/** Each list's place and its lines; the CVM's names single files of packages, since all of it is measured. */
export const lists: Readonly<Record<string, () => readonly string[]>> = {
  'deploy/relay/image.files': () => filesOf('relay/main.ts'),
  'deploy/gateway/image.files': () => filesOf('gateway/main.ts'),
  'deploy/gateway/cvm/image.files': imageFiles,
}
