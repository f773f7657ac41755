import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { utf8 } from '../../../shared/bytes.ts'
import { collect, type Forward } from '../../../shared/upstream/exchange.ts'
import { poolTo } from '../../../shared/upstream/node.ts'
import { keepWarm } from '../../../shared/upstream/warm.ts'

afterEach(() => void vi.useRealTimers())

function counted(): { forward: Forward; asked: () => number } {
  let asked = 0
  const nothing = (): void => undefined
  const forward: Forward = () => {
    asked += 1
    return { pause: nothing, resume: nothing, abort: nothing }
  }
  return { forward, asked: () => asked }
}

test('OHTTP-R8: the connections of the first arrivals are open already', async () => {
  const said: string[] = []
  let connections = 0
  const server = createServer((request, response) => {
    said.push(`${request.method ?? ''} ${request.url ?? ''} ${request.rawHeaders.slice(4).join(' ')}`)
    request.resume().on('end', () => response.end('x'))
  }).on('connection', () => (connections += 1))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const pool = poolTo({ origin: `http://127.0.0.1:${port}`, plaintextLoopback: true, warm: 3 })
  onTestFinished(async () => {
    await pool.close()
    server.close()
  })
  await vi.waitUntil(() => said.length === 3 && pool.active() === 0)
  await new Promise((resolve) => setTimeout(resolve, 20))
  const request = { method: 'POST', path: '/', fields: [], body: utf8('x') } as const
  await Promise.all([1, 2, 3].map(() => collect(pool.forward, request, 100)))
  expect(connections).toBe(3)
  const question = 'GET /.well-known/ohttp-gateway accept application/ohttp-keys'
  expect(said.slice(0, 3)).toEqual([question, question, question])
})

test('asks again before a connection would fall idle, and no more once it is stopped', () => {
  vi.useFakeTimers()
  const { forward, asked } = counted()
  const stop = keepWarm(forward, 2)
  expect(asked()).toBe(2)
  vi.advanceTimersByTime(29_999)
  expect(asked()).toBe(4)
  stop()
  vi.advanceTimersByTime(120_000)
  expect(asked()).toBe(4)
})

test('with none to keep, nobody is asked', () => {
  vi.useFakeTimers()
  const { forward, asked } = counted()
  keepWarm(forward, 0)()
  expect([asked(), vi.getTimerCount()]).toEqual([0, 0])
})
