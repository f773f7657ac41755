/** The version before this one, taken out of the history into a folder of its own, for those who run both side by side. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../house/walk.ts'

/** The commit of the version before; moved with each release. */
const commit = readFileSync(join(import.meta.dirname, 'version-before.txt'), 'utf8').trim()

/** Whether the history reaches back to it: a shallow clone has none. */
export function hasBefore(): boolean {
  try {
    execFileSync('git', ['cat-file', '-e', `${commit}^{commit}`], { cwd: root, stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Its sources, on the packages of this version. `remove` takes the folder away. */
export function unpackBefore(): { readonly root: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'asunder-before-'))
  const parts = ['relay', 'gateway', 'shared', 'package.json']
  const archive = execFileSync('git', ['archive', commit, ...parts], { cwd: root, maxBuffer: 1 << 28 })
  execFileSync('tar', ['-xf', '-', '-C', folder], { input: archive })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return { root: folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/**
 * Code first, configuration later: settings without those that only this version knows, and without the record of this
 * version's events, which an older one does not go on with (UPGRADING.md).
 */
export function withoutNews<T extends object>(settings: T): T {
  const known = Object.entries(settings).filter(([name]) => !newSettings.includes(name))
  return Object.fromEntries(known) as T
}

const newSettings: readonly string[] = ['profile', 'audit']
