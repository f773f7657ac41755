/** A gateway whose memory of requests is a server: it opens nothing that it could not remember. OHTTP-G21, wire.md "Replay". */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { gatewaySettings } from '../../gateway/config.ts'
import { openGateway } from '../../gateway/service.ts'
import { redisIsHere, startRedis } from '../shared/store/redis.ts'
import { freePort } from '../shared/upstream/free-port.ts'
import { askThrough, opened, place, worldOf } from './settled.ts'

const at = (port: number, more: object = {}) => ({
  store: { kind: 'valkey', valkey: { host: '127.0.0.1', port, tls: false, timeout: 300, ...more } },
})

test('without its server it is not ready, says so, and answers sealed that it cannot', async () => {
  const { folder, settings } = await place(undefined, at(await freePort()))
  const world = worldOf(folder)
  const service = await openGateway(gatewaySettings(JSON.stringify(settings), 'test'), world)
  onTestFinished(() => service.force())
  const url = `http://127.0.0.1:${service.port}`
  const missing = async () => (await fetch(`http://127.0.0.1:${service.adminPort}/readyz`)).text()
  await vi.waitFor(async () => expect(await missing()).not.toContain('attested-cvm'), 5_000)
  expect(await missing()).toContain('store')
  expect(world.lines).toContainEqual({ level: 'warn', event: 'store', state: 'away' })
  const { inner } = await askThrough(url)
  expect(inner?.status).toBe(503)
})

describe.skipIf(!redisIsHere)('with its server', () => {
  test('it serves, with the password of a file', async () => {
    const redis = await startRedis(['--requirepass', 'from-a-file'])
    onTestFinished(() => redis.stop())
    const { folder, settings } = await place(undefined, at(redis.port, { password: 'valkey.password' }))
    writeFileSync(join(folder, 'valkey.password'), 'from-a-file\n', { mode: 0o600 })
    const world = worldOf(folder)
    const service = await openGateway(gatewaySettings(JSON.stringify(settings), 'test'), world)
    onTestFinished(() => service.force())
    await vi.waitFor(async () => {
      expect((await fetch(`http://127.0.0.1:${service.adminPort}/readyz`)).status).toBe(200)
    }, 5_000)
    expect((await askThrough(`http://127.0.0.1:${service.port}`)).inner?.status).toBe(200)
  })

  test('it stops serving when the server has lost its memory', async () => {
    const redis = await startRedis()
    onTestFinished(() => redis.stop())
    const { url, lines } = await opened(undefined, at(redis.port))
    expect((await askThrough(url)).inner?.status).toBe(200)
    redis.cli('FLUSHALL')
    expect((await askThrough(url)).inner?.status).toBe(503)
    expect(lines).toContainEqual({ level: 'warn', event: 'store', state: 'forgot' })
  })
})

test.each(['', '\n', 'two\nlines\n'])('a file with %j is no password', async (text) => {
  const { folder, settings } = await place(undefined, at(await freePort(), { password: 'valkey.password' }))
  writeFileSync(join(folder, 'valkey.password'), text, { mode: 0o600 })
  const opening = openGateway(gatewaySettings(JSON.stringify(settings), 'test'), worldOf(folder))
  await expect(opening).rejects.toThrow('it is not one line')
})
