/** The version before beside this one: two operators never upgrade in the same minute. deploy/UPGRADING.md. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPair, type Pair } from '../../deploy/local/pair/pair.ts'
import { startService, type Service } from '../../deploy/local/pair/service.ts'
import { root } from '../house/walk.ts'
import { ready } from './fleet.ts'
import { askOnce, clientOf, expectedAnswers } from './soak.ts'
import { hasBefore, unpackBefore, withoutNews } from './version-before.ts'

const there = hasBefore()
if (!there) process.stderr.write('skipped: neighbours (no history here)\n')

describe.skipIf(!there)('the version before', () => {
  let before: ReturnType<typeof unpackBefore>
  const started: Service[] = []
  let pair: Pair
  let expected: readonly string[]

  beforeAll(async () => {
    before = unpackBefore()
    pair = await startPair()
    expected = await expectedAnswers(pair)
  }, 60_000)

  afterAll(async () => {
    for (const service of started.reverse()) await service.stop()
    await pair.stop()
    before.remove()
  }, 30_000)

  type Settings = { listen: { port: number }; routes?: { gateway: string }[]; cvm?: { port: number } }

  /** One more process of a kind beside the pair's own, with its settings but for what `change` does; gives its port. */
  async function beside(
    kind: 'relay' | 'gateway' | 'cvm',
    from: string,
    change: (settings: Settings) => void,
  ): Promise<number> {
    const door = { relay: 'relay/main.ts', gateway: 'gateway/main.ts', cvm: 'gateway/cvm/main.ts' }[kind]
    const folder = join(pair.folder, kind)
    const settings = JSON.parse(readFileSync(join(folder, 'settings.json'), 'utf8')) as Settings
    change(settings)
    const file = join(folder, `beside-${String(started.length)}.json`)
    writeFileSync(file, JSON.stringify(from === root ? settings : withoutNews(settings)), { mode: 0o600 })
    mkdirSync(join(pair.folder, 'logs'), { recursive: true })
    const logFile = join(pair.folder, 'logs', `${kind}-${String(started.length)}.log`)
    const service = startService({ name: kind, door: join(from, door), args: ['--config', file], logFile })
    started.push(service)
    const said = await service.event(kind === 'cvm' ? 'listening' : 'started')
    if (kind !== 'cvm') await ready(Number(said['adminPort']))
    return Number(said['port'])
  }

  const toGateway = (port: number) => (settings: Settings) => {
    for (const route of settings.routes ?? [])
      route.gateway = `https://127.0.0.1:${String(port)}/.well-known/ohttp-gateway`
  }

  async function answered(relay: number): Promise<void> {
    const fetch = clientOf({ ...pair, relay: new URL(`http://127.0.0.1:${String(relay)}/`) })
    expect(await askOnce(fetch, 0, false)).toBe(expected[0])
    expect(await askOnce(fetch, 1, true)).toBe(expected[1])
    await fetch.close()
  }

  test('its relay works with this gateway', async () => {
    await answered(await beside('relay', before.root, () => undefined))
  }, 40_000)

  test('its gateway works with this relay and this CVM', async () => {
    const gateway = await beside('gateway', before.root, () => undefined)
    await answered(await beside('relay', root, toGateway(gateway)))
  }, 40_000)

  test('its CVM works with this gateway', async () => {
    const cvm = await beside('cvm', before.root, () => undefined)
    const gateway = await beside('gateway', root, (settings) => {
      if (settings.cvm !== undefined) settings.cvm.port = cvm
    })
    await answered(await beside('relay', root, toGateway(gateway)))
  }, 40_000)
})
