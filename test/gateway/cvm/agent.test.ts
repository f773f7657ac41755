/** The agent over real TLS: what it shows, to whom, and that nothing passes before it has been shown. */
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { randomBytes } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { link, writeQuestion } from '../../../shared/attestation/link.ts'
import { base64 } from '../../../shared/bytes.ts'
import { Refusal } from '../../../shared/refusal.ts'
import { pinOf, selfSigned } from '../../../shared/upstream/certificate.ts'
import { attest } from '../../../gateway/binding.ts'
import { type Handler, type LogLine, type Machine, type MachineOptions, pem, startMachine, until } from './machine.ts'
import { dial } from './peers.ts'

const machines: Machine[] = []
const sockets: TLSSocket[] = []

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(machines.splice(0).map((machine) => machine.stop()))
})

async function machineWith(options: MachineOptions = {}): Promise<Machine> {
  const machine = await startMachine(options)
  machines.push(machine)
  return machine
}

const counted = (machine: Machine, line: LogLine) =>
  vi.waitFor(() => expect(machine.lines).toContainEqual(line), { interval: 5 })

/** A connection as the gateway makes it, before it has asked anything. */
async function fresh(machine: Machine, options: Parameters<typeof dial>[1] = {}): Promise<TLSSocket> {
  const socket = await dial(machine.port, { ...machine.clientTls, minVersion: 'TLSv1.3', ...options })
  sockets.push(socket)
  return socket
}

async function attested(machine: Machine): Promise<TLSSocket> {
  const socket = await fresh(machine)
  await attest(socket, machine)
  return socket
}

/** Everything that comes until the connection ends, or until `holds` of it. */
async function said(socket: TLSSocket, holds: (text: string) => boolean = () => false): Promise<string> {
  let text = ''
  socket.on('data', (data: Buffer) => (text += data.toString('latin1')))
  await until(() => holds(text) || socket.closed, 'an answer')
  return text
}

function ask(body: string): string {
  return `POST ${link.path} HTTP/1.1\r\nhost: cvm\r\ncontent-length: ${body.length}\r\n\r\n${body}`
}
const question = () => ask(writeQuestion(randomBytes(32)))
const appRequest = 'POST /secret HTTP/1.1\r\nhost: app\r\ncontent-length: 2\r\n\r\nhi'

describe('before evidence', () => {
  test('an app request on an unattested connection never reaches the app', async () => {
    const machine = await machineWith()
    const socket = await fresh(machine)
    socket.write(appRequest)
    expect(await said(socket)).toMatch(/^HTTP\/1\.1 403 /)
    expect(machine.reached).toEqual([])
  })

  test('nor does one that is pushed behind the question', async () => {
    const machine = await machineWith()
    const socket = await fresh(machine)
    socket.write(question() + appRequest)
    await said(socket)
    expect(machine.reached).toEqual([])
  })

  test.each([
    ['another method', `GET ${link.path} HTTP/1.1\r\nhost: x\r\n\r\n`],
    ['another path', ask('{}').replace(link.path, `${link.path}?`)],
  ])('%s is not the question', async (_what, text) => {
    const machine = await machineWith()
    const socket = await fresh(machine)
    socket.write(text)
    expect(await said(socket)).toMatch(/^HTTP\/1\.1 403 /)
    expect(machine.reached).toEqual([])
  })

  test('a connection that asks nothing is ended', async () => {
    const machine = await machineWith({ agent: { attestWithin: 100 } })
    const socket = await fresh(machine)
    expect(await said(socket)).toBe('')
    await counted(machine, { event: 'connection-refused', fields: { why: 'not-attested-in-time', count: '<10' } })
  })
})

describe('evidence', () => {
  const nonce = base64(randomBytes(32))
  test.each([
    ['an exporter of the asker', JSON.stringify({ nonce, exporter: nonce })],
    ['a short nonce', JSON.stringify({ nonce: base64(randomBytes(31)) })],
    ['two nonces', `{"nonce":"${nonce}","nonce":"${nonce}"}`],
    ['no nonce', '{}'],
    ['too much', JSON.stringify({ nonce }) + ' '.repeat(300)],
    ['no JSON', 'nonce'],
  ])('%s is refused', async (_what, body) => {
    const machine = await machineWith()
    const socket = await fresh(machine)
    socket.write(ask(body))
    expect(await said(socket)).toMatch(/^HTTP\/1\.1 503 .*content-length: 0\r\n/s)
  })

  test('a question without an end is not waited for', async () => {
    const machine = await machineWith()
    const socket = await fresh(machine)
    const chunk = ' '.repeat(300)
    socket.write(`POST ${link.path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n12c\r\n${chunk}\r\n`)
    expect(await said(socket)).toMatch(/^HTTP\/1\.1 503 /)
  })

  test('is given once on a connection', async () => {
    const machine = await machineWith()
    const socket = await attested(machine)
    socket.write(question())
    expect(await said(socket)).toMatch(/^HTTP\/1\.1 403 /)
    await counted(machine, { event: 'requests-refused', fields: { why: 'evidence-twice', count: '<10' } })
  })

  test('withdrawn: 503, and the connection stays unattested', async () => {
    const machine = await machineWith()
    machine.withdraw()
    const socket = await fresh(machine)
    socket.write(question() + appRequest)
    expect(await said(socket)).toMatch(/^HTTP\/1\.1 503 /)
    expect(machine.reached).toEqual([])
    machine.restore()
    await expect(attested(machine)).resolves.toBeDefined()
  })

  test('no more than the allowed number of reports is in the making at a time', async () => {
    let finish: () => void = () => undefined
    const gate = new Promise<void>((resolve) => (finish = resolve))
    const provider = {
      kind: 'simulated',
      evidence: () => gate.then(() => Promise.reject(new Error('enough'))),
    } as const
    const machine = await machineWith({ agent: { provider, reportsAtOnce: 1 } })
    const [first, second] = [await fresh(machine), await fresh(machine)]
    first.write(question())
    await new Promise((resolve) => setTimeout(resolve, 50))
    second.write(question())
    expect(await said(second)).toMatch(/^HTTP\/1\.1 503 /)
    expect(first.closed).toBe(false)
    finish()
    expect(await said(first)).toMatch(/^HTTP\/1\.1 503 /)
    const third = await fresh(machine)
    third.write(question())
    await said(third)
    const codes = machine.lines.map(({ fields }) => fields['code'])
    expect(codes).toEqual(['evidence-unavailable', 'fault', 'fault'])
  })

  test('simulated evidence is not shown on a listener that others can reach', async () => {
    const machine = await machineWith()
    const listening = machine.agent.listen({ host: '0.0.0.0', port: 0 })
    await expect(listening).rejects.toSatisfy((error) => (error as Refusal).code === 'insecure-configuration')
  })
})

describe('who may connect', () => {
  const strangers: [string, Parameters<typeof dial>[1]][] = [
    ['without a certificate', { key: undefined, cert: undefined }],
    ['with another certificate', pem(selfSigned({ commonName: 'gateway', use: 'client' }))],
  ]
  test.each(strangers)('a peer %s gets nothing', async (_who, identity) => {
    const machine = await machineWith()
    const socket = await fresh(machine, identity)
    if (!socket.closed) socket.write(question() + appRequest)
    expect(await said(socket)).toBe('')
    await counted(machine, { event: 'connection-refused', fields: { why: 'no-pinned-certificate', count: '<10' } })
    expect([machine.lines.length, machine.reached]).toEqual([1, []])
  })

  test('while one certificate follows another, both are let in', async () => {
    const next = selfSigned({ commonName: 'gateway', use: 'client' })
    const machine = await machineWith({ pins: [pinOf(next.privateKey)] })
    for (const identity of [pem(machine.gateway), pem(next)]) {
      const socket = await fresh(machine, identity)
      const answer = once(socket, 'data') as Promise<[Buffer]>
      socket.write(question())
      expect((await answer)[0].toString('latin1')).toMatch(/^HTTP\/1\.1 200 /)
    }
  })

  test('TLS 1.2 and plain text get nothing', async () => {
    const machine = await machineWith()
    const old = await fresh(machine, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' })
    expect(old.closed).toBe(true)
    const plain = connectTcp(machine.port, '127.0.0.1')
    plain.on('error', () => undefined).write(appRequest)
    let got = ''
    plain.on('data', (data: Buffer) => (got += data.toString('latin1')))
    await once(plain, 'close')
    expect(got).not.toContain('HTTP')
    expect(machine.reached).toEqual([])
  })

  test('no session is resumed', async () => {
    const machine = await machineWith()
    const first = await fresh(machine)
    const [session] = (await once(first, 'session')) as [Buffer]
    const second = await fresh(machine, { session })
    expect(second.isSessionReused()).toBe(false)
  })
})

describe('the bridge', () => {
  test('method, path, fields, content and trailers pass as they are, in both directions', async () => {
    const seen: unknown[] = []
    const handler: Handler = (request, response) => {
      let content = ''
      request.on('data', (data: Buffer) => (content += data.toString()))
      request.on('end', () => {
        const { method, url, rawHeaders, rawTrailers } = request
        seen.push({ method, url, rawHeaders, content, rawTrailers })
        response.sendDate = false
        response.writeHead(207, ['X-One', 'a', 'x-one', 'b\xe9', 'Trailer', 'x-sum', 'Transfer-Encoding', 'chunked'])
        response.write('part ')
        response.addTrailers([['x-sum', '42']])
        response.end('rest')
      })
    }
    const machine = await machineWith({ handler })
    const socket = await attested(machine)
    socket.write(
      'PROPFIND /a/%2e?b=%20c&d HTTP/1.1\r\nHost: app.example\r\nX-Two: 1\r\nx-two: 2\r\nConnection: keep-alive\r\n' +
        'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-End: yes\r\n\r\n',
    )
    const answer = await said(socket, (text) => text.endsWith('\r\n\r\n') && text.includes('42'))
    expect(seen).toEqual([
      {
        method: 'PROPFIND',
        url: '/a/%2e?b=%20c&d',
        rawHeaders: [
          ...['Host', 'app.example', 'X-Two', '1', 'x-two', '2', 'Transfer-Encoding', 'chunked'],
          ...['Connection', 'close'],
        ],
        content: 'abcde',
        rawTrailers: ['X-End', 'yes'],
      },
    ])
    expect(answer).toBe(
      'HTTP/1.1 207 Multi-Status\r\nX-One: a\r\nx-one: b\xe9\r\nTrailer: x-sum\r\nTransfer-Encoding: chunked\r\n' +
        'Connection: keep-alive\r\n\r\n9\r\npart rest\r\n0\r\nx-sum: 42\r\n\r\n',
    )
  })

  test('a content on a method that seldom has one keeps its framing', async () => {
    const machine = await machineWith()
    const socket = await attested(machine)
    socket.write('DELETE /x HTTP/1.1\r\nhost: app\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n')
    expect(await said(socket, (text) => text.endsWith('0\r\n\r\n'))).toContain('\r\n3\r\nabc\r\n')
  })

  test('one connection carries one request after the other', async () => {
    const machine = await machineWith()
    const socket = await attested(machine)
    for (let round = 0; round < 3; round++) {
      socket.write(appRequest)
      await said(socket, (text) => text.endsWith('0\r\n\r\n'))
      socket.removeAllListeners('data')
    }
    expect(machine.reached).toHaveLength(3)
  })

  test('an app that is down is a 502, and the connection lives on', async () => {
    const machine = await machineWith()
    const socket = await attested(machine)
    await machine.stopApp()
    socket.write(appRequest)
    expect(await said(socket, (text) => text.endsWith('\r\n\r\n'))).toMatch(/^HTTP\/1\.1 502 /)
    expect(socket.closed).toBe(false)
    await counted(machine, { event: 'app-failed', fields: { when: 'before-answer', count: '<10' } })
  })

  test('an app that dies in its answer never looks finished', async () => {
    const machine = await machineWith({
      handler: (_request, response) => {
        response.write('beginning')
        setTimeout(() => response.destroy(), 50)
      },
    })
    const socket = await attested(machine)
    socket.write(appRequest)
    const answer = await said(socket)
    expect(answer).toContain('beginning')
    expect(answer).not.toContain('\r\n0\r\n')
    await counted(machine, { event: 'app-failed', fields: { when: 'in-answer', count: '<10' } })
  })

  test('an informational answer of the app stays inside', async () => {
    const machine = await machineWith({
      handler: (_request, response) => {
        response.writeEarlyHints({ link: '</x>; rel=preload' })
        response.end('done')
      },
    })
    const socket = await attested(machine)
    socket.write(appRequest)
    expect(await said(socket, (text) => text.includes('done'))).toMatch(/^HTTP\/1\.1 200 /)
  })

  test('a head that comes alone is passed on at once', async () => {
    const machine = await machineWith({
      handler: (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      },
    })
    const socket = await attested(machine)
    socket.write(appRequest)
    expect(await said(socket, (text) => text.includes('\r\n\r\n'))).toContain('text/event-stream')
  })

  test('when the gateway gives up, the app is told', async () => {
    let left = false
    const machine = await machineWith({
      handler: (_request, response) => {
        response.write('x')
        response.on('close', () => (left = true))
      },
    })
    const socket = await attested(machine)
    socket.write(appRequest)
    await said(socket, (text) => text.includes('x'))
    socket.destroy()
    await until(() => left, 'the app noticed')
  })

  test('a drain lets the answer in flight end, and takes nothing new', async () => {
    let finish: () => void = () => undefined
    const machine = await machineWith({ handler: (_request, response) => void (finish = () => response.end('whole')) })
    const socket = await attested(machine)
    socket.write(appRequest)
    await until(() => machine.reached.length === 1, 'the request arrived')
    const closed = machine.agent.close(5000)
    const refused = connectTcp(machine.port, '127.0.0.1')
    await expect(once(refused, 'connect')).rejects.toThrow()
    finish()
    expect(await said(socket)).toContain('whole')
    await closed
  })
})
