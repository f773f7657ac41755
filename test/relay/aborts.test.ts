/** Clients that leave, stall or never end: the gateway must not learn when, and the relay must not care. wire.md "Limits". */
import { describe, expect, test } from 'vitest'
import {
  bodyOf,
  complete,
  good,
  head,
  httpGateway,
  post,
  rawClient,
  rawGateway,
  relayTo,
  sealed,
  until,
  uploading,
  wait,
  ask,
} from './harness.ts'

const chunkedType = { 'content-type': 'message/ohttp-chunked-req' }
const streamed = { 'content-type': 'message/ohttp-chunked-res' }
describe('a client that leaves', () => {
  test('CHK-14: in the middle of an answer, the gateway finishes as if nothing had happened', async () => {
    let written = 0
    let finished = false
    const gateway = await httpGateway((_request, response) => {
      response.writeHead(200, streamed)
      const timer = setInterval(() => {
        response.write('x'.repeat(1000))
        if (++written === 20) {
          clearInterval(timer)
          response.end(() => (finished = true))
        }
      }, 10)
      response.once('close', () => clearInterval(timer))
    })
    const relay = await relayTo(gateway.port)
    const client = rawClient(relay.port)
    client.socket.write(post(chunkedType))
    await until(() => client.heard().includes('xxx'))
    client.socket.resetAndDestroy()
    await until(() => relay.abandoned() === 1)
    await until(() => finished)
    expect(written).toBe(20)
    await until(() => relay.active() === 0)
    expect(relay.abandoned()).toBe(0)
    expect(relay.outcomes).toEqual(['left'])
  })

  test.each(['message/ohttp-req', 'message/ohttp-chunked-req'])(
    '%s: before the head, the gateway is not told and its connection is used again',
    async (type) => {
      let finished = 0
      const gateway = await httpGateway((request, response) => {
        request.resume()
        response.writeHead(200, { 'content-type': type.replace('req', 'res') })
        setTimeout(() => response.end(sealed, () => finished++), 80)
      })
      let connections = 0
      gateway.server.on('connection', () => connections++)
      const relay = await relayTo(gateway.port)
      const client = rawClient(relay.port)
      client.socket.write(post({ 'content-type': type }))
      await until(() => relay.active() === 1)
      client.socket.resetAndDestroy()
      await until(() => finished === 1)
      await until(() => relay.active() === 0)
      await ask(relay.port, post({ 'content-type': type }))
      expect(connections).toBe(1)
      expect(relay.outcomes).toEqual(['left', 'served'])
    },
  )

  test('in the middle of a stored upload: nothing was sent and nothing will be', async () => {
    const gateway = await rawGateway(() => good)
    const relay = await relayTo(gateway.port)
    const client = rawClient(relay.port)
    client.socket.write(post({ 'content-length': '100' }, 'half'))
    await wait(50)
    client.socket.resetAndDestroy()
    await until(() => relay.outcomes.length === 1)
    expect(relay.outcomes).toEqual(['left'])
    expect(gateway.heard).toEqual([])
  })

  test('CHK-14: in the middle of an incremental upload, the gateway sees silence until the drain time is over', async () => {
    let closedAt = 0
    const gateway = await httpGateway((request) => {
      request.on('error', () => undefined).resume()
      request.once('close', () => (closedAt = Date.now()))
    })
    const relay = await relayTo(gateway.port, { limits: { drainTime: 300 } })
    const client = rawClient(relay.port)
    client.socket.write(uploading('half'))
    await until(() => relay.active() === 1)
    await wait(50)
    const leftAt = Date.now()
    client.socket.resetAndDestroy()
    await until(() => closedAt > 0)
    expect(closedAt - leftAt).toBeGreaterThan(200)
    await until(() => relay.active() === 0)
  })

  test('an endless answer is let go when the drain budget is spent', async () => {
    let closed = false
    const gateway = await httpGateway((_request, response) => {
      response.writeHead(200, streamed)
      const more = (): void => {
        while (!closed && response.write(Buffer.alloc(65_536)));
      }
      response.on('drain', more).once('close', () => (closed = true))
      more()
    })
    const relay = await relayTo(gateway.port, { limits: { drainBytes: 100_000 } })
    const client = rawClient(relay.port)
    client.socket.write(post(chunkedType))
    await until(() => client.heard().length > 100_000)
    client.socket.resetAndDestroy()
    await until(() => closed)
    await until(() => relay.active() === 0)
    expect(relay.abandoned()).toBe(0)
  })

  test('a silent answer is let go when the drain time is over', async () => {
    let closed = false
    const gateway = await httpGateway((_request, response) => {
      response.writeHead(200, streamed).write('x')
      response.once('close', () => (closed = true))
    })
    const relay = await relayTo(gateway.port, { limits: { drainTime: 100 } })
    const client = rawClient(relay.port)
    client.socket.write(post(chunkedType))
    await until(() => client.heard().includes('x\r\n'))
    client.socket.destroy()
    await until(() => closed)
  })

  test('its bucket gets 503 while its budget is spent, and service again afterwards', async () => {
    let release: () => void = () => undefined
    const gateway = await httpGateway((request, response) => {
      if (request.headers['content-type'] === 'message/ohttp-req') {
        response.writeHead(200, { 'content-type': 'message/ohttp-res' }).end(sealed)
        return
      }
      response.writeHead(200, streamed).write('x')
      release = () => response.end()
    })
    const relay = await relayTo(gateway.port, { limits: { abandoned: 1 } })
    const client = rawClient(relay.port)
    client.socket.write(post(chunkedType))
    await until(() => client.heard().includes('x\r\n'))
    client.socket.destroy()
    await until(() => relay.abandoned() === 1)
    const refused = head(await ask(relay.port, post()))
    expect(refused[0]).toBe('HTTP/1.1 503 Service Unavailable')
    expect(refused).toContain('retry-after: 1')
    release()
    await until(() => relay.abandoned() === 0)
    expect(head(await ask(relay.port, post()))[0]).toBe('HTTP/1.1 200 OK')
  })

  test('many at once, in every way, harm nobody else', async () => {
    const gateway = await httpGateway((request, response) => {
      request.resume().once('end', () => {
        response.writeHead(200, streamed).write('first')
        setTimeout(() => response.end('last'), 20)
      })
    })
    const relay = await relayTo(gateway.port, {
      pool: { connections: 48 },
      limits: { incremental: 16, drainTime: 200 },
    })
    const leaving = Array.from({ length: 90 }, async (_, i) => {
      const client = rawClient(relay.port)
      client.socket.write(i % 3 === 0 ? uploading('half') : post(chunkedType))
      if (i % 3 === 1) await until(() => client.heard().includes('first'))
      else await wait(i % 7)
      if (i % 2 === 0) client.socket.resetAndDestroy()
      else client.socket.end()
    })
    const staying = Array.from({ length: 30 }, () => ask(relay.port, post(chunkedType)))
    await Promise.all(leaving)
    for (const heard of await Promise.all(staying)) {
      expect(bodyOf(heard).replace(/[0-9a-f]+\r\n(.*)\r\n/g, '$1')).toBe('firstlast')
      expect(complete(heard)).toBe(true)
    }
  })
})

describe('a client that stalls', () => {
  test('OHTTP-R10: an upload without a byte for too long is answered 408 and closed', async () => {
    const gateway = await rawGateway(() => good)
    const relay = await relayTo(gateway.port, { limits: { stall: 80 } })
    const client = rawClient(relay.port)
    client.socket.write(post({ 'content-length': '100' }, 'half'))
    await client.closed
    expect(head(client.heard())[0]).toBe('HTTP/1.1 408 Request Timeout')
    expect(gateway.heard).toEqual([])
  })

  test('an incremental upload without a byte for too long is answered 408, and the gateway half is let go', async () => {
    let closed = false
    const gateway = await httpGateway((request) => {
      request.on('error', () => undefined).resume()
      request.once('close', () => (closed = true))
    })
    const relay = await relayTo(gateway.port, { limits: { stall: 80 } })
    const client = rawClient(relay.port)
    client.socket.write(uploading('half'))
    await client.closed
    expect(head(client.heard())[0]).toBe('HTTP/1.1 408 Request Timeout')
    await until(() => closed)
  })

  test('a reader that takes nothing is let go, and the rest is drained', async () => {
    let sent = 0
    let ended = false
    const gateway = await httpGateway((_request, response) => {
      response.writeHead(200, streamed)
      const more = (): void => {
        while (sent < 40 << 20) {
          sent += 65_536
          if (!response.write(Buffer.alloc(65_536))) return
        }
        response.end(() => (ended = true))
      }
      response.on('drain', more).once('close', () => (ended = true))
      more()
    })
    const relay = await relayTo(gateway.port, { limits: { stall: 300, drainBytes: 1 << 20 } })
    const client = rawClient(relay.port)
    client.socket.pause()
    client.socket.write(post(chunkedType))
    await until(() => ended, 10_000)
    expect(sent).toBeLessThan(40 << 20)
    expect(relay.outcomes).toEqual(['left'])
    await until(() => relay.active() === 0)
  })

  test('a reader that takes nothing of a stored answer is let go', async () => {
    const gateway = await httpGateway((_request, response) => {
      response.writeHead(200, { 'content-type': 'message/ohttp-res' }).end(Buffer.alloc(16 << 20))
    })
    const relay = await relayTo(gateway.port, { limits: { stall: 100 } })
    const client = rawClient(relay.port)
    client.socket.pause()
    client.socket.write(post())
    await until(() => relay.outcomes.length === 1)
    await until(() => relay.connections() === 0)
  })

  test('a slow reader gets everything', async () => {
    const size = 24 << 20
    const gateway = await httpGateway((_request, response) => {
      response.writeHead(200, streamed).end(Buffer.alloc(size, 'y'))
    })
    const relay = await relayTo(gateway.port)
    const client = rawClient(relay.port)
    client.socket.pause()
    client.socket.write(post({ ...chunkedType, connection: 'close' }))
    await wait(200)
    client.socket.resume()
    await client.closed
    expect(bodyOf(client.heard()).split('y').length - 1).toBe(size)
    expect(client.heard().endsWith('0\r\n\r\n')).toBe(true)
  })
})
