/** Everything that can go wrong between the gateway and the CVM, and what is left behind: nothing. */
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { utf8 } from '../../shared/bytes.ts'
import { Refusal } from '../../shared/refusal.ts'
import { AttestedConnection } from '../../gateway/attested-connection.ts'
import { bind } from '../../gateway/binding.ts'
import { type Handler, type Machine, until } from './cvm/machine.ts'
import {
  attestations,
  exchange,
  get,
  hello,
  leased,
  machineWith,
  post,
  readyPool,
  reasonOf,
  scripted,
  whole,
} from './cvm/pools.ts'

const sockets = (machine: Machine): Promise<number> =>
  new Promise((resolve, reject) => {
    machine.app.getConnections((error, count) => (error === null ? resolve(count) : reject(error)))
  })

describe('what goes wrong', () => {
  test('an app that does not answer, or stops, is slow', async () => {
    const machine = await machineWith({
      handler: (request, response) => {
        if (request.url === '/stops') response.write('beginning')
      },
    })
    const { pool } = await readyPool(machine, { connections: 2, limits: { firstByte: 100, stall: 100 } })
    const [one, two] = [leased(pool), leased(pool)]
    expect(await reasonOf(one.send(get('/silent')))).toBe('slow')
    const { body } = await two.send(get('/stops'))
    expect(await reasonOf(whole(body))).toBe('slow')
    one.release()
    two.release()
    await until(() => pool.lease() !== undefined, 'recovered')
  })

  test('a reader that never comes is let go', async () => {
    const machine = await machineWith({ handler: (_request, response) => void response.end(Buffer.alloc(8 << 20)) })
    const { pool } = await readyPool(machine, { limits: { stall: 100 } })
    const lease = leased(pool)
    const { body } = await lease.send(get('/'))
    await pause(250)
    expect(await reasonOf(whole(body))).toBe('slow')
    lease.release()
  })

  test('an app that dies before or in its answer', async () => {
    const machine = await machineWith({
      handler: (request, response) => {
        if (request.url === '/before') response.destroy()
        else response.write('x', () => setTimeout(() => response.destroy(), 20))
      },
    })
    const { pool } = await readyPool(machine)
    expect((await exchange(pool, get('/before'))).status).toBe(502)
    const lease = leased(pool)
    const { body } = await lease.send(get('/in'))
    expect(await reasonOf(whole(body))).toBe('unreachable')
    lease.release()
  })

  test('a content that breaks off gives its own error back, and the app sees no end', async () => {
    let ended = false
    const machine = await machineWith({
      handler: (request, response) => {
        request
          .resume()
          .on('end', () => (ended = true))
          .on('error', () => undefined)
        response.on('error', () => undefined)
      },
    })
    const pooled = await readyPool(machine)
    async function* broken() {
      yield utf8('a')
      await pause(20)
      throw new Refusal('incomplete', 'no final chunk')
    }
    const lease = leased(pooled.pool)
    await expect(lease.send(post(broken()))).rejects.toSatisfy((error) => (error as Refusal).code === 'incomplete')
    lease.release()
    await until(() => attestations(pooled) === 2, 'attested anew')
    expect(ended).toBe(false)
    const mistake = new Error('of ours')
    const faulty = { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(mistake) }) }
    const other = leased(pooled.pool)
    await expect(other.send(post(faulty))).rejects.toBe(mistake)
    other.release()
  })

  test('the signal ends an exchange before, while waiting, and in the answer', async () => {
    const told: (string | undefined)[] = []
    const handler: Handler = (request, response) => {
      response.on('close', () => told.push(request.url))
      if (request.url === '/streams') response.write('x')
    }
    const machine = await machineWith({ handler })
    const { pool } = await readyPool(machine, { connections: 3 })
    const reason = new Error('left')
    const early = leased(pool)
    await expect(early.send(get('/early'), AbortSignal.abort(reason))).rejects.toBe(reason)
    const waiting = leased(pool)
    const leaving = new AbortController()
    setTimeout(() => leaving.abort(reason), 50)
    await expect(waiting.send(get('/waits'), leaving.signal)).rejects.toBe(reason)
    const streaming = leased(pool)
    const later = new AbortController()
    const { body } = await streaming.send(get('/streams'), later.signal)
    setTimeout(() => later.abort(reason), 30)
    await expect(whole(body)).rejects.toBe(reason)
    // Before any lease is given back: the app learns it when it happens.
    await until(() => told.length === 2, 'the app was told')
    expect(told).toEqual(['/waits', '/streams'])
    expect(machine.reached).toEqual(['GET /waits', 'GET /streams'])
    for (const lease of [early, waiting, streaming]) lease.release()
  })

  test('leaving the loop over an answer ends the exchange, before the lease is given back', async () => {
    let told = false
    const machine = await machineWith({
      handler: (_request, response) => {
        response.write('x')
        response.on('close', () => (told = true))
      },
    })
    const { pool } = await readyPool(machine)
    const lease = leased(pool)
    const { body } = await lease.send(get('/'))
    for await (const piece of body) if (piece.length > 0) break
    await until(() => told, 'the app was told')
    lease.release()
  })

  test('a socket that ends between the sending and the connector fails the request, and is not dialled for ever', async () => {
    const machine = await machineWith({ handler: hello })
    const { origin, judge, role, clientTls } = machine
    const bound = await bind({ origin, judge, role, clientTls, limit: 2000 })
    const limits = { firstByte: 1000, stall: 1000 }
    const connection = new AttestedConnection({ ...bound, limits, now: Date.now })
    const { response } = connection.send(get('/'))
    bound.socket.destroy()
    expect(await reasonOf(response)).toBe('unreachable')
    expect(machine.reached).toEqual([])
  })

  test('an answer whose end could be cut off unnoticed is refused', async () => {
    const machine = await machineWith()
    const peer = await scripted(machine, (socket) => {
      socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhalf of it')
    })
    const { pool } = await readyPool(machine, { origin: { host: '127.0.0.1', port: peer.port } })
    const lease = leased(pool)
    expect(await reasonOf(lease.send(get('/')))).toBe('unreachable')
    lease.release()
  })

  test('a request is never sent twice, though the connection dies under it', async () => {
    const machine = await machineWith()
    let requests = 0
    const peer = await scripted(machine, (socket) => {
      requests += 1
      socket.destroy()
    })
    const { pool } = await readyPool(machine, { origin: { host: '127.0.0.1', port: peer.port } })
    const lease = leased(pool)
    expect(await reasonOf(lease.send(get('/')))).toBe('unreachable')
    lease.release()
    await pause(100)
    expect(requests).toBe(1)
  })

  test('bytes that nobody asked for end an idle connection', async () => {
    const machine = await machineWith()
    const peer = await scripted(machine, () => undefined)
    const pooled = await readyPool(machine, { origin: { host: '127.0.0.1', port: peer.port } })
    const [socket] = peer.accepted
    socket?.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil')
    await until(() => socket?.destroyed === true, 'ended')
    await until(() => attestations(pooled) === 2, 'attested anew')
  })

  test('200 abandoned streams leave no sockets', async () => {
    const machine = await machineWith({ handler: (_request, response) => void response.write('x') })
    const pooled = await readyPool(machine, { connections: 8 })
    for (let left = 0; left < 200; left++) {
      await until(() => pooled.pool.ready, 'ready')
      const lease = pooled.pool.lease()
      if (lease === undefined) {
        await pause(5)
        left -= 1
        continue
      }
      const { body } = await lease.send(get('/'))
      for await (const piece of body) if (piece.length > 0) break
      lease.release()
    }
    await pause(200)
    expect(await sockets(machine)).toBe(0)
    expect(machine.reached).toHaveLength(200)
    await until(() => attestations(pooled) === 208, 'all connections are back')
  })
})
