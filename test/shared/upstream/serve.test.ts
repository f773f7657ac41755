import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { listen, minuteClock, type ListenOptions, type Listening } from '../../../shared/upstream/serve.ts'
import { answerAndClose, answerTo, plain, type Answer } from '../../../shared/upstream/answer.ts'
import { problem } from '../../../shared/http/problem.ts'
import { utf8 } from '../../../shared/bytes.ts'
import { ask, bodyOf, head, rawClient, until } from '../../relay/harness.ts'

type Fetch = ListenOptions['fetch']

async function serve(fetch: Fetch, limits: ListenOptions['limits'] = {}): Promise<Listening> {
  const server = await listen({ fetch, host: '127.0.0.1', port: 0, plaintextLoopback: true, limits })
  onTestFinished(() => server.close(0))
  return server
}

const hello: Fetch = () => new Response('hello', { headers: { 'content-type': 'text/plain' } })
const get = (...lines: string[]): string => ['GET / HTTP/1.1', 'host: x', ...lines, '', ''].join('\r\n')

describe('heads', () => {
  test('are ours: no connection, no keep-alive, and a date without seconds', async () => {
    const { port } = await serve(hello)
    const heard = await ask(port, get())
    expect(head(heard)).toEqual(['HTTP/1.1 200 OK', 'date: <minute>', 'content-type: text/plain', 'Content-Length: 5'])
  })

  test('the date is that of the minute', () => {
    let now = Date.UTC(2026, 10, 22, 3, 4, 59, 999)
    const date = minuteClock(() => now)
    expect(date()).toBe('Sun, 22 Nov 2026 03:04:00 GMT')
    now += 1
    expect(date()).toBe('Sun, 22 Nov 2026 03:05:00 GMT')
  })
})

describe("the server's own errors are constants", () => {
  const lines = (status: string, length: number): string[] => [
    `HTTP/1.1 ${status}`,
    'date: <minute>',
    'content-type: application/problem+json',
    'cache-control: no-store',
    `content-length: ${length}`,
    'connection: close',
  ]

  test.each([
    ['nonsense', 'nonsense\r\n\r\n', '400 Bad Request', 57],
    ['a bad header', 'GET / HTTP/1.1\r\nhost: x\r\nbad header: 1\r\n\r\n', '400 Bad Request', 57],
    ['another expectation', get('expect: tea'), '400 Bad Request', 57],
    ['too long a header section', get(`x: ${'y'.repeat(20_000)}`), '431 Request Header Fields Too Large', 77],
    ['too many fields', get(...Array<string>(128).fill('x: y')), '431 Request Header Fields Too Large', 77],
  ])('%s', async (_, request, status, length) => {
    const { port } = await serve(hello)
    const heard = await ask(port, request)
    expect(head(heard)).toEqual(lines(status, length))
    expect(bodyOf(heard)).toHaveLength(length)
  })

  const badRequest = '{"type":"about:blank","title":"Bad Request","status":400}'
  const constant = [...lines('400 Bad Request', badRequest.length), '', badRequest].join('\r\n')

  test.each([
    ['no host', 'GET / HTTP/1.1\r\n\r\n'],
    ['no host, in HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n'],
    ['no host, beside a whole target', 'GET http://x/ HTTP/1.1\r\n\r\n'],
    ['no host, and a connection to be kept', 'GET / HTTP/1.1\r\nconnection: keep-alive\r\n\r\n'],
    ['two hosts', get('host: y')],
    ['the same host twice', get('HOST: x')],
    ['two hosts, in HTTP/1.0', 'GET / HTTP/1.0\r\nhost: x\r\nhost: y\r\n\r\n'],
    ['two hosts of a stored request', 'POST / HTTP/1.1\r\nhost: x\r\nhost: y\r\ncontent-length: 1\r\n\r\nz'],
  ])('RFC 9112 §3.2: %s is refused byte for byte like any other 400', async (_, request) => {
    let asked = 0
    const { port } = await serve(() => new Response(String(asked++)))
    const client = rawClient(port)
    client.socket.write(request)
    await client.closed
    expect(client.heard().replace(/(?<=\r\ndate: ).*:00 GMT(?=\r\n)/, '<minute>')).toBe(constant)
    expect(asked).toBe(0)
  })

  test('exactly as many fields as the limit pass', async () => {
    const { port } = await serve(hello)
    expect(bodyOf(await ask(port, get(...Array<string>(127).fill('x: y'))))).toBe('hello')
  })

  test('a head that takes too long is 408', async () => {
    const { port } = await serve(hello, { head: 100 })
    expect(head(await ask(port, 'GET / HTTP/1.1\r\n'))).toEqual(lines('408 Request Timeout', 61))
  })

  test.each([
    ['a host that is none', 'GET / HTTP/1.1\r\nhost: a b\r\n\r\n'],
    ['a backslash in the path', 'GET /\\evil HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['no path', 'OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n'],
  ])('%s is a 400', async (_, request) => {
    const { port } = await serve(hello)
    expect(head(await ask(port, request))[0]).toBe('HTTP/1.1 400 Bad Request')
  })

  test('an app that throws is a 500 that says nothing', async () => {
    const { port } = await serve(() => {
      throw new Error('secret')
    })
    const heard = await ask(port, get())
    expect(head(heard)[0]).toBe('HTTP/1.1 500 Internal Server Error')
    expect(heard).not.toContain('secret')
  })
})

test.each(['0.0.0.0', '::', 'relay.example', '127.0.0.1.evil.example'])(
  'OHTTP-R16: %s is not plaintext',
  async (host) => {
    const opening = listen({ fetch: hello, host, port: 0, plaintextLoopback: true })
    await expect(opening).rejects.toMatchObject({ code: 'insecure-configuration' })
  },
)

test('OHTTP-R16: loopback is not plaintext without its switch', async () => {
  await expect(listen({ fetch: hello, host: '127.0.0.1', port: 0 })).rejects.toMatchObject({
    code: 'insecure-configuration',
  })
})

test('a port that is taken is an error at start', async () => {
  const { port } = await serve(hello)
  const second = listen({ fetch: hello, host: '127.0.0.1', port, plaintextLoopback: true })
  await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' })
})

test('connections are counted and limited', async () => {
  const server = await serve(hello, { connections: 1 })
  const first = rawClient(server.port)
  await until(() => server.connections() === 1)
  await rawClient(server.port).closed
  first.socket.destroy()
  await until(() => server.connections() === 0)
  expect(bodyOf(await ask(server.port, get('connection: close')))).toBe('hello')
})

test('closing waits for answers, ends idle connections, and cuts the rest at its deadline', async () => {
  let asked = 0
  const server = await serve(() => new Promise<Response>(() => (asked += 1)))
  const idle = rawClient(server.port)
  const stuck = rawClient(server.port)
  stuck.socket.write(get())
  await until(() => server.connections() === 2 && asked === 1)
  const from = Date.now()
  await server.close(200)
  expect(Date.now() - from).toBeGreaterThan(150)
  await Promise.all([idle.closed, stuck.closed])
})

test('RFC 9112 §9.6: a request that crosses the goodbye is answered, and told that it is the last', async () => {
  const server = await serve(hello)
  const client = rawClient(server.port)
  client.socket.write(get())
  await until(() => client.heard().endsWith('hello'))
  expect(client.heard().toLowerCase()).not.toContain('connection:')
  const before = client.heard().length
  const ended = server.close(5_000)
  expect(await ask(server.port, get())).toBe('')
  client.socket.write(get())
  await client.closed
  expect(client.heard().slice(before).toLowerCase()).toContain('connection: close')
  expect(client.heard().endsWith('hello')).toBe(true)
  await ended
})

describe('answers in pieces', () => {
  const recorded = (): { reader: { drained(): void; left(): void }; left: () => number } => {
    let left = 0
    return { reader: { drained: () => undefined, left: () => left++ }, left: () => left }
  }

  test('the sentinel is never sent as an answer', async () => {
    const { port } = await serve((_, env) => {
      const answer = answerTo({ env }, 1000, recorded().reader)
      answer.head(200, { 'content-type': 'text/plain' })
      answer.write(utf8('piece'))
      answer.end()
      return answer.response
    })
    const heard = await ask(port, get())
    expect(head(heard)).toEqual([
      'HTTP/1.1 200 OK',
      'date: <minute>',
      'content-type: text/plain',
      'Transfer-Encoding: chunked',
    ])
    expect(bodyOf(heard)).toBe('5\r\npiece\r\n0\r\n\r\n')
  })

  test('a problem has the same head in every form', async () => {
    const bodies = await Promise.all(
      (['response', 'pieces'] as const).map(async (form) => {
        const { port } = await serve((_, env) => {
          if (form === 'response') return plain(problem(503))
          const answer = answerTo({ env }, 1000, recorded().reader)
          answer.refuse(problem(503), false)
          return answer.response
        })
        return ask(port, get())
      }),
    )
    expect(bodies[0]).toBe(bodies[1])
    const { port } = await serve((_, env) => answerAndClose({ env }, problem(503)))
    expect(head(await ask(port, get()))).toEqual([...head(bodies[0] ?? ''), 'connection: close'])
  })

  const unfinished = async (then: (answer: Answer) => void, stall = 1000) => {
    const { reader, left } = recorded()
    const { port } = await serve((_, env) => {
      const answer = answerTo({ env }, stall, reader)
      answer.head(200, {})
      answer.write(utf8('piece'))
      then(answer)
      return answer.response
    })
    const client = rawClient(port)
    client.socket.write(get())
    return { client, left }
  }

  test('HOP-8: a refusal that comes after the head cuts the answer instead of throwing', async () => {
    const threw: unknown[] = []
    const { port } = await serve((_, env) => {
      env.outgoing.writeHead(200, { 'content-length': '100' }).write('piece')
      try {
        return answerAndClose({ env }, problem(500))
      } catch (cause) {
        threw.push(cause)
        env.outgoing.destroy()
        return plain(problem(500))
      }
    })
    const client = rawClient(port)
    client.socket.write(get())
    await client.closed
    expect([threw, client.heard()]).toEqual([[], expect.not.stringContaining('500')])
  })

  test('HOP-8: a cut answer does not end', async () => {
    const { client, left } = await unfinished((answer) => void setTimeout(() => answer.cut(), 30))
    await client.closed
    expect(client.heard()).not.toContain('0\r\n\r\n')
    expect(left()).toBe(0)
  })

  test('a reader that leaves is noticed, once, and what is written then is dropped', async () => {
    const written: boolean[] = []
    const { client, left } = await unfinished((answer) => {
      setTimeout(() => written.push(answer.write(utf8('more')), answer.write(utf8('more'))), 80)
      setTimeout(() => answer.end(), 90)
    })
    await until(() => client.heard().includes('piece'))
    client.socket.resetAndDestroy()
    await until(() => written.length === 2)
    expect([written, left()]).toEqual([[true, true], 1])
  })

  test('a reader that left before there was an answer is noticed all the same', async () => {
    const { reader, left } = recorded()
    let answering = 0
    const { port } = await serve(async (_, env) => {
      await new Promise((resolve) => env.outgoing.once('close', resolve))
      answering++
      return answerTo({ env }, 1000, reader).response
    })
    const client = rawClient(port)
    client.socket.write(get())
    setTimeout(() => client.socket.resetAndDestroy(), 30)
    await until(() => answering === 1)
    await until(() => left() === 1)
    expect(left()).toBe(1)
  })

  test('a reader that takes nothing is let go, and noticed once', async () => {
    const { client, left } = await unfinished((answer) => void answer.write(new Uint8Array(32 << 20)), 50)
    client.socket.pause()
    await until(() => left() === 1)
    client.socket.resume()
    await client.closed
    expect(left()).toBe(1)
  })

  test('without Node, the same answer is a web response that asks for more when it is read', async () => {
    let drained = 0
    let left = 0
    const answer = answerTo({ env: undefined }, 1000, { drained: () => drained++, left: () => left++ })
    answer.head(200, { 'content-type': 'text/plain' })
    expect(answer.write(utf8('one'))).toBe(false)
    const response = await answer.response
    const reader = response.body?.getReader()
    expect(await reader?.read()).toEqual({ done: false, value: utf8('one') })
    await until(() => drained > 0)
    await reader?.cancel()
    expect(left).toBe(1)
    expect(answer.write(utf8('two'))).toBe(true)
  })

  test('without Node, a cut answer fails its reader', async () => {
    const answer = answerTo({ env: undefined }, 1000, recorded().reader)
    answer.head(200, {})
    answer.write(utf8('one'))
    answer.cut()
    await expect((await answer.response).text()).rejects.toThrow()
  })

  test('without Node, a reader that takes nothing is let go', async () => {
    const { reader, left } = recorded()
    const answer = answerTo({ env: undefined }, 20, reader)
    answer.head(200, {})
    answer.write(utf8('one'))
    await answer.response
    await until(() => left() === 1)
  })
})

describe('whoever was shown the door is gone', () => {
  test.each([
    ['nonsense', 'nonsense\r\n\r\n', '400'],
    ['CONNECT', 'CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n', '405'],
    ['half a head', 'GET / HT', '408'],
  ])('%s, and never a goodbye: the connection is free again', async (_, said, status) => {
    const server = await serve(hello, { head: 300 })
    const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
    onTestFinished(() => void socket.destroy())
    let heard = ''
    socket.on('error', () => undefined).on('data', (octets) => void (heard += octets.toString()))
    socket.write(said)
    await until(() => heard.includes(` ${status} `))
    expect(socket.destroyed).toBe(false)
    await until(() => server.connections() === 0)
  })

  test('a reset right behind CONNECT ends nothing but its connection', async () => {
    const server = await serve(hello)
    for (let round = 0; round < 20; round++) {
      const socket = connect(server.port, '127.0.0.1').on('error', () => undefined)
      await once(socket, 'connect')
      socket.write('CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n')
      socket.resetAndDestroy()
    }
    await until(() => server.connections() === 0)
    expect(head(await ask(server.port, get()))[0]).toBe('HTTP/1.1 200 OK')
  })
})
