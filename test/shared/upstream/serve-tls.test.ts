import { connect as connectTcp } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { certificatePem, privateKeyPem, selfSigned } from '../../../shared/upstream/certificate.ts'
import { listen } from '../../../shared/upstream/serve.ts'
import { until } from '../../relay/harness.ts'

const identity = selfSigned({ commonName: 'relay.example', use: 'server', names: ['127.0.0.1'] })
const cert = certificatePem(identity)

async function dial(ALPNProtocols: string[], maxVersion: 'TLSv1.1' | 'TLSv1.3' = 'TLSv1.3'): Promise<TLSSocket> {
  const server = await listen({
    fetch: () => new Response('hello'),
    host: '127.0.0.1',
    port: 0,
    tls: { key: privateKeyPem(identity), cert },
  })
  onTestFinished(() => server.close(0))
  const socket = connect({
    host: '127.0.0.1',
    port: server.port,
    ca: cert,
    ALPNProtocols,
    maxVersion,
    minVersion: 'TLSv1.1',
  })
  onTestFinished(() => void socket.destroy())
  return socket
}

test('HOP-4: HTTP/2 is not spoken at all, so there is nothing of it to translate: its handshake fails', async () => {
  const socket = await dial(['h2'])
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
  expect(error.code).toBe('ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL')
})

test('HOP-4: a client that would take both gets HTTP/1.1', async () => {
  const socket = await dial(['h2', 'http/1.1'])
  await once(socket, 'secureConnect')
  expect(socket.alpnProtocol).toBe('http/1.1')
})

test('older TLS is refused', async () => {
  const socket = await dial(['http/1.1'], 'TLSv1.1')
  const [error] = (await once(socket, 'error')) as [Error]
  expect(error).toBeInstanceOf(Error)
})

test.each(['over TLS', 'in plaintext'])('whoever reads nothing of whatever it asked for is let go, %s', async (how) => {
  const tls = how === 'over TLS' ? { key: privateKeyPem(identity), cert } : undefined
  const fetch = (): Response => new Response('x'.repeat(16 << 20))
  const limits = { stall: 200 }
  const server = await listen({ fetch, host: '127.0.0.1', port: 0, tls, plaintextLoopback: true, limits })
  onTestFinished(() => server.close(0))
  const at = { host: '127.0.0.1', port: server.port }
  const socket = tls === undefined ? connectTcp(at) : connect({ ...at, ca: cert, ALPNProtocols: ['http/1.1'] })
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => undefined).pause()
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await until(() => server.connections() === 1)
  await until(() => server.connections() === 0)
})

test('whoever reads everything and then waits is not let go', async () => {
  const fetch = (): Response => new Response('x'.repeat(16 << 20))
  const limits = { stall: 200 }
  const server = await listen({ fetch, host: '127.0.0.1', port: 0, plaintextLoopback: true, limits })
  onTestFinished(() => server.close(0))
  const socket = connectTcp({ port: server.port })
  onTestFinished(() => void socket.destroy())
  let heard = 0
  socket.on('data', (data) => (heard += data.length)).write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await until(() => heard > 16 << 20)
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(server.connections()).toBe(1)
})

test('a request of several records that comes while the answer before it is not taken yet is answered like any other', async () => {
  const answer = new Uint8Array(4 << 20).fill(0x61)
  const server = await listen({
    fetch: async (request) => {
      const { byteLength } = await request.arrayBuffer()
      return new Response(answer, { headers: { 'content-type': `text/length-${byteLength}` } })
    },
    host: '127.0.0.1',
    port: 0,
    tls: { key: privateKeyPem(identity), cert },
  })
  onTestFinished(() => server.close(0))
  const socket = connect({ host: '127.0.0.1', port: server.port, ca: cert })
  onTestFinished(() => void socket.destroy())
  await once(socket, 'secureConnect')
  const post = (length: number): string =>
    `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n${'b'.repeat(length)}`
  let heard = ''
  socket.write(post(10))
  // The head of the answer, and no more of it than is under way.
  await once(socket, 'readable')
  socket.write(post(200_000))
  await new Promise((resolve) => setTimeout(resolve, 100))
  socket.on('data', (octets: Buffer) => void (heard += octets.toString('latin1')))
  await until(() => heard.length > 2 * answer.length)
  expect(heard.match(/HTTP\/1\.1 \d+|text\/length-\d+/g)).toEqual([
    ...['HTTP/1.1 200', 'text/length-10', 'HTTP/1.1 200', 'text/length-200000'],
  ])
})
