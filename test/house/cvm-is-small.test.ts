import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { doors, imageFiles, packagesOf } from './cvm-image.ts'
import { root, walk } from './walk.ts'

const rooms =
  /^(gateway\/|shared\/(bytes\.ts|refusal\.ts|attestation\/|tlog\/|bhttp\/|hpke\/|ohttp\/|http\/|limits\/|launch\/|observability\/(digest|log|tally)\.ts$|shaping\/|store\/(store|shares)\.ts$|upstream\/))/
/** Of the gateway: what belongs to the machine outside, and above all the place where keys rest. */
const outside = /^gateway\/(main|service|config|admin|start|key-store|cvm-pool|publish)\.ts$/
const packages = ['@hono/node-server', '@noble/hashes', 'hono']
/** What starts other programs, loads other code, or opens the process. */
const reaching = /^node:(child_process|cluster|dgram|inspector|module|repl|test|vm|wasi|worker_threads)/

test('every door in gateway/cvm is walked', () => {
  expect(doors).toEqual(['gateway/cvm/main.ts', 'gateway/cvm/reporter/main.ts'])
})

describe.each(doors)('%s', (door) => {
  const reached = walk([door])

  test('walks a real house, not an empty one', () => {
    expect(reached.files.size).toBeGreaterThan(20)
  })

  test('reaches only the rooms that a CVM may hold', () => {
    expect([...reached.files].filter((file) => !rooms.test(file) || outside.test(file))).toEqual([])
  })

  test('reaches at most three packages, none of them YAML, zod or metrics', () => {
    expect(packagesOf(reached)).toContain('@noble/hashes')
    expect(packagesOf(reached).filter((name) => !packages.includes(name))).toEqual([])
    expect(packagesOf(walk(doors)).length).toBeLessThanOrEqual(3)
  })

  test('reaches nothing that starts programs, loads code or opens the process', () => {
    expect([...reached.bare].filter((name) => reaching.test(name))).toEqual([])
  })
})

test('the reporter, which is root, opens no message, speaks to no network, and needs one package', () => {
  const reached = walk(['gateway/cvm/reporter/main.ts'])
  const network = /^node:(https?|http2|tls|dns)/
  expect([...reached.bare].filter((name) => network.test(name))).toEqual([])
  expect(packagesOf(reached)).toEqual(['@noble/hashes'])
  expect([...reached.files].filter((file) => /^(gateway\/(?!cvm\/)|shared\/(hpke|ohttp|bhttp)\/)/.test(file))).toEqual(
    [],
  )
})

describe('the files of the image', () => {
  const files = imageFiles()

  test('are there, each once, in order, and run without anything from outside', () => {
    expect(files).toEqual([...new Set(files)].sort())
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([])
    expect(files).toContain('package.json')
    expect(files.filter((file) => file.endsWith('.test.ts') || file.startsWith('test/'))).toEqual([])
  })

  test.each(doors)('are all that %s loads', async (door) => {
    const loaded = (await loadedBy(door)).filter((file) => !files.includes(file))
    expect(loaded).toEqual([])
  })

  test('hold of each package what says how it is loaded, and its licence', () => {
    expect(files).toContain('node_modules/@noble/hashes/package.json')
    expect(files).toContain('node_modules/@noble/hashes/LICENSE')
    expect(files).toContain('node_modules/@noble/hashes/sha2.js')
    const others = files.filter((file) => file.startsWith('node_modules/'))
    expect(others.filter((file) => !packages.some((name) => file.startsWith(`node_modules/${name}/`)))).toEqual([])
    expect(files.filter((file) => /^node_modules\/.*\.(ts|map)$/.test(file))).toEqual([])
  })

  test('are what the script prints', async () => {
    const script = join(root, 'test/house/cvm-image.ts')
    const { stdout } = await promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', script])
    expect(stdout).toBe(`${files.join('\n')}\n`)
  })
})

/** What Node really asks for, types gone. */
async function loadedBy(door: string): Promise<string[]> {
  const hook = `
    import { registerHooks } from 'node:module'
    registerHooks({ load: (url, context, next) => {
      if (url.startsWith('file:')) process.stderr.write('LOADED ' + url + '\\n')
      return next(url, context)
    } })`
  const words = ['--import', `data:text/javascript,${encodeURIComponent(hook)}`, join(root, door), '--help']
  const { stderr } = await promisify(execFile)(process.execPath, words, { env: {} })
  return [...stderr.matchAll(/^LOADED (.+)$/gm)].map(([, url = '']) => new URL(url).pathname.slice(root.length + 1))
}
