/** Uploads that never end, and uploads that go on as they come. wire.md "Limits", conformance OHTTP-R10, INC-1. */
import { describe, expect, test } from 'vitest'
import {
  ask,
  complete,
  good,
  head,
  httpGateway,
  post,
  rawClient,
  rawGateway,
  relayTo,
  until,
  uploading,
} from './harness.ts'

const streamed = { 'content-type': 'message/ohttp-chunked-res' }

describe('an upload that never ends', () => {
  const flood = async (port: number, first: string): Promise<{ heard: string; sent: number }> => {
    const client = rawClient(port)
    const block = `10000\r\n${'z'.repeat(65_536)}\r\n`
    let sent = 0
    const more = (): void => {
      while (!client.socket.destroyed && client.socket.write(block)) sent += block.length
    }
    client.socket.on('drain', more)
    client.socket.write(first)
    more()
    await client.closed
    return { heard: client.heard(), sent }
  }

  test('OHTTP-R10: stored, it is answered 413 with the limit, counted on bytes that passed, and nothing is forwarded', async () => {
    const gateway = await rawGateway(() => good)
    const relay = await relayTo(gateway.port)
    const fields = 'content-type: message/ohttp-req\r\ntransfer-encoding: chunked\r\n'
    const { heard, sent } = await flood(relay.port, `POST / HTTP/1.1\r\nhost: x\r\n${fields}\r\n`)
    expect(head(heard)).toEqual([
      'HTTP/1.1 413 Payload Too Large',
      'date: <minute>',
      'content-type: application/problem+json',
      'cache-control: no-store',
      'content-length: 79',
      'connection: close',
    ])
    expect(heard).toContain('"limit":1048576')
    expect(sent).toBeLessThan(32 << 20)
    expect(gateway.heard).toEqual([])
  })

  test('OHTTP-R10: a length that says so is refused before a byte is read', async () => {
    const gateway = await rawGateway(() => good)
    const relay = await relayTo(gateway.port)
    const heard = await ask(relay.port, post({ 'content-length': String((1 << 20) + 1) }, 'x'))
    expect(head(heard)[0]).toBe('HTTP/1.1 413 Payload Too Large')
    expect(gateway.heard).toEqual([])
  })

  test('exactly the limit passes', async () => {
    const gateway = await rawGateway(() => good)
    const relay = await relayTo(gateway.port, { limits: { request: 1000 } })
    const status = async (size: number): Promise<string | undefined> =>
      head(await ask(relay.port, post({}, 'x'.repeat(size))))[0]
    expect(await status(1000)).toBe('HTTP/1.1 200 OK')
    expect(await status(1001)).toBe('HTTP/1.1 413 Payload Too Large')
  })

  test('OHTTP-R10: incremental, it is answered 413 at the stream limit, and the gateway half is let go', async () => {
    let closed = false
    const gateway = await httpGateway((request) => {
      request.on('error', () => undefined).resume()
      request.once('close', () => (closed = true))
    })
    const relay = await relayTo(gateway.port, { limits: { stream: 300_000 } })
    const { heard } = await flood(relay.port, uploading())
    expect(head(heard)[0]).toBe('HTTP/1.1 413 Payload Too Large')
    expect(heard).toContain('"limit":300000')
    await until(() => closed)
    await until(() => relay.active() === 0)
  })

  test('of the wrong type, it is answered and cut off', async () => {
    const gateway = await rawGateway(() => good)
    const relay = await relayTo(gateway.port)
    const fields = 'content-type: text/plain\r\ntransfer-encoding: chunked\r\n'
    const { heard } = await flood(relay.port, `POST / HTTP/1.1\r\nhost: x\r\n${fields}\r\n`)
    expect(head(heard)[0]).toBe('HTTP/1.1 415 Unsupported Media Type')
    expect(gateway.heard).toEqual([])
  })
})

test('INC-1: bytes go on as they arrive, in both directions at once', async () => {
  const gateway = await httpGateway((request, response) => {
    response.writeHead(200, streamed)
    request.on('data', (bytes: Buffer) => response.write(`<${bytes.toString()}>`)).on('end', () => response.end('.'))
  })
  const relay = await relayTo(gateway.port)
  const client = rawClient(relay.port)
  client.socket.write(uploading('one'))
  await until(() => client.heard().includes('<one>'))
  client.socket.write('3\r\ntwo\r\n')
  await until(() => client.heard().includes('<two>'))
  client.socket.write('0\r\n\r\n')
  await until(() => complete(client.heard()))
  expect(client.heard().endsWith('\r\n.\r\n0\r\n\r\n')).toBe(true)
})
