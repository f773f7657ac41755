/** Which value every setting has, where it came from, and what it does. Secrets are file names here as everywhere. */
import { flagOf, variableOf } from './names.ts'
import { nearest } from './nearest.ts'
import { SettingsError } from './mistake.ts'
import type { Origin } from './resolve.ts'

/** `path`: one setting or a group; everything without it. Throws SettingsError for one that is not there. */
export function explain(service: string, origins: readonly Origin[], path?: string): string {
  const asked = origins.filter((one) => path === undefined || one.path === path || one.path.startsWith(`${path}.`))
  if (asked.length === 0) throw unknown(path ?? '', origins)
  return asked.map((origin) => paragraph(service, origin)).join('\n')
}

function paragraph(service: string, { path, row, value, without, from }: Origin): string {
  const shown = value === undefined ? `(${row.absent ?? without ?? 'none'})` : row.kind.show(value)
  const names = `${variableOf(service, path)}, ${flagOf(path)}`
  return `${path} = ${shown}   [${from}]\n    ${row.says}\n    ${row.kind.name}; ${names}\n`
}

function unknown(path: string, origins: readonly Origin[]): SettingsError {
  const near = nearest(
    path,
    origins.map((one) => one.path),
  )
  const remedy = near === undefined ? 'see config explain without a name' : `did you mean ${near}?`
  return new SettingsError([{ where: 'config explain', path, wrong: 'no setting has this name', remedy }])
}
