import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from './walk.ts'

type Manifest = Record<'dependencies' | 'devDependencies' | 'optionalDependencies', Record<string, string>>
type Entry = { resolved?: string; integrity?: string; link?: boolean; hasInstallScript?: boolean; dev?: boolean }

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, Entry> }
const installed = Object.entries(lock.packages).filter(([path]) => path !== '')

test('every dependency is pinned exactly', () => {
  const all = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies }
  const loose = Object.entries(all).filter(([, version]) => !/^(npm:[^@]*@?[^@]+@)?\d+\.\d+\.\d+$/.test(version))
  expect(Object.keys(all).length).toBeGreaterThan(10)
  expect(loose).toEqual([])
})

test('the lock names no host and knows the digest of everything', () => {
  expect(installed.length).toBeGreaterThan(50)
  expect(installed.filter(([, entry]) => entry.resolved !== undefined).map(([path]) => path)).toEqual([])
  expect(installed.filter(([, entry]) => entry.integrity === undefined).map(([path]) => path)).toEqual([])
})

test('no runtime package runs a script when it is installed', () => {
  const scripted = installed.filter(([, entry]) => entry.hasInstallScript === true && entry.dev !== true)
  expect(scripted.map(([path]) => path)).toEqual([])
})

test.skipIf(!existsSync(join(root, '.git')))('the top level holds the agreed names and nothing else', () => {
  const agreed =
    /^(package(-lock)?\.json|tsconfig(\.\w+)?\.json|relay|gateway|shared|deploy|test|README\.md|SECURITY\.md|LICENSE|\..+|[a-z]+\.config\.(ts|js))$/
  const tracked = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).split('\n').filter(Boolean)
  const top = new Set(tracked.map((path) => path.split('/')[0] ?? ''))
  expect([...top].filter((name) => !agreed.test(name))).toEqual([])
})
