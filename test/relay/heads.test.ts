/** What is on the wire, byte for byte, on both sides of the relay. wire.md "Heads are constants". */
import { describe, expect, test } from 'vitest'
import {
  answer,
  ask,
  bodyOf,
  complete,
  good,
  head,
  post,
  rawClient,
  rawGateway,
  relayTo,
  sealed,
  until,
} from './harness.ts'

const gatewayHead = (port: number, ...fields: string[]): string[] => [
  'POST /.well-known/ohttp-gateway HTTP/1.1',
  `host: 127.0.0.1:${port}`,
  'connection: keep-alive',
  ...fields,
]

const identifying = {
  'x-forwarded-for': '203.0.113.7',
  forwarded: 'for=203.0.113.7',
  via: '1.1 client-proxy',
  'user-agent': 'App/1.2 (iPhone15,3)',
  cookie: 'me=1',
  authorization: 'Bearer x',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  'if-none-match': '"unique"',
  te: 'trailers',
  connection: 'x-secret',
  'x-secret': '1',
  date: 'Wed, 01 Jul 2026 12:00:00 GMT',
  expect: '100-continue',
}

describe('toward the gateway', () => {
  test('OHTTP-R1, OHTTP-R2, OHTTP-R15, HOP-1, HOP-2: a stored request has exactly this head and this content', async () => {
    const gateway = await rawGateway(() => good)
    const relay = await relayTo(gateway.port)
    await ask(relay.port, post(identifying, 'opaque \x00\xff bytes'))
    expect(head(gateway.heard[0] ?? '')).toEqual(
      gatewayHead(gateway.port, 'content-type: message/ohttp-req', 'content-length: 15'),
    )
    expect(bodyOf(gateway.heard[0] ?? '')).toBe('opaque \x00\xff bytes')
  })

  test('OHTTP-R3, OHTTP-R4, OHTTP-R18: two very different clients cannot be told apart', async () => {
    const gateway = await rawGateway(() => good)
    const relay = await relayTo(gateway.port)
    await ask(relay.port, post(identifying))
    await ask(relay.port, post({ 'content-type': 'Message/OHTTP-Req; x=client-id', host: 'other.example:8443' }))
    const chunked = 'transfer-encoding: chunked\r\ncontent-type: message/ohttp-req\r\n\r\n'
    await ask(
      relay.port,
      `POST / HTTP/1.1\r\nHost: x\r\n${chunked}2\r\nop\r\n4;ext=me\r\naque\r\n0\r\ntrailer: me\r\n\r\n`,
    )
    const requests = gateway.heard.join('').split(/(?=POST )/)
    expect(requests).toHaveLength(3)
    expect(new Set(requests).size).toBe(1)
  })

  test('OHTTP-R8: clients share connections, and an old connection has the head of a new one', async () => {
    const gateway = await rawGateway(() => good)
    const relay = await relayTo(gateway.port)
    for (let i = 0; i < 6; i++) await ask(relay.port, post())
    expect(gateway.heard).toHaveLength(1)
    const requests = (gateway.heard[0] ?? '').split(/(?=POST )/)
    expect(requests).toHaveLength(6)
    expect(new Set(requests).size).toBe(1)
  })

  test('OHTTP-R8: connections are replaced by age, without a trace in any head', async () => {
    const gateway = await rawGateway(() => good)
    const relay = await relayTo(gateway.port, { pool: { lifetime: 1 } })
    for (let i = 0; i < 4; i++) {
      await ask(relay.port, post())
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect(gateway.heard.length).toBeGreaterThan(1)
    expect(new Set(gateway.heard.join('').split(/(?=POST )/)).size).toBe(1)
  })

  test('INC-1, INC-7: an incremental request is chunked and carries our own ?1', async () => {
    const gateway = await rawGateway(() => answer('200 OK', { 'content-type': 'message/ohttp-chunked-res' }, sealed))
    const relay = await relayTo(gateway.port)
    const fields = { 'content-type': 'message/ohttp-chunked-req', incremental: '?1;me=7' }
    await ask(relay.port, post(fields))
    expect(head(gateway.heard[0] ?? '')).toEqual(
      gatewayHead(
        gateway.port,
        'content-type: message/ohttp-chunked-req',
        'incremental: ?1',
        'transfer-encoding: chunked',
      ),
    )
    expect(bodyOf(gateway.heard[0] ?? '')).toBe('6\r\nopaque\r\n0\r\n\r\n')
  })

  test.each(['?0', '1', '?1, ?1', 'true', '"?1"', ''])(
    'INC-4: Incremental: %s is no wish to go on as it arrives',
    async (incremental) => {
      const gateway = await rawGateway(() => answer('200 OK', { 'content-type': 'message/ohttp-chunked-res' }, sealed))
      const relay = await relayTo(gateway.port)
      await ask(relay.port, post({ 'content-type': 'message/ohttp-chunked-req', incremental }))
      expect(head(gateway.heard[0] ?? '')).toEqual(
        gatewayHead(gateway.port, 'content-type: message/ohttp-chunked-req', 'content-length: 6'),
      )
    },
  )
})

describe('toward the client', () => {
  const noisy = {
    'content-type': 'message/ohttp-res; charset=me',
    'set-cookie': 'id=1',
    etag: '"1"',
    server: 'gw',
    'alt-svc': 'h3=":443"',
    'strict-transport-security': 'max-age=1',
    connection: 'x-a',
    'x-a': '1',
    date: 'Wed, 01 Jul 2026 12:00:01 GMT',
    incremental: '?1',
    'access-control-allow-origin': 'https://evil.example',
    'cache-control': 'max-age=9999',
  }

  test('OHTTP-R12: a stored answer has exactly this head', async () => {
    const gateway = await rawGateway(() => answer('200 Very Unique', noisy, sealed))
    const relay = await relayTo(gateway.port)
    const heard = await ask(relay.port, post())
    expect(head(heard)).toEqual([
      'HTTP/1.1 200 OK',
      'date: <minute>',
      'content-type: message/ohttp-res',
      'cache-control: no-store',
      `content-length: ${sealed.length}`,
    ])
    expect(bodyOf(heard)).toBe(sealed)
  })

  test('OHTTP-R12, INC-5, HOP-7: a streamed answer has exactly this head and none of the framing and trailers', async () => {
    const chunks = '1;me=1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\nx-trailer: me\r\n\r\n'
    const fields = 'content-type: message/ohttp-chunked-res\r\ntrailer: x-trailer\r\nserver: gw\r\n'
    const gateway = await rawGateway(() => `HTTP/1.1 200 OK\r\n${fields}transfer-encoding: chunked\r\n\r\n${chunks}`)
    const relay = await relayTo(gateway.port)
    const heard = await ask(relay.port, post({ 'content-type': 'message/ohttp-chunked-req' }))
    expect(head(heard)).toEqual([
      'HTTP/1.1 200 OK',
      'date: <minute>',
      'content-type: message/ohttp-chunked-res',
      'cache-control: no-store',
      'incremental: ?1',
      'Transfer-Encoding: chunked',
    ])
    expect(bodyOf(heard)).toBe('6\r\nabcdef\r\n0\r\n\r\n')
  })

  test('a streamed answer of known length is framed like any other', async () => {
    const gateway = await rawGateway(() => answer('200 OK', { 'content-type': 'message/ohttp-chunked-res' }, 'abcdef'))
    const relay = await relayTo(gateway.port)
    const heard = await ask(relay.port, post({ 'content-type': 'message/ohttp-chunked-req' }))
    expect(head(heard)).toContain('Transfer-Encoding: chunked')
    expect(bodyOf(heard)).toBe('6\r\nabcdef\r\n0\r\n\r\n')
  })

  test('keep-alive works without being said, and a client that says close is heard', async () => {
    const gateway = await rawGateway(() => good)
    const relay = await relayTo(gateway.port)
    const client = rawClient(relay.port)
    client.socket.write(post())
    await until(() => complete(client.heard()))
    const first = client.heard()
    client.socket.write(post({ connection: 'close' }))
    await client.closed
    expect(client.heard()).toBe(first + first)
  })

  test('HOP-3: conflicting lengths are refused with a constant, and nothing is forwarded', async () => {
    const gateway = await rawGateway(() => good)
    const relay = await relayTo(gateway.port)
    const both = await ask(relay.port, post({ 'transfer-encoding': 'chunked' }))
    const two = await ask(relay.port, post().replace('content-length: 6', 'content-length: 6\r\ncontent-length: 7'))
    expect(head(both)[0]).toBe('HTTP/1.1 400 Bad Request')
    expect(head(two)).toEqual(head(both))
    expect(gateway.heard).toEqual([])
  })

  test('HOP-5: CONNECT and TRACE are not methods of a relay', async () => {
    const gateway = await rawGateway(() => good)
    const relay = await relayTo(gateway.port)
    const trace = await ask(relay.port, 'TRACE / HTTP/1.1\r\nhost: x\r\n\r\n')
    const connect = await ask(relay.port, 'CONNECT evil.example:443 HTTP/1.1\r\nhost: x\r\n\r\n')
    expect(head(trace)[0]).toBe('HTTP/1.1 405 Method Not Allowed')
    expect(head(connect)[0]).toBe('HTTP/1.1 405 Method Not Allowed')
    expect(gateway.heard).toEqual([])
  })
})
