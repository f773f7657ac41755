/** A setting's other two names: `routes[].gateway` is ASUNDER_RELAY_ROUTES_0_GATEWAY and --routes.0.gateway. */
import { listed, type Listed, type Rows } from './rows.ts'

export function prefixOf(service: string): string {
  return `ASUNDER_${service.toUpperCase()}_`
}

/** `path` may hold numbers or `[]`; the latter becomes N. */
export function variableOf(service: string, path: string): string {
  const words = path.replaceAll('[]', '.N').replace(/([a-z])([A-Z])/g, '$1_$2')
  return prefixOf(service) + words.replaceAll('.', '_').toUpperCase()
}

export function flagOf(path: string): string {
  return `--${path.replaceAll('[]', '.N')}`
}

export type Finder = (name: string) => { readonly path: string; readonly listed: Listed } | undefined

/** Finds the setting, its path with numbers in place, for the name of a variable. */
export function variableFinder(service: string, rows: Rows): Finder {
  return finder(rows, (path) => variableOf(service, path.replaceAll('[]', '.#')))
}

/** The same for the name of a flag, `--` left off. */
export function flagFinder(rows: Rows): Finder {
  return finder(rows, (path) => path.replaceAll('[]', '.#'))
}

function finder(rows: Rows, nameOf: (path: string) => string): Finder {
  const known = listed(rows).map((one) => {
    const name = nameOf(one.path).replaceAll('.', '\\.').replaceAll('#', '(0|[1-9]\\d?)')
    return { listed: one, pattern: new RegExp(`^${name}$`) }
  })
  return (name) => {
    for (const { listed, pattern } of known) {
      const numbers = pattern.exec(name)?.slice(1).values()
      if (numbers === undefined) continue
      return { path: listed.path.replaceAll('[]', () => `.${numbers.next().value ?? ''}`), listed }
    }
    return undefined
  }
}
