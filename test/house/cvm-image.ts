/**
 * The files of ours and of others that make up what runs inside a CVM, besides Node itself. As a program it prints them,
 * one a line: `node test/house/cvm-image.ts`. An image holds these and nothing else of this house. trust.md 9.
 */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Reached, root, walk } from './walk.ts'

/** Whatever in gateway/cvm is started by itself. */
export const doors = globSync('gateway/cvm/**/main.ts', { cwd: root }).sort()

/** Packages by name, without what is imported from them. */
export function packagesOf({ bare }: Pick<Reached, 'bare'>): string[] {
  const names = [...bare].filter((name) => !name.startsWith('node:')).map((name) => packageOf(name))
  return [...new Set(names)].sort()
}

/** Relative to the project's root, sorted. */
export function imageFiles(): string[] {
  const reached = walk(doors)
  const packages = [...reached.bare].filter((name) => !name.startsWith('node:')).flatMap(filesBehind)
  return [...new Set(['package.json', 'LICENSE', ...reached.files, ...packages])].sort()
}

/** The module and all that it imports, and what says how each package is loaded and under which terms. */
function filesBehind(name: string): string[] {
  const files = new Set<string>()
  const waiting = [fileOf(name)]
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (files.has(file)) continue
    files.add(file)
    const folder = dirname(file)
    const others = importsOf(readFileSync(join(root, file), 'utf8'))
    waiting.push(...others.map((other) => (other.startsWith('.') ? join(folder, other) : fileOf(other))))
  }
  const folders = [...files].map((file) => join('node_modules', packageOf(file.slice('node_modules/'.length))))
  return [...files, ...folders.flatMap((folder) => [join(folder, 'package.json'), join(folder, 'LICENSE')])]
}

/** Packages lie side by side in node_modules; where one brought its own copy of another, this would say so. */
function fileOf(name: string): string {
  const file = relative(root, fileURLToPath(import.meta.resolve(name)))
  if (!file.startsWith('node_modules/')) throw new Error(`${name} is ${file}, outside node_modules`)
  return file
}

function importsOf(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '')
  const from = /(?:^|;)(?:import|export)\b[^'"=;()]*?\bfrom\s*['"]([^'"]+)['"]|(?:^|;)import\s*['"]([^'"]+)['"]/gm
  return [...code.matchAll(from)]
    .map(([, name, bare]) => name ?? bare ?? '')
    .filter((name) => !name.startsWith('node:'))
}

function packageOf(name: string): string {
  return name.split('/', name.startsWith('@') ? 2 : 1).join('/')
}

if (process.argv[1] === import.meta.filename) process.stdout.write(`${imageFiles().join('\n')}\n`)
