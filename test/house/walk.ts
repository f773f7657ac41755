/** Follows a door's imports: static, bare, re-exported and dynamic ones, types included, through every file of ours. */
import { readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '../..')

export type Reached = {
  /** files of ours, relative to the project's root */
  readonly files: ReadonlySet<string>
  /** packages and `node:` modules, as written */
  readonly bare: ReadonlySet<string>
}

const specifier = /(?:(?<![.'"])\bfrom\s*|\bimport\s*\(?\s*)(['"])([^'"]+)\1/g

/** Every file and package that can be reached from `doors`. An import that is not a literal string is an error: it hides. */
export function walk(doors: readonly string[], read: (file: string) => string = readSource): Reached {
  const files = new Set<string>()
  const bare = new Set<string>()
  const waiting = [...doors]
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (files.has(file)) continue
    files.add(file)
    for (const name of imports(read(file), file)) {
      if (name.startsWith('.')) waiting.push(relative(root, resolve(root, dirname(file), name)))
      else bare.add(name)
    }
  }
  return { files, bare }
}

function imports(source: string, file: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
  if (/\bimport\s*\(\s*[^'"\s)]/.test(code) || /\brequire\s*\(|createRequire/.test(code)) {
    throw new Error(`${file} imports something that cannot be read off its text`)
  }
  return [...code.matchAll(specifier)].map((match) => match[2] ?? '')
}

function readSource(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}
