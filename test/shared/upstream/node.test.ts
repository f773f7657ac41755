import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { fromUtf8, utf8 } from '../../../shared/bytes.ts'
import { collect, type UpstreamRequest } from '../../../shared/upstream/exchange.ts'
import { isLoopback } from '../../../shared/upstream/loopback.ts'
import { poolTo, type PoolOptions, type UpstreamPool } from '../../../shared/upstream/node.ts'

async function pool(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  options: Partial<PoolOptions> = {},
): Promise<UpstreamPool> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const made = poolTo({ origin: `http://127.0.0.1:${port}/ignored`, plaintextLoopback: true, ...options })
  onTestFinished(async () => {
    await made.close()
    server.closeAllConnections()
    server.close()
  })
  return made
}

const request: UpstreamRequest = { method: 'POST', path: '/g', fields: ['content-type', 'a/b'], body: utf8('opaque') }

test('an answer is collected with its fields, and the exchange is over', async () => {
  const { forward, active } = await pool((_, response) => response.writeHead(203, { 'x-a': 'b' }).end('sealed'))
  const pending = collect(forward, request, 100)
  expect(active()).toBe(1)
  const answer = await pending
  if (typeof answer === 'string') throw new Error(answer)
  expect([answer.status, answer.field('x-a'), answer.field('x-b'), fromUtf8(answer.body)]).toEqual([
    203,
    'b',
    undefined,
    'sealed',
  ])
  expect(active()).toBe(0)
})

test('a listener that pauses at every part gets all of them, and never an empty one', async () => {
  const size = 4 << 20
  const { forward } = await pool((_, response) => response.end(Buffer.alloc(size, 'x')))
  const lengths: number[] = []
  await new Promise<void>((resolve, reject) => {
    const flow = forward(request, {
      head: () => undefined,
      data(bytes) {
        lengths.push(bytes.length)
        if (bytes.length === 0) reject(new Error('an empty part'))
        flow.pause()
        queueMicrotask(() => flow.resume())
      },
      end: resolve,
      fail: reject,
    })
  })
  expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(size)
  expect(lengths).not.toContain(0)
})

describe('letting go', () => {
  const silent = (): void => undefined

  test('before a connection was had', async () => {
    const { forward, active } = await pool(silent, { connections: 1 })
    const outcomes = [0, 1].map(
      () =>
        new Promise((resolve) => {
          const flow = forward(request, { head: silent, data: silent, end: silent, fail: resolve })
          flow.abort()
          flow.abort()
        }),
    )
    expect(await Promise.all(outcomes)).toEqual(['broken', 'broken'])
    expect(active()).toBe(0)
  })

  test('after the end changes nothing', async () => {
    const { forward } = await pool((_, response) => response.end('x'))
    await new Promise<void>((resolve) => {
      const flow = forward(request, {
        head: silent,
        data: silent,
        fail: silent,
        end() {
          flow.pause()
          flow.resume()
          flow.abort()
          resolve()
        },
      })
    })
    expect(await collect(forward, request, 10)).toMatchObject({ status: 200 })
  })
})

test.each([
  ['http://gw.example', true],
  ['http://127.0.0.1:1', false],
  ['ftp://127.0.0.1', true],
])('OHTTP-R16: %s with the switch %s is refused', (origin, plaintextLoopback) => {
  expect(() => poolTo({ origin, plaintextLoopback })).toThrow('https:')
})

test.each([
  ['127.0.0.1', true],
  ['127.8.9.10', true],
  ['::1', true],
  ['[::1]', true],
  ['LocalHost', true],
  ['0.0.0.0', false],
  ['127.0.0.1.example', false],
  ['localhost.example', false],
  ['128.0.0.1', false],
  ['::', false],
])('loopback: %s is %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected)
})
