/** A whole relay of profile `mixed` from its settings: its metrics, and its end. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { relaySettings } from '../../relay/config.ts'
import { openRelay, type RelayService } from '../../relay/service.ts'
import { ask, complete, goodOnGrid, post, rawClient, rawGateway, until, type RawGateway } from './harness.ts'
import { body } from './mixed-harness.ts'

const tick = 400

async function mixed(tick: number): Promise<{ service: RelayService; gateway: RawGateway; clock: { ahead: number } }> {
  const gateway = await rawGateway(() => goodOnGrid)
  const clock = { ahead: 0 }
  const settings = {
    listen: { host: '127.0.0.1', port: 0, plaintextLoopback: true },
    routes: [{ gateway: `http://127.0.0.1:${gateway.port}`, plaintextLoopback: true }],
    profile: 'mixed',
    mixing: { tick },
    drain: '3s',
  }
  const service = await openRelay(relaySettings(JSON.stringify(settings), 'test'), {
    now: () => Date.now() + clock.ahead,
    salt: () => randomBytes(32),
    file: (path) => readFileSync(path),
    path: (name) => name,
    log: () => undefined,
  })
  onTestFinished(() => service.force())
  return { service, gateway, clock }
}

test('an end lets what waits leave on its tick, and waits for the answers', async () => {
  const { service, gateway } = await mixed(tick)
  const posts = (): number => gateway.heard.join('').match(/POST/g)?.length ?? 0
  // Early in a tick, so that there is time for an end before the next one.
  await until(() => Date.now() % tick < 40)
  const client = rawClient(service.port)
  client.socket.write(post({}, body(1)))
  await until(() => Date.now() % tick > 150)
  const closing = service.close()
  expect(posts()).toBe(0)
  await closing
  expect(posts()).toBe(1)
  await until(() => complete(client.heard()))
  expect(client.heard()).toContain('HTTP/1.1 200 OK')
})

test('OPS-2: what left together is counted in ticks, in tens and by whole minutes', async () => {
  const { service, clock } = await mixed(50)
  const page = (): Promise<string> => ask(service.adminPort, 'GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n')
  expect(await page()).toContain('profile="mixed"} 1')
  // Each size of a crowd is shown in tens of its own: of 28 ticks with one, two or three in it, ten are alike.
  for (let round = 0; round < 28; round++) {
    const clients = [1, 2, 3].map((name) => {
      const client = rawClient(service.port)
      client.socket.write(post({}, body(name)))
      return client
    })
    await until(() => clients.every(({ heard }) => complete(heard())))
  }
  const ticks = 'asunder_relay_tick_departures_count{direction="requests"}'
  expect(await page()).toContain(`${ticks} 0\n`)
  clock.ahead = 60_000
  await expect.poll(page, { timeout: 3_000 }).toMatch(new RegExp(`${ticks.replace(/[{}]/g, '\\$&')} [1-8]0\\n`))
}, 20_000)
