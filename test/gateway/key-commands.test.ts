/** Keys by command: turned on one machine and used on others, rotated and revoked under the eyes of people who ask. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { gatewaySettings } from '../../gateway/config.ts'
import { changeKeys, type KeyCommand } from '../../gateway/key-commands.ts'
import { openGateway } from '../../gateway/service.ts'
import { readBundle } from '../../shared/attestation/bundle.ts'
import { decodeResponse } from '../../shared/bhttp/decode.ts'
import { nodeHpke } from '../../shared/hpke/node.ts'
import { sealRequest } from '../../shared/ohttp/request.ts'
import { root } from '../house/walk.ts'
import { freePort } from '../shared/upstream/free-port.ts'
import { askThrough, keyOf, place, worldOf } from './settled.ts'
import { binaryRequest, hello } from './town.ts'

type Offer = Awaited<ReturnType<typeof keyOf>>

async function replicas(count: number) {
  const at = await place(hello, {})
  const world = worldOf(at.folder)
  const bundle = { file: at.settings.bundle.file }
  const settingsOf = (more: object) => gatewaySettings(JSON.stringify({ ...at.settings, ...more }), 'test')
  const turner = settingsOf({ keys: { file: 'keys.json', lead: '1s' }, store: { kind: 'sqlite', file: 'turner.db' } })
  const command = (name: KeyCommand) => changeKeys(name, turner, world)
  await command('turn-keys')
  const urls: string[] = []
  for (let replica = 0; replica < count; replica++) {
    const store = { kind: 'sqlite', file: `claims-${String(replica)}.db` }
    const service = await openGateway(settingsOf({ keys: { from: 'keys.json' }, bundle, store }), worldOf(at.folder))
    onTestFinished(() => service.force())
    urls.push(`http://127.0.0.1:${String(service.port)}`)
  }
  for (const url of urls) await vi.waitFor(async () => expect((await askThrough(url)).inner?.status).toBe(200), 5_000)
  const serial = (): number => readBundle(readFileSync(join(at.folder, 'bundle.note'), 'utf8')).serial
  return { ...at, world, urls, command, serial, settingsOf }
}

/** The status of the plain answer, and of the sealed one if there was one. */
async function askWith(url: string, { config, suite }: Offer): Promise<(number | undefined)[]> {
  const sealed = await sealRequest(nodeHpke, config, suite, binaryRequest({ date: Date.now() }))
  const headers = { 'content-type': 'message/ohttp-req' }
  const outer = await fetch(url, { method: 'POST', headers, body: sealed.message })
  const message = new Uint8Array(await outer.arrayBuffer())
  if (outer.status !== 200) return [outer.status]
  return [200, decodeResponse(await sealed.openResponse(message)).status]
}

const idsAt = (urls: readonly string[]) => Promise.all(urls.map(async (url) => (await keyOf(url)).config.keyId))
const soon = { timeout: 15_000, interval: 200 }

describe('two gateways whose keys turn elsewhere', () => {
  test('offer the same list, and write none of their own', async () => {
    const { urls, folder } = await replicas(2)
    const [first, second] = await Promise.all(urls.map(keyOf))
    expect(first?.config).toEqual(second?.config)
    expect(existsSync(join(folder, 'claims-1.db'))).toBe(true)
  })

  test('rotate: both take the new list, and a request to the old one is still answered', async () => {
    const { urls, command, serial, world } = await replicas(2)
    const [old] = await Promise.all(urls.map(keyOf))
    const [oldId] = await idsAt(urls)
    await command('rotate-keys')
    expect(world.lines.filter(({ event }) => event.startsWith('keys-')).map(({ event }) => event)).toEqual([
      'keys-turned',
      'keys-rotated',
    ])
    // Made, but not offered yet: a replica that has not looked would not know it.
    expect(await idsAt(urls)).toEqual([oldId, oldId])
    await vi.waitFor(async () => {
      const ids = await idsAt(urls)
      expect(new Set(ids).size).toBe(1)
      expect(ids[0]).not.toBe(oldId)
    }, soon)
    const before = serial()
    await command('turn-keys')
    expect(serial()).toBe(before + 1)
    if (old === undefined) throw new Error('no list')
    for (const url of urls) expect(await askWith(url, old)).toEqual([200, 200])
    for (const url of urls) expect((await askThrough(url)).inner?.status).toBe(200)
  }, 40_000)

  test('a second rotation is refused while the list before is in people’s hands, and says until when', async () => {
    const { urls, command, folder } = await replicas(1)
    const [oldId] = await idsAt(urls)
    await command('rotate-keys')
    await vi.waitFor(async () => expect((await idsAt(urls))[0]).not.toBe(oldId), soon)
    const keys = readFileSync(join(folder, 'keys.json'), 'utf8')
    await expect(command('rotate-keys')).rejects.toThrow(/until \d{4}-.*revoke-keys/)
    expect(readFileSync(join(folder, 'keys.json'), 'utf8')).toBe(keys)
  }, 40_000)

  test('revoke: what was sealed to the keys before is opened by nobody, and new keys are on offer', async () => {
    const { urls, command, serial, world } = await replicas(2)
    const [old] = await Promise.all(urls.map(keyOf))
    if (old === undefined) throw new Error('no list')
    const before = serial()
    await command('revoke-keys')
    expect(world.lines).toContainEqual(expect.objectContaining({ event: 'keys-revoked' }))
    expect(serial()).toBe(before + 1)
    await vi.waitFor(async () => {
      for (const url of urls) expect(await askWith(url, old)).toEqual([400])
    }, soon)
    for (const url of urls) expect((await askThrough(url)).inner?.status).toBe(200)
  }, 40_000)
})

describe('one gateway whose keys turn in it', () => {
  test('finds what a command did to its file', async () => {
    const at = await place(hello, { keys: { file: 'keys.json' }, store: { kind: 'sqlite', file: 'claims.db' } })
    const settings = gatewaySettings(JSON.stringify(at.settings), 'test')
    const service = await openGateway(settings, worldOf(at.folder))
    onTestFinished(() => service.force())
    const url = `http://127.0.0.1:${String(service.port)}`
    await vi.waitFor(async () => expect((await askThrough(url)).inner?.status).toBe(200), 5_000)
    const old = await keyOf(url)
    await changeKeys('revoke-keys', settings, worldOf(at.folder))
    await vi.waitFor(async () => expect(await askWith(url, old)).toEqual([400]), soon)
    expect((await askThrough(url)).inner?.status).toBe(200)
  }, 30_000)

  test('keys in memory alone are not a command’s to change, and it says what to do', async () => {
    const at = await place()
    const settings = gatewaySettings(JSON.stringify(at.settings), 'test')
    await expect(changeKeys('revoke-keys', settings, worldOf(at.folder))).rejects.toThrow(
      /set keys\.file.*starting it anew/,
    )
  })
})

const isRoot = process.getuid?.() === 0
if (!isRoot) process.stderr.write('skipped: a command of root beside a gateway of somebody else (not root)\n')

describe.skipIf(!isRoot)('a gateway of one user and commands of another (needs root)', () => {
  const service = { uid: 65501, gid: 65501 }
  const files = { keys: { file: 'keys.json' }, store: { kind: 'sqlite', file: 'claims.db' } }
  const door = (folder: string, ...command: string[]) => [
    '--disable-warning=ExperimentalWarning',
    join(root, 'gateway/main.ts'),
    ...command,
    '--config',
    join(folder, 'settings.json'),
  ]

  /** Everything there, the folder too, is the service's, which serves from it as a process of its own. */
  async function served() {
    const adminPort = await freePort()
    const { folder, settings } = await place(hello, { ...files, admin: { port: adminPort } })
    const port = await freePort()
    writeFileSync(join(folder, 'settings.json'), JSON.stringify({ ...settings, listen: { ...settings.listen, port } }))
    for (const name of ['.', ...readdirSync(folder)]) chownSync(join(folder, name), service.uid, service.gid)
    const gateway = spawn(process.execPath, door(folder), { ...service, stdio: 'ignore' })
    onTestFinished(async () => {
      gateway.kill('SIGKILL')
      if (gateway.exitCode === null && gateway.signalCode === null) await once(gateway, 'exit')
    })
    const [url, admin] = [`http://127.0.0.1:${String(port)}`, `http://127.0.0.1:${String(adminPort)}`]
    await vi.waitFor(async () => expect((await fetch(`${admin}/readyz`)).status).toBe(200), soon)
    return { folder, url, readyz: async () => (await fetch(`${admin}/readyz`)).text() }
  }

  test('root revokes: the files stay the service’s, and it obeys', async () => {
    const { folder, url } = await served()
    const old = await keyOf(url)
    const { status, stderr } = spawnSync(process.execPath, door(folder, 'revoke-keys'), { encoding: 'utf8' })
    expect([status, stderr]).toEqual([0, ''])
    for (const name of ['keys.json', 'bundle.note', 'bundle.note.serial', 'claims.db']) {
      expect(statSync(join(folder, name)), name).toMatchObject(service)
    }
    await vi.waitFor(async () => expect(await askWith(url, old)).toEqual([400]), soon)
    expect((await askThrough(url)).inner?.status).toBe(200)
  }, 60_000)

  test('a key file that was taken away from it is named by /readyz', async () => {
    const { folder, readyz } = await served()
    chownSync(join(folder, 'keys.json'), 0, 0)
    await vi.waitFor(async () => expect(await readyz()).toBe('not ready: keys\n'), soon)
    chownSync(join(folder, 'keys.json'), service.uid, service.gid)
    await vi.waitFor(async () => expect(await readyz()).toBe('ready\n'), soon)
  }, 60_000)
})
