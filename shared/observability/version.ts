/** The version of this house, as its package says it. */
import { existsSync, readFileSync } from 'node:fs'

/** From the sources as well as from the built tree; `unknown` where there is no package, or it says anything but a version. */
export function ownVersion(): string {
  const file = ['../../package.json', '../../../package.json']
    .map((path) => new URL(path, import.meta.url))
    .find((url) => existsSync(url))
  const { version = '' } = file === undefined ? {} : (JSON.parse(readFileSync(file, 'utf8')) as { version?: string })
  return /^\d+\.\d+\.\d+(?:-[0-9a-z.]+)?$/.test(version) ? version : 'unknown'
}
