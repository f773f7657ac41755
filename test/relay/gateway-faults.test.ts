/** A gateway that lies, breaks, redirects, dawdles or marks its answers: the client sees one of a few constants. */
import { describe, expect, test } from 'vitest'
import {
  answer,
  ask,
  bodyOf,
  good,
  head,
  httpGateway,
  post,
  rawClient,
  rawGateway,
  relayTo,
  sealed,
  until,
} from './harness.ts'

const problemType = { 'content-type': 'application/problem+json' }
const key = 'https://iana.org/assignments/http-problem-types#ohttp-key'
const standard = { 'content-type': 'message/ohttp-res' }
const chunked = { 'content-type': 'message/ohttp-chunked-req' }

async function askThrough(text: string, request = post()): Promise<string> {
  const gateway = await rawGateway(() => text)
  const relay = await relayTo(gateway.port)
  return ask(relay.port, request)
}

const constant502 = [
  'HTTP/1.1 502 Bad Gateway',
  'date: <minute>',
  'content-type: application/problem+json',
  'cache-control: no-store',
  'content-length: 57',
]

describe.each(['message/ohttp-req', 'message/ohttp-chunked-req'])('to a %s', (type) => {
  const request = post({ 'content-type': type })
  const right = type.replace('req', 'res')

  test.each([
    ['OHTTP-R13: a redirect', answer('302 Found', { location: 'https://evil.example/' })],
    ['OHTTP-R13: a redirect that keeps the method', answer('307 Temporary Redirect', { location: '/elsewhere' })],
    ['another success', answer('201 Created', { 'content-type': right }, sealed)],
    ['no content', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['another type', answer('200 OK', { 'content-type': 'text/html' }, '<h1>hello</h1>')],
    [
      'the other family',
      answer(
        '200 OK',
        { 'content-type': right === 'message/ohttp-res' ? 'message/ohttp-chunked-res' : 'message/ohttp-res' },
        sealed,
      ),
    ],
    ['HOP-9: a content coding', answer('200 OK', { 'content-type': right, 'content-encoding': 'gzip' }, sealed)],
    [
      'HOP-9: two content codings in lines of their own',
      answer('200 OK', { 'content-type': right, 'content-encoding': 'gzip\r\ncontent-encoding: br' }, sealed),
    ],
    ['a debug page', answer('500 Internal Server Error', { 'content-type': 'text/plain' }, 'at decapsulate (gw.js:7)')],
    [
      'an unknown problem',
      answer('400 Bad Request', problemType, '{"type":"https://gw.example/secret","detail":"me"}'),
    ],
    ['a problem that is not JSON', answer('400 Bad Request', problemType, '{{{')],
    ['a problem that is no object', answer('422 Unprocessable Content', problemType, 'null')],
    [
      'a problem without end',
      answer('400 Bad Request', problemType, JSON.stringify({ type: key, x: 'y'.repeat(5000) })),
    ],
    ['an ordinary refusal', answer('403 Forbidden', {}, 'no')],
    ['a refusal of the type', answer('415 Unsupported Media Type', { accept: 'x' })],
    ['not HTTP at all', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ])('OHTTP-R12, OHTTP-R22: %s becomes the constant 502', async (_, text) => {
    const heard = await askThrough(text, request)
    expect(head(heard)).toEqual(constant502)
    expect(bodyOf(heard)).toBe('{"type":"about:blank","title":"Bad Gateway","status":502}')
  })

  test('OHTTP-R22, OHTTP-R24: the key problem is said in our own words', async () => {
    const marked = JSON.stringify({ detail: 'client 7', type: key, instance: '/me', title: 'unique' })
    const heard = await askThrough(answer('422 Very Unique', { ...problemType, 'x-unique': '1' }, marked), request)
    expect(head(heard)).toEqual([
      'HTTP/1.1 400 Bad Request',
      'date: <minute>',
      'content-type: application/problem+json',
      'cache-control: no-store',
      'content-length: 103',
    ])
    expect(JSON.parse(bodyOf(heard))).toEqual({ type: key, title: 'Bad Request', status: 400 })
  })

  test.each([
    ['429 Too Many Requests', '7', '10'],
    ['503 Service Unavailable', '60', '60'],
    ['503 Service Unavailable', '999999', '3600'],
    ['429 Too Many Requests', 'Wed, 01 Jul 2026 12:00:00 GMT', '1'],
  ])('OHTTP-R18, OHTTP-R25: %s with retry-after %s passes as one of a few waits: %s', async (status, said, told) => {
    const heard = head(await askThrough(answer(status, { 'retry-after': said, 'x-a': '1' }, 'why'), request))
    expect(heard[0]).toBe(`HTTP/1.1 ${status}`)
    expect(heard).toContain(`retry-after: ${told}`)
    expect(heard).toHaveLength(6)
  })

  test('HOP-6, OHTTP-R12: informational answers stay here', async () => {
    const early = 'HTTP/1.1 103 Early Hints\r\nlink: </me>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n'
    const gateway = await rawGateway(() => early + answer('200 OK', { 'content-type': right }, sealed))
    const relay = await relayTo(gateway.port)
    const client = rawClient(relay.port)
    client.socket.write(request)
    await until(() => client.heard().includes(sealed))
    expect(client.heard().startsWith('HTTP/1.1 200 OK\r\n')).toBe(true)
  })

  test('OHTTP-R6, OHTTP-R7: a reset after the request gives 502 and no second request', async () => {
    const gateway = await rawGateway((_request, socket) => void socket.resetAndDestroy())
    const relay = await relayTo(gateway.port)
    expect(head(await ask(relay.port, request))).toEqual(constant502)
    expect(gateway.heard.join('').match(/POST /g)).toHaveLength(1)
  })

  test('OHTTP-R6: no connection gives 502', async () => {
    const gateway = await rawGateway(() => good)
    const relay = await relayTo(1)
    expect(head(await ask(relay.port, request))).toEqual(constant502)
    expect(gateway.heard).toEqual([])
  })

  test('OHTTP-R6: no head in time gives 504', async () => {
    const gateway = await rawGateway(() => undefined)
    const relay = await relayTo(gateway.port, { pool: { firstByte: 150 } })
    expect(head(await ask(relay.port, request))[0]).toBe('HTTP/1.1 504 Gateway Timeout')
    expect(relay.outcomes).toEqual(['gateway-slow'])
  })

  test('more requests than connections and queue give 503', async () => {
    const gateway = await rawGateway(() => undefined)
    const relay = await relayTo(gateway.port, { pool: { connections: 1, queue: 0 } })
    rawClient(relay.port).socket.write(request)
    await until(() => relay.active() === 1)
    expect(head(await ask(relay.port, request))[0]).toBe('HTTP/1.1 503 Service Unavailable')
  })
})

test('OHTTP-R7: a connection that died while it was idle is not tried with the same request twice', async () => {
  const gateway = await rawGateway(() => good)
  const relay = await relayTo(gateway.port)
  await ask(relay.port, post())
  gateway.sockets[0]?.resetAndDestroy()
  const second = await ask(relay.port, post())
  expect(['HTTP/1.1 200 OK', 'HTTP/1.1 502 Bad Gateway']).toContain(head(second)[0])
  expect(gateway.heard.join('').match(/POST /g)?.length).toBeLessThanOrEqual(2)
})

describe('an answer that breaks off', () => {
  test('HOP-8: stored and short of its length: 502, and not a byte of it', async () => {
    const short = `HTTP/1.1 200 OK\r\ncontent-type: message/ohttp-res\r\ncontent-length: 1000\r\n\r\n${sealed}`
    const gateway = await rawGateway((_request, socket) => void socket.end(short))
    const relay = await relayTo(gateway.port)
    const heard = await ask(relay.port, post())
    expect(head(heard)).toEqual(constant502)
    expect(heard).not.toContain(sealed)
  })

  test('HOP-8, CHK-14: streamed and without its last chunk: no clean end', async () => {
    const gateway = await httpGateway((_request, response) => {
      response.writeHead(200, { 'content-type': 'message/ohttp-chunked-res' }).write('some')
      setTimeout(() => response.destroy(), 30)
    })
    const relay = await relayTo(gateway.port)
    const client = rawClient(relay.port)
    client.socket.write(post(chunked))
    await client.closed
    expect(client.heard()).toContain('4\r\nsome\r\n')
    expect(client.heard()).not.toContain('0\r\n\r\n')
    expect(relay.outcomes).toEqual(['cut'])
  })

  test('streamed and silent for too long: no clean end', async () => {
    const gateway = await httpGateway((_request, response) => {
      response.writeHead(200, { 'content-type': 'message/ohttp-chunked-res' }).write('some')
    })
    const relay = await relayTo(gateway.port, { pool: { stall: 100 } })
    const client = rawClient(relay.port)
    client.socket.write(post(chunked))
    await client.closed
    expect(client.heard()).not.toContain('0\r\n\r\n')
  })
})

describe('an answer over the limit', () => {
  test('stored: 502, and the gateway is let go', async () => {
    const gateway = await rawGateway(() => answer('200 OK', standard, 'x'.repeat(2000)))
    const relay = await relayTo(gateway.port, { limits: { answer: 1999 } })
    expect(head(await ask(relay.port, post()))).toEqual(constant502)
    await until(() => relay.active() === 0)
  })

  test('stored: exactly the limit passes', async () => {
    const gateway = await rawGateway(() => answer('200 OK', standard, 'x'.repeat(2000)))
    const relay = await relayTo(gateway.port, { limits: { answer: 2000 } })
    expect(bodyOf(await ask(relay.port, post()))).toBe('x'.repeat(2000))
  })

  test('streamed: cut', async () => {
    const gateway = await httpGateway((_request, response) => {
      response.writeHead(200, { 'content-type': 'message/ohttp-chunked-res' })
      const timer = setInterval(() => response.write('x'.repeat(500)), 5)
      response.once('close', () => clearInterval(timer))
    })
    const relay = await relayTo(gateway.port, { limits: { stream: 2000 } })
    const client = rawClient(relay.port)
    client.socket.write(post(chunked))
    await client.closed
    expect(client.heard().split('x').length - 1).toBeLessThanOrEqual(2000)
    expect(client.heard()).not.toContain('0\r\n\r\n')
    await until(() => relay.active() === 0)
  })

  test('a refusal with an endless body is answered at once and drained within the budget', async () => {
    let closed = false
    const gateway = await httpGateway((_request, response) => {
      response.writeHead(500)
      const timer = setInterval(() => response.write('x'.repeat(50_000)), 2)
      response.once('close', () => {
        clearInterval(timer)
        closed = true
      })
    })
    const relay = await relayTo(gateway.port, { limits: { drainBytes: 200_000 } })
    expect(head(await ask(relay.port, post()))).toEqual(constant502)
    await until(() => closed)
  })
})
