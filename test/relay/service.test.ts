/** A whole relay from its settings: TLS on both sides, the private listener, and its end. */
import { exec, execFileSync, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { relaySettings } from '../../relay/config.ts'
import { openRelay, type RelayService } from '../../relay/service.ts'
import { createLog } from '../../shared/observability/log.ts'
import type { RelayEvents } from '../../relay/vocabulary.ts'
import { answer, ask, good, head, httpGateway, post, rawClient, rawGateway, sealed, until } from './harness.ts'
import { pinLine } from '../shared/upstream/pin-line.ts'

async function open(
  settings: object,
  directory = '.',
  salt = () => new Uint8Array(32),
): Promise<{ service: RelayService; lines: string[]; clock: { ahead: number } }> {
  const clock = { ahead: 0 }
  const lines: string[] = []
  const log = createLog<RelayEvents>({ service: 'relay', write: (line) => lines.push(line) })
  const path = (name: string): string => join(directory, name)
  const file = (name: string): Buffer => readFileSync(path(name))
  const world = { now: () => Date.now() + clock.ahead, salt, file, path, log }
  const service = await openRelay(relaySettings(JSON.stringify(settings), 'test'), world)
  onTestFinished(() => service.force())
  return { service, lines, clock }
}

const listen = { host: '127.0.0.1', port: 0, plaintextLoopback: true }
const route = (port: number) => ({ gateway: `http://127.0.0.1:${port}`, plaintextLoopback: true })
const get = async (port: number, path: string): Promise<string> => ask(port, `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`)

const copy = (type: string, body: string): string =>
  answer('200 OK', { 'content-type': type, 'cache-control': 'max-age=600', 'set-cookie': 'me=1' }, body)
const keys = copy('application/ohttp-keys', 'keys')
const bundle = copy('application/asunder-bundle', 'asunder bundle v1\n{"serial":1}\n\n- signed\n')
const gatewayScript = (text: string): string =>
  text.startsWith('POST') ? good : text.includes('asunder-bundle') ? bundle : keys

describe('on loopback', () => {
  test('a bare origin means the well-known resource, and a path means that path', async () => {
    const gateway = await rawGateway(gatewayScript)
    const { gateway: origin, plaintextLoopback } = route(gateway.port)
    const second = { name: 'two', gateway: `${origin}/two?x=1`, plaintextLoopback }
    const { service } = await open({ listen, routes: [{ gateway: origin, plaintextLoopback }, second] })
    await ask(service.port, post())
    await ask(service.port, post({}, 'opaque', '/r/two'))
    const asked = gateway.heard.join('').match(/POST .*(?= HTTP)/g)
    expect(asked?.sort()).toEqual(['POST /.well-known/ohttp-gateway', 'POST /two?x=1'])
  })

  test('the mirror is warm before anybody asks, and the private listener says so; the public one does not', async () => {
    const gateway = await rawGateway(gatewayScript)
    const { service, clock } = await open({ listen, routes: [route(gateway.port)] })
    await until(() => gateway.heard.join('').includes('ohttp-gateway'))
    for (let i = 0; i < 11; i++) await ask(service.port, post())
    expect(head(await get(service.adminPort, '/healthz'))[0]).toBe('HTTP/1.1 200 OK')
    expect(head(await get(service.adminPort, '/readyz'))[0]).toBe('HTTP/1.1 200 OK')
    const served = 'asunder_relay_requests_total{family="standard",outcome="served"}'
    expect(await get(service.adminPort, '/metrics')).toContain(`${served} 0\n`)
    clock.ahead = 60_000
    await vi.waitFor(async () => expect(await get(service.adminPort, '/metrics')).toContain(`${served} 10\n`), 3_000)
    const metrics = await get(service.adminPort, '/metrics')
    expect(metrics).toContain('asunder_relay_request_bytes_bucket{le="1024",family="standard"} 10')
    expect(metrics).toMatch(/^asunder_relay_build_info\{version="[^"]+",profile="direct"\} 1$/m)
    expect(await get(service.adminPort, '/flags')).toMatch(/^asunder_relay_up 1$/m)
    for (const path of ['/healthz', '/readyz', '/metrics', '/flags']) {
      expect(head(await get(service.port, path))[0]).toBe('HTTP/1.1 404 Not Found')
    }
    expect(head(await get(service.port, '/.well-known/ohttp-gateway'))).toHaveLength(7)
  })

  test('not ready while there are no keys to show', async () => {
    const { service, lines } = await open({ listen, routes: [route(1)] })
    const ready = await get(service.adminPort, '/readyz')
    expect(head(ready)[0]).toBe('HTTP/1.1 503 Service Unavailable')
    expect(ready).toContain('not ready: mirror')
    await until(() => lines.some((line) => line.includes('"mirror-failed"')))
  })

  test('not ready while the bundle is missing, unless the gateway has none', async () => {
    const ready = async (status: string): Promise<string> => {
      const refusal = answer(status, {})
      const gateway = await rawGateway((text) => (text.includes('asunder-bundle') ? refusal : keys))
      const { service, lines } = await open({ listen, routes: [route(gateway.port)] })
      await until(() => lines.filter((line) => line.includes('"mirror-')).length === 2)
      return (await get(service.adminPort, '/readyz')).slice(9, 12)
    }
    expect([await ready('503 Service Unavailable'), await ready('404 Not Found')]).toEqual(['503', '200'])
  })

  test('looks at the gateway do not wait behind clients', async () => {
    const gateway = await rawGateway((text) => (text.startsWith('POST') ? undefined : gatewayScript(text)))
    const settings = { upstream: { connections: 1, queue: 0 }, limits: { incremental: 0 } }
    const { service, lines } = await open({ listen, ...settings, routes: [route(gateway.port)] })
    rawClient(service.port).socket.write(post())
    await until(() => lines.filter((line) => line.includes('"mirror-refreshed"')).length === 2)
    expect(head(await get(service.adminPort, '/readyz'))[0]).toBe('HTTP/1.1 200 OK')
  })

  test('OPS-1: no line of the log is about a request', async () => {
    const gateway = await rawGateway(gatewayScript)
    const { service, lines } = await open({ listen, routes: [route(gateway.port)] })
    await until(() => lines.filter((line) => line.includes('"mirror-refreshed"')).length === 2)
    const before = lines.length
    for (let i = 0; i < 3; i++) await ask(service.port, post({ cookie: 'me=1' }))
    await ask(service.port, 'nonsense\r\n\r\n')
    expect(lines).toHaveLength(before)
    expect(lines.join('')).not.toMatch(/127\.0\.0\.1|me=1|POST/)
  })

  test('OPS-1: nor is one about a request that failed by a mistake of ours', async () => {
    const gateway = await rawGateway(gatewayScript)
    const { service, lines } = await open({ listen, routes: [route(gateway.port)] }, '.', () => {
      throw new Error('no dice')
    })
    await until(() => lines.filter((line) => line.includes('"mirror-refreshed"')).length === 2)
    const statuses = [await ask(service.port, post()), await ask(service.port, post())].map((text) => text.slice(9, 12))
    expect(statuses).toEqual(['500', '500'])
    expect(lines.filter((line) => line.includes('requests-failed'))).toEqual([])
  })

  test('a limit that was met is told when its minute ends, as about how often', async () => {
    // Just before the minute, so that nobody waits for it; a look that comes late sees the next one.
    const gateway = await rawGateway(gatewayScript)
    const { service, lines, clock } = await open({ listen, limits: { request: 10 }, routes: [route(gateway.port)] })
    clock.ahead = 59_000 - (Date.now() % 60_000)
    for (let i = 0; i < 3; i++) await ask(service.port, post({}, 'more than ten octets'))
    expect(lines.join('')).not.toContain('limited')
    await until(() => lines.some((line) => line.includes('"event":"limited"')))
    expect(lines.filter((line) => line.includes('limited'))).toEqual([
      expect.stringMatching(/"time":"[^"]+:00Z".+"limit":"content","count":"<10"\}/),
    ])
  })

  test('OPS-3: while it drains it is not ready, and says why', async () => {
    let finish: () => void = () => undefined
    const gateway = await httpGateway(({ method }, response) => {
      response.writeHead(200, { 'content-type': 'message/ohttp-chunked-res' }).write('first')
      if (method === 'POST') finish = () => response.end('last')
    })
    const { service } = await open({ listen, routes: [route(gateway.port)] })
    const client = rawClient(service.port)
    client.socket.write(post({ 'content-type': 'message/ohttp-chunked-req' }))
    await until(() => client.heard().includes('first'))
    const closing = service.close()
    expect(await get(service.adminPort, '/readyz')).toMatch(/503 [^]*not ready: listening/)
    finish()
    await closing
  })

  test('OPS-3: asked to end, it lets what is under way end, and takes nothing new', async () => {
    let finish: () => void = () => undefined
    const gateway = await httpGateway(({ method }, response) => {
      response.writeHead(200, { 'content-type': 'message/ohttp-chunked-res' }).write('first')
      if (method === 'POST') finish = () => response.end('last')
    })
    const { service } = await open({ listen, routes: [route(gateway.port)] })
    const client = rawClient(service.port)
    client.socket.write(post({ 'content-type': 'message/ohttp-chunked-req' }))
    await until(() => client.heard().includes('first'))
    const closing = service.close()
    const late = rawClient(service.port)
    await late.closed
    finish()
    await closing
    expect(client.heard()).toContain('4\r\nlast\r\n0\r\n\r\n')
  })

  test('forced, it does not wait', async () => {
    const gateway = await httpGateway((_request, response) => {
      response.writeHead(200, { 'content-type': 'message/ohttp-chunked-res' }).write('first')
    })
    const { service } = await open({ listen, routes: [route(gateway.port)] })
    const client = rawClient(service.port)
    client.socket.write(post({ 'content-type': 'message/ohttp-chunked-req' }))
    await until(() => client.heard().includes('first'))
    void service.close()
    await service.force()
    await client.closed
    expect(client.heard()).not.toContain('0\r\n\r\n')
  })
})

describe.skipIf(spawnSync('openssl', ['version']).status !== 0)('over TLS', () => {
  let directory = ''
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'relay-'))
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    const make = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
    for (const name of ['relay', 'gateway']) {
      execFileSync('openssl', [...make, '-keyout', `${name}.key`, '-out', `${name}.pem`, ...subject], {
        cwd: directory,
        stdio: 'ignore',
      })
    }
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  const file = (name: string): Buffer => readFileSync(join(directory, name))
  const secure = { host: '127.0.0.1', port: 0, tls: { key: 'relay.key', cert: 'relay.pem' } }

  async function tlsGateway(): Promise<{ port: number; clients: string[] }> {
    const clients: string[] = []
    const settings = { key: file('gateway.key'), cert: file('gateway.pem'), ca: file('relay.pem'), requestCert: true }
    const server = createServer({ ...settings, rejectUnauthorized: true }, (incoming, outgoing) => {
      clients.push(incoming.method ?? '')
      incoming.resume().on('end', () => outgoing.writeHead(200, { 'content-type': 'message/ohttp-res' }).end(sealed))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    return { port: (server.address() as AddressInfo).port, clients }
  }

  async function askTls(port: number): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'message/ohttp-req' }
      const asking = request({ host: '127.0.0.1', port, method: 'POST', headers, ca: file('relay.pem'), agent: false })
      asking.on('error', reject).on('response', (response) => {
        let body = ''
        response.on('data', (bytes: Buffer) => (body += bytes.toString()))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
      })
      asking.end('opaque')
    })
  }

  test('OHTTP-R16, OHTTP-R21: both legs are TLS, and the relay shows its own certificate to a gateway it knows', async () => {
    const gateway = await tlsGateway()
    const own = { key: 'relay.key', cert: 'relay.pem' }
    const routes = [{ gateway: `https://localhost:${gateway.port}`, ca: 'gateway.pem', clientCertificate: own }]
    const { service } = await open({ listen: secure, routes }, directory)
    expect(await askTls(service.port)).toEqual({ status: 200, body: sealed })
    expect(gateway.clients).toContain('POST')
  })

  test('OHTTP-R16: a gateway that another authority certifies gets no request', async () => {
    const gateway = await tlsGateway()
    const routes = [{ gateway: `https://localhost:${gateway.port}`, ca: 'relay.pem' }]
    const { service } = await open({ listen: secure, routes }, directory)
    expect((await askTls(service.port)).status).toBe(502)
    expect(gateway.clients).toEqual([])
  })

  const pinFile = (name: string, ...pems: string[]): void => {
    const pins = pems.map((one) => pinLine(new X509Certificate(file(one)).publicKey))
    writeFileSync(join(directory, name), pins.join(''))
  }

  test('trust.md 1: a gateway is known by its pin alone, and one without it gets no request', async () => {
    const gateway = await tlsGateway()
    pinFile('right.pins', 'gateway.pem')
    pinFile('wrong.pins', 'relay.pem')
    const clientCertificate = { key: 'relay.key', cert: 'relay.pem' }
    const to = (pins: string) => [{ gateway: `https://localhost:${gateway.port}`, pins, clientCertificate }]
    const wrong = await open({ listen: secure, routes: to('wrong.pins') }, directory)
    expect([(await askTls(wrong.service.port)).status, gateway.clients]).toEqual([502, []])
    const right = await open({ listen: secure, routes: to('right.pins') }, directory)
    expect(await askTls(right.service.port)).toEqual({ status: 200, body: sealed })
  })

  test('a route whose pins have all ended is told of, and stops no other; one must be left', async () => {
    const gateway = await tlsGateway()
    const key = new X509Certificate(file('gateway.pem')).publicKey
    writeFileSync(join(directory, 'good.pins'), pinLine(key))
    writeFileSync(join(directory, 'ended.pins'), pinLine(key, -1))
    const clientCertificate = { key: 'relay.key', cert: 'relay.pem' }
    const to = (pins: string) => ({ gateway: `https://localhost:${gateway.port}`, pins, clientCertificate })
    const routes = [to('good.pins'), { ...to('ended.pins'), name: 'second' }]
    const { service, lines } = await open({ listen: secure, routes }, directory)
    expect(lines.map((line) => JSON.parse(line) as object)).toContainEqual(
      expect.objectContaining({ level: 'warn', event: 'route-unpinned', route: 1 }),
    )
    expect((await askTls(service.port)).status).toBe(200)
    const alone = open({ listen: secure, routes: [to('ended.pins')] }, directory)
    await expect(alone).rejects.toThrow('no pin that has not ended')
  })

  test('SIGHUP: pins are read again, and connections that the old ones believed carry nothing more', async () => {
    const gateway = await tlsGateway()
    pinFile('gateway.pins', 'gateway.pem')
    const clientCertificate = { key: 'relay.key', cert: 'relay.pem' }
    const routes = [{ gateway: `https://localhost:${gateway.port}`, pins: 'gateway.pins', clientCertificate }]
    const { service, lines } = await open({ listen: secure, routes }, directory)
    const reread = (): unknown[] => {
      const from = lines.length
      service.reread()
      return lines.slice(from).map((line) => {
        const { event, result } = JSON.parse(line) as { event: string; result: string }
        return [event, result]
      })
    }
    expect((await askTls(service.port)).status).toBe(200)
    writeFileSync(join(directory, 'gateway.pins'), 'nonsense')
    expect(reread()).toEqual([
      ['listener-reread', 'same'],
      ['route-reread', 'bad-encoding'],
    ])
    expect((await askTls(service.port)).status).toBe(200)
    writeFileSync(join(directory, 'gateway.pins'), pinLine(new X509Certificate(file('gateway.pem')).publicKey, -1))
    expect(reread()).toContainEqual(['route-reread', 'insecure-configuration'])
    pinFile('gateway.pins', 'relay.pem')
    expect(reread()).toContainEqual(['route-reread', 'changed'])
    expect((await askTls(service.port)).status).toBe(502)
    pinFile('gateway.pins', 'relay.pem', 'gateway.pem')
    expect(reread()).toContainEqual(['route-reread', 'changed'])
    await vi.waitFor(async () => expect((await askTls(service.port)).status).toBe(200), 8_000)
  })

  test('OHTTP-R14: early data is not offered, plaintext is not spoken, and HTTP/2 is not chosen', async () => {
    const { service } = await open({ listen: secure, routes: [route(1)] }, directory)
    const connect = ['s_client', '-connect', `127.0.0.1:${service.port}`, '-alpn', 'h2,http/1.1', '-tls1_3']
    const ask = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'
    const child = await new Promise<string>((resolve) => {
      const script = `(printf '${ask.replace(/\r\n/g, '\\r\\n')}'; sleep 1) | openssl ${connect.join(' ')} 2>&1`
      exec(script, (_error, stdout) => resolve(stdout))
    })
    expect(child).toContain('Max Early Data: 0')
    expect(child).toContain('ALPN protocol: http/1.1')
    expect(await askPlain(service.port)).not.toContain('HTTP/1.1 2')
  })

  const askPlain = (port: number): Promise<string> => ask(port, post())
})

describe('the door', () => {
  const door = (...args: string[]) => {
    const flags = ['--disable-warning=ExperimentalWarning', 'relay/main.ts', ...args]
    return spawnSync(process.execPath, flags, { encoding: 'utf8', timeout: 10_000 })
  }

  test('--help explains, and exits 0', () => {
    const { status, stdout } = door('--help')
    expect(stdout).toContain('--config FILE')
    expect(status).toBe(0)
  })

  test('without settings, or with wrong ones, it says why and exits 2', () => {
    expect(door()).toMatchObject({ status: 2, stdout: '' })
    expect(door('--config', 'package.json').stderr).toContain('package.json')
    expect(door('--nonsense').status).toBe(2)
  })
})
