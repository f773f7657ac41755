/** The command as a shell meets it: real processes, real signals, and whichever Node stands in the PATH. */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readSigner } from '../../../shared/tlog/signer.ts'
import { asunder as inFolder, bin, type Ended, type Options } from './shell.ts'
import { town, type Town } from './town.ts'

/** An older Node of the machine, where there is one: the launcher must find the bundled one from there. */
const olderNode = ['/usr/bin/node', '/usr/local/bin/node'].find((path) => existsSync(path))

let pair: Town
let folder: string

beforeAll(async () => {
  pair = await town()
  folder = await mkdtemp(join(tmpdir(), 'asunder-command-'))
  await writeFile(join(folder, 'root.note'), pair.operator.root)
  pair.app = () => ({ headers: [['content-type', 'text/event-stream']], content: events() })
})

afterAll(async () => {
  await pair.close()
  await rm(folder, { recursive: true })
})

const asunder = (args: readonly string[], options: Partial<Options> = {}): Promise<Ended> =>
  inFolder(args, { folder, ...options })

const connection = (): string[] => [
  ...['--relay', pair.url, '--trust', 'root.note', '--placement', 'front', '--plaintext-loopback'],
]

test('asks, prints, remembers the serial beside the trust file, and exits with 0', async () => {
  const ended = await asunder(['ask', ...connection(), '--quiet', 'hello'])
  expect(ended).toEqual({ code: 0, out: 'One two\n', err: '' })
  expect(JSON.parse(await readFile(join(folder, 'root.note.front.seen'), 'utf8'))).toEqual({
    ...{ serial: 7, roots: [pair.operator.root] },
  })
})

test('--version is the package’s', async () => {
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string }
  expect(await asunder(['--version'])).toEqual({ code: 0, out: `${version}\n`, err: '' })
})

test('a usage error exits with 2 and leaves standard output empty', async () => {
  const { code, out, err } = await asunder(['ask', 'hello'])
  expect([code, out]).toEqual([2, ''])
  expect(err).toMatch(/^asunder: --relay is missing/)
})

test('whatever a file says, no terminal obeys it', async () => {
  const painted = '\u001b[2K\u001b[1A all checks held \u202edleh'
  await writeFile(join(folder, 'evil.json'), JSON.stringify({ [painted]: 1 }))
  const { code, out, err } = await asunder(['policy', 'explain', 'evil.json'])
  expect(code).toBe(1)
  expect(err).toContain('[1A all checks held')
  expect(`${out}${err}`).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/u)
})

test('a signing key lands in a file that only its owner reads, once', async () => {
  const { code, out } = await asunder(['trust', 'keygen', 'root.example/1'])
  const path = join(folder, 'root.example-1.skey')
  const before = await readFile(path, 'utf8')
  expect([code, out]).toEqual([0, `${(await readSigner(before.trim())).vkey}\n`])
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(await asunder(['trust', 'keygen', 'root.example/1'])).toMatchObject({ code: 1, out: '' })
  expect(await readFile(path, 'utf8')).toBe(before)
})

test('Ctrl-C in the middle of an answer exits with 130', async () => {
  pair.app = () => ({ headers: [['content-type', 'text/event-stream']], content: endless() })
  let told = false
  const once = (pid: number): boolean => told || (told = process.kill(pid, 'SIGINT'))
  const ended = await asunder(['ask', ...connection(), 'hello'], { onOut: once })
  expect(ended.code).toBe(130)
  expect(ended.out).toContain('tick')
})

if (olderNode === undefined) process.stderr.write('skipped: no older Node on this machine to start the launcher with\n')

test.skipIf(olderNode === undefined)('an older Node runs the command with the bundled one', async () => {
  expect(await asunder(['--version'], { node: olderNode ?? '' })).toMatchObject({ code: 0, err: '' })
  expect((await asunder(['tell'], { node: olderNode ?? '' })).code).toBe(2)
})

test.skipIf(olderNode === undefined)('an older Node without the bundled one says which it needs', async () => {
  const alone = join(folder, 'shared/client/bin.mjs')
  for (const room of ['client', 'config']) await mkdir(join(folder, 'shared', room), { recursive: true })
  await writeFile(alone, await readFile(bin))
  await writeFile(join(folder, 'shared/config/launcher.mjs'), await readFile('shared/config/launcher.mjs'))
  await symlink(resolve('shared/client/cli.ts'), join(folder, 'shared/client/cli.ts'))
  const { code, err } = await asunder(['--version'], { node: olderNode ?? '', script: alone })
  expect(code).toBe(1)
  expect(err).toMatch(/^asunder: needs Node 26 or newer; this is v\d+/)
})

async function* events(): AsyncGenerator<string> {
  yield 'data: {"choices":[{"delta":{"content":"One"}}]}\n\n'
  await new Promise((resolve) => setTimeout(resolve, 2))
  yield 'data: {"choices":[{"delta":{"content":" two"}}]}\n\ndata: [DONE]\n\n'
}

async function* endless(): AsyncGenerator<string> {
  for (;;) {
    yield 'data: {"choices":[{"delta":{"content":"tick "}}]}\n\n'
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
