/** The recipe of the CVM's image: the same bytes from everybody, other bytes for any change, and an agent that runs in it. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lists } from '../house/image-files.ts'
import { root } from '../house/walk.ts'
import { standIn } from './buildah.ts'

const run = promisify(execFile)
const needed = ['/usr/bin/mksquashfs', '/usr/sbin/veritysetup', '/usr/bin/unsquashfs']
const missing = process.getuid?.() === 0 ? needed.find((file) => !existsSync(file)) : 'needs root'
if (missing !== undefined) process.stderr.write(`skipped: CVM image (${missing})\n`)

const script = join(root, 'deploy/gateway/cvm/image/build.sh')
const settings = join(root, 'deploy/gateway/cvm/sev-snp.json')
const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex')

describe.skipIf(missing !== undefined)('the recipe', () => {
  const folder = mkdtempSync(join(tmpdir(), 'asunder-cvm-'))
  const base = join(folder, 'base')
  const node = join(base, 'usr/local/bin/node')
  const digests: string[] = []

  beforeAll(() => {
    standIn(base, { npm: false })
    appAt('app', 'exec node server.js')
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  function appAt(name: string, line: string): string {
    const app = join(folder, name)
    mkdirSync(app, { recursive: true })
    writeFileSync(join(app, 'start'), `#!/bin/sh\n${line}\n`)
    chmodSync(join(app, 'start'), 0o755)
    return app
  }

  async function built(name: string, changes: Record<string, string> = {}): Promise<Record<string, string>> {
    const words = {
      base,
      node,
      'node-sha256': sha256(node),
      app: join(folder, 'app'),
      settings,
      out: join(folder, name),
      ...changes,
    }
    const args = Object.entries(words).flatMap(([option, value]) => [`--${option}`, value])
    const { stdout } = await run(script, args, { maxBuffer: 1 << 24 })
    return JSON.parse(stdout) as Record<string, string>
  }

  test('two builders at two times, with other rights and times on their files, get the same image', async () => {
    const first = await built('first')
    const elsewhere = join(folder, 'elsewhere')
    cpSync(base, elsewhere, { recursive: true, verbatimSymlinks: true })
    const app = appAt('app-of-another', 'exec node server.js')
    utimesSync(join(app, 'start'), 1, 1)
    chmodSync(join(app, 'start'), 0o775)
    const second = await built('second', { base: elsewhere, app })
    expect(second).toEqual(first)
    expect(readFileSync(join(folder, 'second/cmdline'))).toEqual(readFileSync(join(folder, 'first/cmdline')))
    expect(readFileSync(join(folder, 'first/cmdline'), 'utf8')).toContain(` sha256 ${first['verity'] ?? '-'} `)
    digests.push(first['verity'] ?? '')
  }, 120_000)

  test('one changed byte is another root hash, and verity refuses the old one for it', async () => {
    const changed = await built('third', { app: appAt('changed', 'exec node server.mjs') })
    expect(digests).toHaveLength(1)
    expect(changed['verity']).not.toBe(digests[0])
    const verify = (hash: string): Promise<unknown> =>
      run('veritysetup', ['verify', join(folder, 'third/rootfs'), join(folder, 'third/rootfs.verity'), hash])
    await verify(changed['verity'] ?? '')
    await expect(verify(digests[0] ?? '')).rejects.toThrow('erification')
  }, 120_000)

  test('in it are the listed files and no others of ours, and the agent starts as far as its settings', async () => {
    const tree = join(folder, 'tree')
    await run('unsquashfs', ['-q', '-n', '-d', tree, join(folder, 'first/rootfs')], { maxBuffer: 1 << 24 })
    const { stdout } = await run('find', ['.', '-type', 'f'], { cwd: join(tree, 'asunder') })
    const found = stdout.trim().split('\n').map((file) => file.slice(2)) // prettier-ignore
    expect(found.sort()).toEqual([...(lists['deploy/gateway/cvm/image.files']?.() ?? []), 'init'].sort())
    cpSync(settings, join(tree, 'etc/asunder/settings.json'))
    writeFileSync(join(tree, 'etc/asunder/gateway-pins.txt'), `${'00'.repeat(32)}\n`)
    const agent = ['node', '/asunder/gateway/cvm/main.ts', 'config', 'check', '--config', '/etc/asunder/settings.json']
    const checked = await run('chroot', [tree, '/bin/env', '-i', 'PATH=/usr/local/bin:/bin', ...agent])
    expect(checked.stdout).toContain(sha256(settings))
  }, 60_000)

  test.each([
    ['another Node than was agreed on', { 'node-sha256': '00'.repeat(32) }, '--node-sha256: the program has'],
    ['an app without its program', { app: tmpdir() }, '--app: no program'],
    ['a folder that is there already', { out: tmpdir() }, '--out: name a folder'],
    ['no base', { base: '/nowhere' }, "--base: no folder '/nowhere'"],
  ])('%s is refused, by name', async (_, changes, says) => {
    await expect(built('refused', changes)).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining(says) as string,
    })
    expect(existsSync(join(folder, 'refused/rootfs'))).toBe(false)
  })
})

test('init fixes the arguments that the gateway’s page asks for', () => {
  const init = readFileSync(join(root, 'deploy/gateway/cvm/image/init'), 'utf8')
  const page = readFileSync(join(root, 'gateway/README.md'), 'utf8')
  const [, started = ''] = /```sh\nulimit -c 0\n([\s\S]*?)```/.exec(page) ?? []
  const flags = [...started.matchAll(/--[a-z-]+/g)].map(([flag]) => flag)
  expect(flags.length).toBeGreaterThan(8)
  expect([...new Set(flags)].filter((flag) => !init.includes(flag))).toEqual([])
})
