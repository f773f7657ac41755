/** A development log and its witnesses through the command alone: every step a process of its own, memory on the disk. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseKey } from '../../../shared/tlog/key.ts'
import { main } from '../../../shared/client/commands/main.ts'
import { operator } from './operator.ts'
import { asunder, type Ended } from './shell.ts'
import { newTerminal } from './terminal.ts'

let folder: string
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'asunder-log-'))))
afterEach(() => rm(folder, { recursive: true }))

const log = (...args: string[]): Promise<Ended> => asunder(['log', ...args], { folder })

async function done(...args: string[]): Promise<string> {
  const { code, out, err } = await log(...args)
  expect([code, err.replace(/^.*ExperimentalWarning[^]*$/, '')]).toEqual([0, ''])
  return out
}

const file = (name: string, data: string): Promise<void> => writeFile(join(folder, name), data)

/** A log with two witnesses of different kinds and a root that names them. */
async function made(): Promise<void> {
  const key = (await done('init', 'log', '--name', 'example')).trim()
  const ada = (await done('witness', 'init', 'ada', '--name', 'ada', '--log', key)).trim()
  const bob = (await done('witness', 'init', 'bob', '--name', 'bob', '--log', key, '--kind', 'ml-dsa-44')).trim()
  const { root } = await operator({
    logs: [{ origin: parseKey(key).name, key: parseKey(key) }],
    witnesses: [ada, bob].map((text, at) => ({ operator: `development ${at}`, key: parseKey(text) })),
    quorum: 2,
  })
  await file('root.note', root)
}

test('from a leaf to a proof that may be relied on', async () => {
  await made()
  await file('one', 'asunder test leaf one')
  await file('two', 'asunder test leaf two')
  expect(await done('add', 'log', '--data', 'one')).toMatch(/^0 [0-9a-f]{64}\n$/)
  await file('old', await done('checkpoint', 'log', '--witness', 'ada', '--witness', 'bob'))
  expect(await done('add', 'log', '--data', 'two')).toMatch(/^1 /)
  await file('new', await done('checkpoint', 'log', '--witness', 'ada', '--witness', 'bob'))
  await file('two.proof', await done('prove', 'log', '--data', 'two'))
  expect(await done('verify', 'two.proof', '--data', 'two', '--trust', 'root.note')).toContain('may be relied on')
  const wrong = await log('verify', 'two.proof', '--data', 'one', '--trust', 'root.note')
  expect([wrong.code, wrong.out]).toEqual([1, expect.stringContaining('NOT to be relied on')])
  await file('growth', await done('prove', 'log', '--from', '1'))
  expect(await done('audit', 'old', 'new', '--proof', 'growth', '--trust', 'root.note')).toContain('CONSISTENT')
  expect((await log('audit', 'new', 'old', '--trust', 'root.note')).code).toBe(1)
})

test('TL-9, TL-10: a witness remembers over a restart, refuses another tree, and keeps both notes', async () => {
  await made()
  await file('one', 'one')
  await file('two', 'two')
  await done('add', 'log', '--data', 'one')
  await file('seen', await done('checkpoint', 'log', '--witness', 'ada'))
  // The same key over other leaves: what a log that lies would do.
  await rm(join(folder, 'log/log.db'))
  await done('add', 'log', '--data', 'two')
  await file('forked', await done('checkpoint', 'log'))
  await file('request', `old 1\n\n${await readFile(join(folder, 'forked'), 'utf8')}`)
  const refused = await log('witness', 'cosign', 'ada', 'request')
  expect([refused.code, refused.out]).toEqual([1, ''])
  expect(refused.err).toMatch(/^both checkpoints are in ada\/log-conflict-[0-9a-f]{16}\.json\n.*split-view/)
  const [evidence = ''] = (await readdir(join(folder, 'ada'))).filter((name) => name.startsWith('log-conflict'))
  const kept = JSON.parse(await readFile(join(folder, 'ada', evidence), 'utf8')) as Record<string, string>
  expect(kept).toMatchObject({ code: 'split-view', contradicting: await readFile(join(folder, 'forked'), 'utf8') })
  const audited = await log('audit', 'seen', 'forked', '--trust', 'root.note')
  expect([audited.code, audited.out]).toEqual([1, expect.stringContaining('SPLIT VIEW')])
  expect((await readdir(folder)).filter((name) => name.startsWith('log-conflict'))).toHaveLength(1)
})

test('a request may come through a pipe', async () => {
  await made()
  await file('one', 'one')
  await done('add', 'log', '--data', 'one')
  const request = `old 0\n\n${await done('checkpoint', 'log')}`
  const { code, out } = await asunder(['log', 'witness', 'cosign', 'ada', '-'], { folder, typed: request })
  expect([code, out]).toEqual([0, expect.stringMatching(/^— development-witness\.invalid\/ada \S+\n$/)])
})

test.each([
  ['add nowhere --data x', 'nowhere holds no development log; make one: asunder log init'],
  ['checkpoint log --witness nowhere', 'nowhere holds no development witness; make one: asunder log witness init'],
  ['init log --name example', 'log holds a log already; its key is never replaced'],
  ['witness init cyd --name dora --log log.example+00000000+AAAA', '--log: not the key of a log'],
  ['witness init cyd --name dora --log KEY', 'insecure-configuration: not a development log'],
  ['prove log --leaf HASH', 'no-proof'],
  ['init other --name log.example/x', '--name: a name has lower-case letters'],
])('log %s: says what to do, without a stack', async (line, words) => {
  const production = (await operator()).fields.rootKeys[0]?.text ?? ''
  await file('x', 'x')
  expect(await inside('init log --name example')).toEqual({ code: 0, err: '' })
  const { code, err } = await inside(line.replace('KEY', production).replace('HASH', 'ab'.repeat(32)))
  expect(code).toBeGreaterThan(0)
  expect(err).toContain(words)
  expect(err.trim().split('\n')).toHaveLength(1)
})

/** The same without a process. */
async function inside(line: string): Promise<{ code: number; err: string }> {
  const ours = /^(nowhere|log|x|cyd|other)$/
  const args = line.split(' ').map((word, at) => (at > 0 && ours.test(word) ? join(folder, word) : word))
  const terminal = newTerminal({ readFile: (path) => readFile(path) })
  const code = await main(['log', ...args], terminal)
  return { code, err: terminal.shown.err.replaceAll(`${folder}/`, '') }
}
