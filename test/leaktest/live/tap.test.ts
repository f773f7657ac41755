/** What a tap hands on, and what it says of it; what is read off the octets it kept. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import { certificatePem, privateKeyPem, selfSigned } from '../../../shared/upstream/certificate.ts'
import { readKeyLog } from '../../../deploy/local/seen/tls-log.ts'
import { maskedHead, operationOf } from './heads.ts'
import { hear } from './heard.ts'
import { readHello } from './hello.ts'
import { readAnswer } from './raw-answer.ts'
import { createTap, joined, timeAt, type Tap } from './tap.ts'

const closers: (() => void)[] = []
afterEach(() => closers.splice(0).forEach((close) => close()))

async function tapOn(server: Server, now?: () => number): Promise<Tap> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const tap = await createTap({ to: { host: '127.0.0.1', port }, ...(now === undefined ? {} : { now }) })
  closers.push(
    () => server.close(),
    () => tap.close(),
  )
  return tap
}

function from(port: number, localAddress = '127.0.0.1'): Socket {
  const socket = connect({ host: '127.0.0.1', port, localAddress })
  closers.push(() => socket.destroy())
  return socket
}

test('what goes in comes out on the other side, both ways, with the time of its clock', async () => {
  let clock = 100
  const tap = await tapOn(
    createServer(
      (socket) => void socket.on('data', (part: Buffer) => void socket.write(part.toString().toUpperCase())),
    ),
    () => clock,
  )
  const client = from(tap.port)
  client.write('ask')
  expect(String((await once(client, 'data'))[0])).toBe('ASK')
  clock = 250
  client.write('again')
  expect(String((await once(client, 'data'))[0])).toBe('AGAIN')
  const [connection] = tap.connections()
  expect(joined(connection?.forward ?? []).toString()).toBe('askagain')
  expect(joined(connection?.backward ?? []).toString()).toBe('ASKAGAIN')
  expect([0, 2, 3, 7, 99].map((offset) => timeAt(connection?.forward ?? [], offset))).toEqual([100, 100, 250, 250, 250])
})

test('the far side meets the near one under its own address, and a departure is noted', async () => {
  const met: (string | undefined)[] = []
  const tap = await tapOn(createServer((socket) => void met.push(socket.remoteAddress)))
  const client = from(tap.port, '127.44.55.66')
  await once(client, 'connect')
  await expect.poll(() => met).toEqual(['127.44.55.66'])
  expect(tap.connections()[0]?.peer.address).toBe('127.44.55.66')
  expect(tap.connections()[0]?.nearGone).toBeUndefined()
  client.destroy()
  await expect.poll(() => tap.connections()[0]?.nearGone).toBeTypeOf('number')
})

test('HTTP under TLS is read back with its times, and hellos tell clients apart', async () => {
  const identity = selfSigned({ commonName: 'here', use: 'server', names: ['127.0.0.1'] })
  const keyLog: string[] = []
  const server = createTlsServer({ key: privateKeyPem(identity), cert: certificatePem(identity) }, (socket) => {
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'))
  })
  const tap = await tapOn(server)
  for (const ciphers of ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256']) {
    const socket = connectTls({ host: '127.0.0.1', port: tap.port, ciphers, rejectUnauthorized: false })
    closers.push(() => socket.destroy())
    socket.on('keylog', (line: Buffer) => keyLog.push(line.toString()))
    await once(socket, 'secureConnect')
    const answer = readAnswer(socket)
    socket.write('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc')
    const { status, body, closes } = await answer
    expect([status, body.toString(), closes]).toEqual([200, 'hi', false])
  }
  const log = readKeyLog(keyLog.join('\n'))
  const heard = tap.connections().map((connection) => hear(connection, log))
  for (const { exchanges } of heard) {
    expect(exchanges.map(({ request, response }) => [request.start, request.body.toString(), response?.start])).toEqual(
      [['POST /x HTTP/1.1', 'abc', 'HTTP/1.1 200 OK']],
    )
    const [exchange] = exchanges
    expect(exchange?.request.head.toString()).toBe('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n')
    expect(exchange?.request.last).toBeLessThanOrEqual(exchange?.response?.first ?? 0)
  }
  expect(hear(tap.connections()[0] as never, new Map()).forward).toBeUndefined()
  const hellos = tap.connections().map(({ forward }) => readHello(joined(forward)))
  expect(hellos.map((hello) => hello?.sessionId.length)).toEqual([32, 32])
  expect(new Set(hellos.map((hello) => hello?.fingerprint)).size).toBe(2)
  expect(readHello(Buffer.from('GET / HTTP/1.1'))).toBeUndefined()
})

test('an answer that is cut short is an error', async () => {
  const tap = await tapOn(
    createServer((socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort')),
  )
  await expect(readAnswer(from(tap.port))).rejects.toThrow('broke off')
})

test.each([
  ['a length', 'content-length: 12', 'content-length: n'],
  ['a date to the minute', 'date: Wed, 25 Nov 2026 17:10:00 GMT', 'date: Wed, 25 Nov 2026 17:mm:00 GMT'],
  ['not a date to the second', 'date: Wed, 25 Nov 2026 17:10:01 GMT', 'date: Wed, 25 Nov 2026 17:10:01 GMT'],
  ['an age', 'age: 7', 'age: n'],
  ['not a validator that is no digest', 'etag: "u17"', 'etag: "u17"'],
  ['not the capitals of a name', 'Age: 7', 'Age: n'],
])('of a head is masked %s', (_, line, masked) => {
  expect(maskedHead(Buffer.from(`GET / HTTP/1.1\r\n${line}\r\n\r\n`))).toBe(`GET / HTTP/1.1\n${masked}`)
})

test.each([
  ['GET /a?b=1 HTTP/1.1', 'GET /a'],
  ['HTTP/1.1 405 Method Not Allowed', '405'],
])('%s is the operation %s', (start, operation) => expect(operationOf(start)).toBe(operation))
