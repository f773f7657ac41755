/** The monitor on logs: forks, rollbacks, split views, lists that nobody logged, and witnesses that fall silent. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  createDevelopmentLog,
  openDevelopmentLog,
  type DevelopmentLog,
} from '../../../../shared/development-log/log.ts'
import { utf8 } from '../../../../shared/bytes.ts'
import { serializeKeyConfigs } from '../../../../shared/ohttp/key-config.ts'
import { verifySignatures } from '../../../../shared/tlog/policy.ts'
import { newKey } from '../../../gateway/town.ts'
import { deployment, hostileRelay, hour, website, type Deployment } from './deployment.ts'

type Scene = Deployment & { readonly relayUrl: string; watch(...logs: string[]): ReturnType<Deployment['monitor']> }

/** A deployment whose bundle is logged, seen through one relay. */
async function scene(): Promise<Scene> {
  const it = await deployment()
  const relay = await hostileRelay(await it.publish())
  const watch: Scene['watch'] = async (...logs) => {
    relay.bundle = await it.bundle()
    return it.monitor(['--relay', relay.url, ...logs.flatMap((log) => ['--log', log])])
  }
  return Object.assign(it, { relayUrl: relay.url, watch })
}

/** A log with the same key, whose leaves are other ones; its folder is beside that of the first. */
async function twin({ log }: Deployment, size: number): Promise<DevelopmentLog> {
  const [folder, copy] = [join(log.published, '..'), join(log.published, '../../twin')]
  mkdirSync(copy)
  cpSync(join(folder, 'log.key'), join(copy, 'log.key'))
  const other = await openDevelopmentLog(copy)
  for (let at = 0; at < size; at++) other.add(utf8(`other leaf ${at}`))
  await other.checkpoint([])
  return other
}

const grow = async ({ log, witnesses }: Deployment, by: number): Promise<void> => {
  const size = log.add(utf8(`first of ${Math.random()}`))
  for (let at = 1; at < by; at++) log.add(utf8(`leaf ${size + at}`))
  await log.checkpoint(witnesses)
}

const pairs = ({ report }: Awaited<ReturnType<Scene['watch']>>): [string, string][] =>
  report.alarms.map(({ code, about }) => [code, about])

test('a log that grows is read from a folder and from the web, also over a full tile', async () => {
  const it = await scene()
  const web = await website(it.log.published)
  for (const by of [1, 3, 260]) {
    await grow(it, by)
    expect((await it.watch(it.log.published, web.url)).report.alarms).toEqual([])
  }
  expect(web.asked).toEqual(expect.arrayContaining(['/checkpoint', '/tile/0/000.p/2', '/tile/0/000']))
})

test('a partial tile that was dropped for the full one is read from that', async () => {
  const it = await scene()
  await grow(it, 2)
  const old = readFileSync(join(it.log.published, 'checkpoint'))
  await grow(it, 300)
  const web = await website(join(it.log.published, '../../pruned'))
  cpSync(it.log.published, web.folder, { recursive: true })
  writeFileSync(join(web.folder, 'checkpoint'), old)
  rmSync(join(web.folder, 'tile/0/000.p'), { recursive: true })
  const { report } = await it.watch(web.url)
  expect([report.alarms, report.logs]).toMatchObject([[], [{ size: 3 }]])
})

test('a key list that nobody logged, until somebody does', async () => {
  const it = await scene()
  const relay = await hostileRelay()
  const keys = serializeKeyConfigs([newKey(5).config])
  relay.bundle = await it.bundle({ serial: 8, keys })
  const args = ['--relay', relay.url, '--log', it.log.published]
  const { exit, report } = await it.monitor(args)
  expect([exit, report.alarms]).toMatchObject([1, [{ code: 'keys-unlogged', about: relay.url }]])
  await it.logged(keys)
  expect((await it.monitor(args)).codes).toEqual([])
})

test('without leaves it is said that nobody looked', async () => {
  const it = await scene()
  const { exit, report } = await it.watch()
  expect([exit, report.notWatched]).toEqual([0, [expect.stringContaining('the leaves of none were read')]])
  const front = await deployment({ logs: [], witnesses: [], quorum: 0 })
  await front.publish()
  const other = await front.monitor(['--relay', front.gateway])
  expect(other.report.notWatched).toEqual(['whether key lists are logged: the trust root names no log'])
})

test('TL-9: a fork is caught from round to round, with both notes, and stands when the log looks well again', async () => {
  const it = await scene()
  await grow(it, 4)
  const web = await website(it.log.published)
  expect((await it.watch(web.url)).codes).toEqual([])
  const before = it.log.latest()
  const other = await twin(it, 9)
  web.folder = other.published
  const { exit, report } = await it.watch(web.url)
  const fork = report.alarms.find(({ code }) => code === 'log-forked')
  expect([exit, fork?.about, fork?.detail]).toEqual([1, web.url, `9 leaves do not contain the 5 seen at ${web.url}`])
  expect(fork?.notes).toEqual([before, other.latest()])
  web.folder = it.log.published
  expect(pairs(await it.watch(web.url))).toEqual([['log-forked', web.url]])
  other.close()
})

test('what contradicts is not believed: the fork is caught again from the tree that was seen first', async () => {
  const it = await scene()
  await grow(it, 4)
  const web = await website(it.log.published)
  await it.watch(web.url)
  const other = await twin(it, 9)
  web.folder = other.published
  await it.watch(web.url)
  expect(readFileSync(it.state, 'utf8')).toContain(JSON.stringify(it.log.latest()))
  other.add(utf8('one more'))
  await other.checkpoint([])
  const { report } = await it.watch(web.url)
  expect(report.alarms.find(({ code }) => code === 'log-forked')?.detail).toContain('10 leaves do not contain the 5')
  other.close()
})

test('TL-9: a split view between two places at one time', async () => {
  const it = await scene()
  await grow(it, 4)
  const other = await twin(it, 5)
  const [here, there] = [it.log.published, await website(other.published)]
  const found = await it.watch(here, there.url)
  expect(pairs(found)).toEqual(
    expect.arrayContaining([
      ['split-view', here],
      ['split-view', there.url],
    ]),
  )
  const [alarm] = found.report.alarms.filter(({ code }) => code === 'split-view')
  expect(alarm?.notes?.toSorted()).toEqual([it.log.latest(), other.latest()].toSorted())
  for (const note of alarm?.notes ?? []) {
    expect((await verifySignatures(note, { logs: [it.log], witnesses: [] })).size).toBe(5)
  }
  other.close()
})

test('trees of different sizes at two places are a fork only if one does not contain the other', async () => {
  const it = await scene()
  const web = await website(join(it.log.published, '../../earlier'))
  cpSync(it.log.published, web.folder, { recursive: true })
  await grow(it, 4)
  expect((await it.watch(it.log.published, web.url)).codes).toEqual([])
  const other = await twin(it, 3)
  web.folder = other.published
  expect(pairs(await it.watch(it.log.published, web.url))).toContainEqual(['log-forked', it.log.published])
  other.close()
})

test('a checkpoint that somebody passed on in a file is held against the log', async () => {
  const it = await scene()
  await grow(it, 4)
  const file = join(it.log.published, '../../passed-on.note')
  writeFileSync(file, it.log.latest() ?? '')
  await grow(it, 1)
  expect((await it.watch(it.log.published, file)).codes).toEqual([])
  const other = await twin(it, 5)
  writeFileSync(file, other.latest() ?? '')
  expect((await it.watch(it.log.published, file)).codes).toContain('log-forked')
  other.close()
})

test('a file alone shows no growth, and that is said', async () => {
  const it = await scene()
  const file = join(it.log.published, 'checkpoint')
  await it.watch(file)
  await grow(it, 1)
  expect((await it.watch(file)).report.notWatched).toContainEqual(expect.stringContaining('there are no tiles'))
})

test('a log that goes back is caught, also after a restart, and over when it is whole again', async () => {
  const it = await scene()
  const web = await website(join(it.log.published, '../../earlier'))
  cpSync(it.log.published, web.folder, { recursive: true })
  const earlier = web.folder
  await grow(it, 4)
  web.folder = it.log.published
  expect((await it.watch(web.url)).codes).toEqual([])
  web.folder = earlier
  const { report } = await it.watch(web.url)
  expect(report.alarms).toMatchObject([{ code: 'checkpoint-rolled-back', about: web.url, detail: '1 leaves after 5' }])
  web.folder = it.log.published
  expect((await it.watch(web.url)).codes).toEqual([])
})

test.each([
  [12, [], 0],
  [12.1, ['witnesses-late'], 1],
  [26, ['witnesses-late'], 1],
  [26.1, ['witness-quiet', 'witness-quiet', 'witnesses-stale'], 1],
  [98, ['witness-quiet', 'witness-quiet', 'witnesses-stale'], 1],
  [98.1, ['witness-quiet', 'witness-quiet', 'witnesses-silent'], 1],
])('trust.md 6: witnesses that last spoke %f h ago: %j', async (age, codes, exit) => {
  const it = await scene()
  it.clock += age * hour
  const found = await it.watch(it.log.published)
  expect([found.codes, found.exit]).toEqual([codes, exit])
})

test('the quorum is as old as the word that completed it, however young the others are', async () => {
  const it = await scene()
  const old = (await it.log.checkpoint(it.witnesses.slice(1))).split('\n').at(-2) ?? ''
  it.clock += 13 * hour
  const note = await it.log.checkpoint(it.witnesses.slice(0, 1))
  const file = join(it.log.published, '../../both.note')
  writeFileSync(file, `${note}${old}\n`)
  const { report } = await it.watch(file)
  expect(report.alarms).toMatchObject([{ code: 'witnesses-late', about: file }])
})

test('one witness that falls silent is named, though the quorum still stands', async () => {
  const it = await deployment({ quorum: 1 })
  const relay = await hostileRelay(await it.publish())
  const args = ['--relay', relay.url, '--log', it.log.published]
  const keys = serializeKeyConfigs([newKey(5).config])
  await it.logged(keys)
  expect((await it.monitor(args)).codes).toEqual([])
  it.clock += 27 * hour
  relay.bundle = await it.bundle({ serial: 8, keys })
  await it.log.checkpoint(it.witnesses.slice(0, 1))
  const found = await it.monitor(args)
  expect(found.report.alarms).toMatchObject([{ code: 'witness-quiet', about: 'development bob' }])
})

test('fewer operators than the root demands, and one that was never heard', async () => {
  const it = await scene()
  await it.log.checkpoint(it.witnesses.slice(0, 1))
  const { report } = await it.watch(it.log.published)
  expect(report.alarms).toMatchObject([
    { code: 'quorum-missing', detail: '1 of 2 witness operators' },
    { code: 'witness-quiet', about: 'development bob', detail: 'never seen' },
  ])
})

test('a witness ahead of our clock', async () => {
  const it = await scene()
  it.clock -= hour / 2
  expect((await it.watch(it.log.published)).codes).toEqual(['clock-behind'])
})

test.each<[string, (folder: string, it: Scene) => unknown, string, string]>([
  ['nothing there', (folder) => rmSync(folder, { recursive: true }), 'log-unread', ''],
  ['no tiles', (folder) => rmSync(join(folder, 'tile'), { recursive: true }), 'log-unread', 'no tile/0/000'],
  ['a short tile', (folder) => writeFileSync(join(folder, 'tile/0/000.p/1'), 'short'), 'log-unread', 'bad-hash-length'],
  [
    'another leaf',
    (folder) => writeFileSync(join(folder, 'tile/0/000.p/1'), Buffer.alloc(32)),
    'tiles-mismatch',
    '1 leaves',
  ],
  [
    'no checkpoint',
    (folder) => writeFileSync(join(folder, 'checkpoint'), '<html>'),
    'checkpoint-refused',
    'malformed-note',
  ],
  [
    'a checkpoint that was changed',
    (folder, { log }) => writeFileSync(join(folder, 'checkpoint'), (log.latest() ?? '').replace('\n1\n', '\n2\n')),
    'checkpoint-refused',
    'bad-signature',
  ],
])('a log with %s', async (_, damage, code, words) => {
  const it = await scene()
  const web = await website(join(it.log.published, '../../damaged'))
  cpSync(it.log.published, web.folder, { recursive: true })
  damage(web.folder, it)
  for (const place of [web.url, web.folder]) {
    const { exit, report } = await it.watch(place)
    expect([exit, report.alarms[0]]).toMatchObject([1, { code, about: place }])
    expect(report.alarms[0]?.detail).toContain(words)
  }
})

test('a log of another root', async () => {
  const it = await scene()
  const stranger = await createDevelopmentLog({ folder: join(it.log.published, '../../stranger'), name: 'stranger' })
  await stranger.checkpoint([])
  const { report } = await it.watch(stranger.published)
  expect(report.alarms).toMatchObject([{ code: 'checkpoint-refused', about: stranger.published }])
  stranger.close()
})
