/** The question of a supervisor, put to a real private listener. */
import { afterEach, expect, test } from 'vitest'
import { createAdmin } from '../../../shared/observability/admin.ts'
import { askReady, tellReady } from '../../../shared/observability/ready.ts'
import { listen, type Listening } from '../../../shared/upstream/serve.ts'

const empty = { page: () => '', contentType: 'text/plain' }
let missing: string[] = []
let server: Listening | undefined

async function privateListener(): Promise<number> {
  const admin = createAdmin({ health: { missing: () => missing }, metrics: empty, flags: empty })
  server = await listen({ fetch: admin.fetch, host: '127.0.0.1', port: 0, plaintextLoopback: true })
  return server.port
}

afterEach(async () => {
  await server?.close(0)
  server = undefined
  missing = []
})

test('a service that is ready', async () => {
  const port = await privateListener()
  expect(await askReady({ host: '127.0.0.1', port })).toEqual({ ready: true, says: 'ready' })
})

test('a service that is not, and why', async () => {
  const port = await privateListener()
  missing = ['mirror', 'listening']
  expect(await askReady({ host: '127.0.0.1', port })).toEqual({ ready: false, says: 'not ready: mirror, listening' })
})

test('nobody there', async () => {
  const port = await privateListener()
  await server?.close(0)
  const { ready, says } = await askReady({ host: '127.0.0.1', port })
  expect([ready, says]).toEqual([false, `nobody answers on 127.0.0.1:${port} (admin.host, admin.port)`])
})

test('a port that nobody can know names the setting', async () => {
  expect((await askReady({ host: '::1', port: 0 })).says).toContain('admin.port is 0')
})

test.each([
  [[], 0],
  [['mirror'], 1],
])('with %j missing it exits with %d', async (missed, code) => {
  const port = await privateListener()
  missing = missed
  const said: string[] = []
  expect(await tellReady({ host: '127.0.0.1', port }, (line) => said.push(line))).toBe(code)
  expect(said).toHaveLength(1)
})
