/** The recorder keeps what passes and changes nothing; what was under TLS 1.3 is read again with the logged secrets. */
import { once } from 'node:events'
import { connect as connectPlain, createServer, type AddressInfo } from 'node:net'
import { connect, createServer as createTlsServer } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import { readHttp } from '../../../../deploy/local/seen/http-log.ts'
import { createRecorder, type Recorder, type Recording } from '../../../../deploy/local/seen/recorder.ts'
import { readKeyLog, readTls, speaks } from '../../../../deploy/local/seen/tls-log.ts'
import { certificatePem, privateKeyPem, selfSigned } from '../../../../shared/upstream/certificate.ts'

const closers: (() => void)[] = []
afterEach(() => closers.splice(0).forEach((close) => close()))

async function wireTo(server: {
  listen(port: number, host: string, done: () => void): unknown
  address(): unknown
  close(): unknown
}): Promise<Recorder> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const recorder = await createRecorder({ to: () => ({ host: '127.0.0.1', port }) })
  closers.push(
    () => recorder.close(),
    () => server.close(),
  )
  return recorder
}

test('bytes of both directions arrive and are kept, half-closes included', async () => {
  const recorder = await wireTo(
    createServer(
      { allowHalfOpen: true },
      (socket) => void socket.on('data', () => undefined).on('end', () => socket.end('pong'.repeat(50_000))),
    ),
  )
  const near = connectPlain({ port: recorder.port, allowHalfOpen: true })
  near.end('ping')
  let back = ''
  near.on('data', (part: Buffer) => (back += part.toString()))
  await once(near, 'end')
  near.destroy()
  const [only] = recorder.recordings()
  expect(only?.forward.toString()).toBe('ping')
  expect(back).toBe('pong'.repeat(50_000))
  expect(only?.backward.toString()).toBe(back)
  expect(only?.peer).toMatch(/^127\.0\.0\.1:\d+$/)
})

test('when nobody listens behind the wire, the near side is let go', async () => {
  const recorder = await createRecorder({ to: () => ({ host: '127.0.0.1', port: 1 }) })
  closers.push(() => recorder.close())
  const near = connectPlain({ port: recorder.port })
  near.on('error', () => undefined)
  await once(near, 'close')
  expect(near.destroyed).toBe(true)
})

const { ciphers } = { ciphers: ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'] }

async function talk(cipher: string, options: { ecdhCurve?: string } = {}): Promise<{ wire: Recording; log: string }> {
  const identity = selfSigned({ commonName: 'test', use: 'server' })
  const log: string[] = []
  const server = createTlsServer(
    { key: privateKeyPem(identity), cert: certificatePem(identity), ...options },
    (socket) => {
      socket.on('data', (part: Buffer) => void socket.end(`heard ${part.length}`))
    },
  )
  server.on('keylog', (line) => void log.push(line.toString()))
  const recorder = await wireTo(server)
  const near = connect({ port: recorder.port, rejectUnauthorized: false, ciphers: cipher, minVersion: 'TLSv1.3' })
  near.write('the secret word '.repeat(2000).slice(0, 16_000))
  near.resume()
  await once(near, 'close')
  const [wire] = recorder.recordings()
  if (wire === undefined) throw new TypeError('nothing recorded')
  return { wire, log: log.join('') }
}

describe('TLS 1.3', () => {
  test.each(ciphers)('%s is read with the log and not without', async (cipher) => {
    const { wire, log } = await talk(cipher)
    expect(wire.forward.includes('secret')).toBe(false)
    const read = readTls(wire, readKeyLog(log))
    expect(read?.forward.toString()).toBe('the secret word '.repeat(1000))
    expect(read?.backward.toString()).toMatch(/^heard \d+$/)
    expect(readTls(wire, readKeyLog(''))).toBeUndefined()
  })

  test('a handshake that was sent back once (HelloRetryRequest) is read too', async () => {
    const { wire, log } = await talk('TLS_AES_128_GCM_SHA256', { ecdhCurve: 'P-521' })
    expect(readTls(wire, readKeyLog(log))?.forward.toString()).toContain('the secret word')
  })

  test('a connection that was let go inside its handshake has said nothing; one that went on has', async () => {
    const { wire } = await talk('TLS_AES_128_GCM_SHA256')
    const hello = wire.forward.subarray(0, 5 + wire.forward.readUInt16BE(3))
    expect(speaks(hello)).toBe(false)
    expect(speaks(wire.forward)).toBe(true)
  })

  test('one changed octet makes it illegible', async () => {
    const { wire, log } = await talk('TLS_AES_128_GCM_SHA256')
    const forward = Buffer.from(wire.forward)
    forward.writeUInt8(forward.readUInt8(forward.length - 50) ^ 1, forward.length - 50)
    expect(readTls({ ...wire, forward }, readKeyLog(log))).toBeUndefined()
  })
})

test('HTTP/1.1 is read back: lengths, chunks, trailers, several messages, a cut end', () => {
  const bytes = Buffer.from(
    'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc' +
      'POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nde\n\r\n1\r\nf\r\n0\r\nT: 1\r\n\r\n' +
      'GET /c HTTP/1.1\r\nHost: x\r\n\r\n' +
      'POST /d HTTP/1.1\r\nContent-Length: 9\r\n\r\ncut',
  )
  expect(readHttp(bytes).map(({ start, body }) => [start, body.toString()])).toEqual([
    ['POST /a HTTP/1.1', 'abc'],
    ['POST /b HTTP/1.1', 'de\nf'],
    ['GET /c HTTP/1.1', ''],
    ['POST /d HTTP/1.1', 'cut'],
  ])
  expect(readHttp(Buffer.from('HTTP/1.1 200 OK\r\nA: b\r\n\r\nto the end')).map(({ body }) => body.toString())).toEqual(
    ['to the end'],
  )
})
