/** The operators' images: built from their recipes, searched, and run as a pair, each with its own root file system. */
import type { ChildProcess } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ask } from '../../deploy/local/demo/ask.ts'
import { startPair, type Pair } from '../../deploy/local/pair/pair.ts'
import { lists } from '../house/image-files.ts'
import { root } from '../house/walk.ts'
import { freePort } from '../shared/upstream/free-port.ts'
import { contained, images, missing, type Images } from './buildah.ts'

if (missing !== undefined) process.stderr.write(`skipped: images (${missing})\n`)

const services = ['relay', 'gateway'] as const
type Service = (typeof services)[number]
const user = 65532

describe('what the lists say', () => {
  test.each(Object.keys(lists))('%s is current; else: npm run image:files', (file) => {
    expect(readFileSync(join(root, file), 'utf8')).toBe(`${lists[file]?.().join('\n') ?? ''}\n`)
  })

  const listOf = (service: Service): string[] =>
    readFileSync(join(root, `deploy/${service}/image.files`), 'utf8')
      .trim()
      .split('\n')

  test('the relay’s holds nothing that opens a sealed message', () => {
    const opening =
      /^(gateway|shared\/(ohttp|bhttp|hpke|attestation|tlog|client))\/|^node_modules\/(hpke|@hpke|@noble\/(ciphers|curves))/
    expect(listOf('relay').filter((file) => opening.test(file))).toEqual([])
    expect(listOf('gateway').some((file) => opening.test(file))).toBe(true)
  })

  test('neither holds a door, a room or a setting of the other', () => {
    expect(listOf('relay').filter((file) => file.startsWith('gateway/'))).toEqual([])
    expect(listOf('gateway').filter((file) => file.startsWith('relay/'))).toEqual([])
  })
})

describe.skipIf(missing !== undefined)('built and run', () => {
  let made: Images
  let pair: Pair
  const at: Record<string, string> = {}
  const folder = mkdtempSync(join(tmpdir(), 'asunder-contained-'))
  const running: ChildProcess[] = []

  beforeAll(async () => {
    made = await images()
    for (const service of services) {
      at[service] = await made.mount(
        await made.build(`deploy/${service}/Containerfile`, `localhost/asunder-${service}`),
      )
    }
    pair = await startPair()
  }, 400_000)

  afterAll(async () => {
    await Promise.all(running.map((child) => stopped(child)))
    await pair.stop()
    made.remove()
    rmSync(folder, { recursive: true, force: true })
  }, 60_000)

  const place = (service: Service): string => at[service] ?? ''

  test.each(services)('%s: holds its list and nothing else of this house', (service) => {
    const listed = lists[`deploy/${service}/image.files`]?.() ?? []
    const files = globSync('**/*', { cwd: join(place(service), 'asunder'), withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(join(place(service), 'asunder').length + 1))
    const expected = (file: string): boolean => listed.some((line) => file === line || file.startsWith(`${line}/`))
    expect(files.filter((file) => !expected(file))).toEqual([])
    expect(listed.filter((line) => !files.some((file) => file === line || file.startsWith(`${line}/`)))).toEqual([])
  })

  test.each(services)('%s: nothing in it belongs to its user, and npm is gone', (service) => {
    const owned = globSync('asunder/**/*', { cwd: place(service) }).filter((file) => {
      const { uid, mode } = statSync(join(place(service), file))
      return uid === user || (mode & 0o022) !== 0
    })
    expect(owned).toEqual([])
    expect(globSync('usr/local/{bin,lib/node_modules}/*', { cwd: place(service) })).toEqual(['usr/local/bin/node'])
  })

  test.each(services)('%s: runs as nobody in particular, with a health check and a licence', async (service) => {
    const { config } = await made.inspect(`localhost/asunder-${service}`)
    expect(config['User']).toBe(`${user}:${user}`)
    expect(JSON.stringify(config['Healthcheck'])).toContain('"ready"')
    expect(config['Labels']).toMatchObject({ 'org.opencontainers.image.licenses': 'Apache-2.0' })
  })

  /** The settings of the local pair's own operator, with ports that the test knows, for a user who owns nothing else. */
  async function settled(
    service: Service,
    change: (settings: Settings) => void,
  ): Promise<{ home: string; port: number }> {
    const home = join(folder, service)
    cpSync(join(pair.folder, service), home, { recursive: true })
    const text = readFileSync(join(home, 'settings.json'), 'utf8').replaceAll(
      join(pair.folder, service),
      '/etc/asunder',
    )
    const settings = JSON.parse(text) as Settings
    settings.listen.port = await freePort()
    settings.admin = { port: await freePort() }
    // A record would need a place to write to, and this one is shown nothing but what it reads.
    if (service === 'relay') delete settings.audit
    change(settings)
    writeFileSync(join(home, 'settings.json'), JSON.stringify(settings))
    rmSync(join(home, 'bundle.note'), { force: true })
    for (const file of ['.', ...globSync('*', { cwd: home })]) chownSync(join(home, file), user, user)
    chmodSync(home, 0o700)
    return { home, port: settings.listen.port }
  }

  const command = ['--config', '/etc/asunder/settings.json']

  async function inside(service: Service, home: string, words: readonly string[] = []): Promise<ChildProcess> {
    const { config } = await made.inspect(`localhost/asunder-${service}`)
    const volumes = { '/etc/asunder': { from: home, writable: service === 'gateway' } }
    const whole = [...(config['Entrypoint'] as string[]), ...words, ...command]
    return contained({ at: place(service), user: `${user}:${user}`, volumes }, whole)
  }

  async function ready(service: Service, home: string): Promise<void> {
    const child = await inside(service, home)
    running.push(child)
    let said = ''
    child.stderr?.on('data', (data) => (said += String(data)))
    for (let looks = 0; looks < 60; looks++) {
      if (child.exitCode !== null) throw new Error(`${service} ended: ${said}`)
      const [code] = (await once(await inside(service, home, ['ready']), 'exit')) as [number]
      if (code === 0) return
    }
    throw new Error(`${service} never became ready: ${said}`)
  }

  test('together they answer a client', async () => {
    const gateway = await settled('gateway', () => undefined)
    await ready('gateway', gateway.home)
    const relay = await settled('relay', (settings) => {
      const [route] = settings.routes ?? []
      if (route !== undefined) route.gateway = `https://127.0.0.1:${gateway.port}/.well-known/ohttp-gateway`
    })
    await ready('relay', relay.home)
    const served = { trust: pair.trust, relay: new URL(`http://127.0.0.1:${relay.port}/`) }
    const message = 'The bakery opens at seven. Bread is sold out by nine. Come early.'
    const said = await ask({ pair: served, message, model: undefined, write: () => undefined })
    expect(message).toContain(said.trim().split('\n')[0]?.replace(/^- /, '') ?? 'nothing')
  }, 120_000)
})

type Settings = {
  listen: { port: number }
  admin?: { port: number }
  audit?: string
  routes?: { gateway: string }[]
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  await gone
}
