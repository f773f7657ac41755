/** How many connections there are, and which one is taken, tells of settings and dice alone. privacy.md 2.6, 4.5, P12; OHTTP-R8. */
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { fromUtf8, utf8 } from '../../../shared/bytes.ts'
import { createBag } from '../../../shared/upstream/bag.ts'
import { collect } from '../../../shared/upstream/exchange.ts'
import { poolTo, type PoolOptions, type UpstreamPool } from '../../../shared/upstream/node.ts'
import { until, wait } from '../../relay/harness.ts'

type Visit = { readonly client: string; readonly connection: number }
type Town = UpstreamPool & { readonly sockets: Socket[]; readonly visits: Visit[]; readonly asked: string[] }
type Handler = (content: string, response: ServerResponse) => void

const echo: Handler = (content, response) => void response.end(content)

/** An upstream that notes whose request came on which connection: the content is the client's name. */
async function town(options: Partial<PoolOptions> = {}, handler = echo, port = 0): Promise<Town & { port: number }> {
  const sockets: Socket[] = []
  const visits: Visit[] = []
  const asked: string[] = []
  const server = createServer((request: IncomingMessage, response) => {
    let content = ''
    asked.push(`${request.method ?? ''} ${request.url ?? ''} ${request.rawHeaders.slice(4).join(' ')}`)
    request.on('data', (part: Buffer) => (content += fromUtf8(part)))
    request.on('end', () => {
      if (request.method === 'POST') visits.push({ client: content, connection: sockets.indexOf(request.socket) })
      handler(content, response)
    })
  })
  server.keepAliveTimeout = 60_000
  server.on('connection', (socket) => sockets.push(socket))
  await once(server.listen(port, '127.0.0.1'), 'listening')
  const at = server.address() as AddressInfo
  const pool = poolTo({ origin: `http://127.0.0.1:${at.port}`, plaintextLoopback: true, every: 5, ...options })
  onTestFinished(async () => {
    await pool.close()
    server.closeAllConnections()
    server.close()
  })
  return { ...pool, sockets, visits, asked, port: at.port }
}

function ask({ forward }: UpstreamPool, client: string): Promise<unknown> {
  const body = utf8(client)
  return collect(forward, { method: 'POST', path: '/', fields: [], body }, 100).then((answer) =>
    typeof answer === 'string' ? answer : answer.status,
  )
}

describe('the number of connections', () => {
  test('is that of the settings before anybody comes', async () => {
    const pool = await town({ connections: 20 })
    await until(() => pool.sockets.length === 20 && pool.open() === 20)
    await wait(40)
    expect([pool.sockets.length, pool.asked]).toEqual([20, []])
  })

  test('P12: is the same after a new client came, and after a crowd did', async () => {
    const pool = await town({ connections: 4 })
    await until(() => pool.open() === 4)
    expect(await ask(pool, 'new')).toBe(200)
    expect(pool.sockets).toHaveLength(4)
    const crowd = Array.from({ length: 200 }, (_, n) => ask(pool, `client ${n}`))
    expect(new Set(await Promise.all(crowd))).toEqual(new Set([200]))
    await wait(40)
    expect([pool.sockets.length, new Set(pool.visits.map(({ connection }) => connection)).size]).toEqual([4, 4])
  })

  test('comes back by the clock when the other side ends some, and not because somebody asks', async () => {
    const pool = await town({ connections: 3, every: 2_000 })
    await until(() => pool.open() === 3)
    pool.sockets[0]?.destroy()
    pool.sockets[1]?.destroy()
    await until(() => pool.open() === 1)
    for (let n = 0; n < 5; n++) expect(await ask(pool, 'a')).toBe(200)
    expect(pool.sockets).toHaveLength(3)
    await until(() => pool.sockets.length === 5 && pool.open() === 3)
  })

  test('stays when connections are replaced by age, which spreads', async () => {
    const pool = await town({ connections: 12, lifetime: 400 })
    await until(() => pool.open() === 12 && pool.sockets.length === 12)
    const from = performance.now()
    const ends: number[] = []
    for (const socket of [...pool.sockets]) socket.once('close', () => ends.push(performance.now() - from))
    let most = 0
    while (ends.length < 12) {
      most = Math.max(most, pool.sockets.filter((socket) => !socket.destroyed).length)
      await wait(2)
    }
    // One may be gone for us and not yet for them.
    expect(most).toBeLessThanOrEqual(14)
    expect(Math.max(...ends) - Math.min(...ends)).toBeGreaterThan(40)
  })

  test('is none while nobody answers: everybody is told at once, one knocks for all, and it recovers by itself', async () => {
    const gone = createServer()
    await once(gone.listen(0, '127.0.0.1'), 'listening')
    const { port } = gone.address() as AddressInfo
    gone.close()
    const pool = poolTo({ origin: `http://127.0.0.1:${port}`, plaintextLoopback: true, connections: 2, every: 5 })
    onTestFinished(() => pool.close())
    expect([await ask(pool, 'a'), await ask(pool, 'b'), pool.open()]).toEqual(['broken', 'broken', 0])
    const back = await town({ connections: 1 }, echo, port)
    await until(() => pool.open() === 2)
    expect([await ask(pool, 'a'), back.visits.length]).toEqual([200, 1])
  })
})

describe('a connection that nobody uses', () => {
  test('is kept open by one constant question on a clock, each of them', async () => {
    const pool = await town({ connections: 3, keepOpen: true, idle: 30 })
    await until(() => pool.asked.length >= 9)
    expect(new Set(pool.asked)).toEqual(new Set(['GET /.well-known/ohttp-gateway accept application/ohttp-keys']))
    expect([pool.sockets.length, pool.active()]).toEqual([3, 0])
  })

  test('asks nothing where that is not wanted', async () => {
    const pool = await town({ connections: 3, idle: 1 })
    await until(() => pool.open() === 3)
    await wait(60)
    expect(pool.asked).toEqual([])
  })

  test('and that is spoken to without a question is not used', async () => {
    const pool = await town({ connections: 1, every: 20 })
    await until(() => pool.open() === 1)
    pool.sockets[0]?.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil')
    await until(() => pool.open() === 0)
    expect(await ask(pool, 'a')).toBe(200)
    expect(pool.sockets).toHaveLength(2)
  })
})

/** P(same connection | same client) - P(same connection | another client), over all pairs of visits. */
function delta(visits: readonly Visit[]): number {
  const count = { same: [0, 0], other: [0, 0] }
  visits.forEach((one, at) => {
    for (const two of visits.slice(at + 1)) {
      const pairs = one.client === two.client ? count.same : count.other
      pairs[0] = (pairs[0] ?? 0) + 1
      if (one.connection === two.connection) pairs[1] = (pairs[1] ?? 0) + 1
    }
  })
  const share = ([pairs = 1, joint = 0]: number[]): number => joint / pairs
  return share(count.same) - share(count.other)
}

describe('privacy.md 2.6: 1,024 requests of 64 clients, one client after the other, while long answers come and go', () => {
  const load = async (dice?: PoolOptions['dice']): Promise<readonly Visit[]> => {
    const held: ServerResponse[] = []
    const pool = await town({ connections: 16, ...(dice === undefined ? {} : { dice }) }, (content, response) => {
      if (content === 'long') held.push(response)
      else response.end(content)
    })
    await until(() => pool.open() === 16)
    for (let client = 0; client < 64; client++) {
      void ask(pool, 'long')
      await until(() => held.length === Math.min(client + 1, 5))
      if (client >= 4) held.splice(randomInt(5), 1)[0]?.end()
      for (let n = 0; n < 16; n++) await ask(pool, `client ${client}`)
    }
    for (const response of held) response.end()
    return pool.visits.filter(({ client }) => client !== 'long')
  }

  test('which connection a request takes says nothing about its client', async () => {
    const visits = await load()
    expect(visits).toHaveLength(1024)
    expect(Math.abs(delta(visits))).toBeLessThanOrEqual(0.05)
  })

  test('the connection that was used last, instead, would be a mark of the client', async () => {
    expect(delta(await load((below) => below - 1))).toBeGreaterThan(0.05)
  })
})

describe('a bag', () => {
  test.each([
    [[], undefined],
    [['a'], 'a'],
    [['a', 'a', 'b'], 'b'],
  ])('of %j gives its last one to the highest throw: %j', (things, drawn) => {
    const bag = createBag<string>((below) => below - 1)
    for (const thing of things) bag.add(thing)
    expect(bag.draw()).toBe(drawn)
  })

  test('gives everything that is in it, about as often, and never what was taken out', () => {
    const bag = createBag<number>(randomInt)
    for (let n = 0; n < 10; n++) bag.add(n)
    for (const n of [9, 0, 4, 4]) bag.remove(n)
    const drawn = new Map<number | undefined, number>()
    for (let n = 0; n < 7_000; n++) {
      const thing = bag.draw()
      drawn.set(thing, (drawn.get(thing) ?? 0) + 1)
    }
    expect([...drawn.keys()].sort()).toEqual([1, 2, 3, 5, 6, 7, 8])
    // Eight standard deviations: 1,000 each, give or take 29.
    for (const count of drawn.values()) expect(Math.abs(count - 1_000)).toBeLessThan(240)
  })
})
