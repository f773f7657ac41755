import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { utf8 } from '../../../shared/bytes.ts'
import { collect, type UpstreamRequest } from '../../../shared/upstream/exchange.ts'
import { poolTo, type PoolOptions, type UpstreamPool } from '../../../shared/upstream/node.ts'

type Town = UpstreamPool & { readonly sockets: Socket[]; readonly held: (() => void)[]; readonly asked: string[] }

/** An upstream that answers nobody until it is told to, and says who came when. */
async function town(options: Partial<PoolOptions> = {}): Promise<Town> {
  const sockets: Socket[] = []
  const held: (() => void)[] = []
  const asked: string[] = []
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    asked.push(request.url ?? '')
    held.push(() => response.end('sealed'))
  })
  server.on('connection', (socket) => sockets.push(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const pool = poolTo({ origin: `http://127.0.0.1:${port}`, plaintextLoopback: true, every: 5, ...options })
  onTestFinished(async () => {
    await pool.close()
    server.closeAllConnections()
    server.close()
  })
  return { ...pool, sockets, held, asked }
}

const to = (path: string): UpstreamRequest => ({ method: 'POST', path, fields: [], body: utf8('opaque') })

const ask = ({ forward }: UpstreamPool, path: string): Promise<unknown> =>
  collect(forward, to(path), 100).then((answer) => (typeof answer === 'string' ? answer : answer.status))

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2))
}

async function answerAll(pool: Town, count: number): Promise<void> {
  for (let answered = 0; answered < count; answered++) {
    await until(() => pool.held.length > answered)
    pool.held[answered]?.()
  }
}

test('whoever finds every connection taken waits, is served in the order of arrival, and opens none', async () => {
  const pool = await town({ connections: 1 })
  const answers = ['/1', '/2', '/3', '/4'].map((path) => ask(pool, path))
  await answerAll(pool, 4)
  expect(await Promise.all(answers)).toEqual([200, 200, 200, 200])
  expect(pool.asked).toEqual(['/1', '/2', '/3', '/4'])
  expect(pool.sockets).toHaveLength(1)
})

test('beyond the queue everybody is refused as busy, and nobody once there is room again', async () => {
  const pool = await town({ connections: 1, queue: 1 })
  const served = [ask(pool, '/1'), ask(pool, '/2')]
  expect(await ask(pool, '/3')).toBe('busy')
  await answerAll(pool, 2)
  await Promise.all(served)
  const later = ask(pool, '/4')
  await answerAll(pool, 3)
  expect(await later).toBe(200)
  expect(pool.asked).toEqual(['/1', '/2', '/4'])
})

test('who waits too long is refused as busy, was never asked for, and makes room', async () => {
  const pool = await town({ connections: 1, queue: 1, wait: 60 })
  const first = ask(pool, '/1')
  await until(() => pool.held.length === 1)
  expect(await ask(pool, '/2')).toBe('busy')
  expect(pool.active()).toBe(1)
  const third = ask(pool, '/3')
  await answerAll(pool, 2)
  expect(await Promise.all([first, third])).toEqual([200, 200])
  await new Promise((resolve) => setTimeout(resolve, 80))
  expect(pool.asked).toEqual(['/1', '/3'])
})

test('what waited in time may take its time', async () => {
  const pool = await town({ connections: 1, wait: 60 })
  const answers = [ask(pool, '/1'), ask(pool, '/2')]
  await answerAll(pool, 1)
  await until(() => pool.held.length === 2)
  await new Promise((resolve) => setTimeout(resolve, 100))
  await answerAll(pool, 2)
  expect(await Promise.all(answers)).toEqual([200, 200])
})

test('who lets go while waiting is never asked for, and makes room', async () => {
  const pool = await town({ connections: 1, queue: 1 })
  const first = ask(pool, '/1')
  const silent = (): void => undefined
  const outcome = await new Promise((resolve) => {
    pool.forward(to('/2'), { head: silent, data: silent, end: silent, fail: resolve }).abort()
  })
  expect([outcome, pool.active()]).toEqual(['broken', 1])
  const third = ask(pool, '/3')
  await answerAll(pool, 2)
  expect(await Promise.all([first, third])).toEqual([200, 200])
  expect(pool.asked).toEqual(['/1', '/3'])
})

test('a connection let go in the middle of an exchange is replaced for whoever waits', async () => {
  const pool = await town({ connections: 1 })
  const silent = (): void => undefined
  const flow = pool.forward(to('/1'), { head: silent, data: silent, end: silent, fail: silent })
  await until(() => pool.held.length === 1)
  const second = ask(pool, '/2')
  flow.abort()
  await answerAll(pool, 2)
  expect(await second).toBe(200)
  expect([pool.sockets.length, pool.active()]).toEqual([2, 0])
})

test('connections that cannot be had free their places', async () => {
  const gone = createServer()
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve))
  const { port } = gone.address() as AddressInfo
  await new Promise((resolve) => gone.close(resolve))
  const pool = poolTo({ origin: `http://127.0.0.1:${port}`, plaintextLoopback: true, connections: 2, queue: 4 })
  onTestFinished(() => pool.close())
  for (let round = 0; round < 3; round++) {
    const outcomes = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => ask(pool, `/${n}`)))
    expect(new Set(outcomes)).toEqual(new Set(['broken']))
  }
  expect(pool.active()).toBe(0)
})

test('what undici refuses to send fails and leaves the place free', async () => {
  const pool = await town({ connections: 1 })
  expect(await ask(pool, 'not a path')).toBe('broken')
  expect(await ask(pool, '/a path')).toBe('broken')
  const good = ask(pool, '/good')
  await answerAll(pool, 1)
  expect([await good, pool.asked]).toEqual([200, ['/good']])
})

test('an answer that ends its connection costs nobody else theirs', async () => {
  const pool = await town({ connections: 1 })
  const first = ask(pool, '/1')
  const second = ask(pool, '/2')
  await until(() => pool.held.length === 1)
  pool.held[0]?.()
  pool.sockets[0]?.end()
  await until(() => pool.held.length === 2)
  pool.held[1]?.()
  expect(await Promise.all([first, second])).toEqual([200, 200])
  expect(pool.asked).toEqual(['/1', '/2'])
})

test('by age a connection is replaced between exchanges, never within one', async () => {
  const pool = await town({ connections: 1, lifetime: 20 })
  const first = ask(pool, '/1')
  await until(() => pool.held.length === 1)
  const second = ask(pool, '/2')
  await new Promise((resolve) => setTimeout(resolve, 40))
  await answerAll(pool, 2)
  expect(await Promise.all([first, second])).toEqual([200, 200])
  expect(pool.sockets).toHaveLength(2)
})

test('closing ends what is under way, what waits, and what comes later', async () => {
  const pool = await town({ connections: 1 })
  const outcomes = [ask(pool, '/1'), ask(pool, '/2')]
  await until(() => pool.held.length === 1)
  await pool.close()
  expect(await Promise.all(outcomes)).toEqual(['broken', 'broken'])
  expect(await ask(pool, '/3')).toBe('broken')
  expect(pool.active()).toBe(0)
})
