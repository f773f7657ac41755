/** The app's door, as a process on its Unix socket: as itself, and in front of a model server. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createSocket, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Client } from 'undici'
import { modelServerUrl } from '../../../deploy/local/app/model-server.ts'
import { startService, tailOf, type Service } from '../../../deploy/local/pair/service.ts'

const folder = mkdtempSync(join(tmpdir(), 'asunder-app-'))
const socket = join(folder, 'app.sock')
const door = join(import.meta.dirname, '../../../deploy/local/app.ts')
const open: Service[] = []

afterEach(async () => {
  await Promise.all(open.splice(0).map((service) => service.stop()))
})
afterAll(() => rmSync(folder, { recursive: true }))

async function start(...args: string[]): Promise<Service> {
  const logFile = join(folder, `${open.length}-${Date.now()}.log`)
  const service = startService({ name: 'app', door, args: ['--socket', socket, ...args], logFile })
  open.push(service)
  await service.event('started')
  return service
}

async function ask(body: object, headers: Record<string, string> = {}) {
  const client = new Client('http://app', { socketPath: socket })
  const answer = await client.request({
    path: '/v1/chat/completions',
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  })
  const parts: string[] = []
  const times: number[] = []
  for await (const part of answer.body) {
    parts.push(String(part))
    times.push(performance.now())
  }
  await client.close()
  return { status: answer.statusCode, type: answer.headers['content-type'], parts, times, text: parts.join('') }
}

const chat = { model: 'default', messages: [{ role: 'user', content: 'The bridge is closed. Trains run late today.' }] }

test('it streams word by word at its pace, over a socket that only its owner may use', async () => {
  const app = await start('--pace', '20')
  expect(statSync(socket).mode & 0o777).toBe(0o600)
  const { status, type, parts, times, text } = await ask({ ...chat, stream: true })
  expect([status, type]).toEqual([200, 'text/event-stream; charset=utf-8'])
  expect(parts.length).toBeGreaterThan(3)
  expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(30)
  expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
  expect((await ask(chat)).text).toContain('The bridge is closed.')
  await app.stop()
  expect(tailOf(app.logFile)).toContain('"event":"stopped"')
})

test('a socket left behind by a dead process is taken over; one in use, or a file, is not', async () => {
  const first = await start()
  first.kill()
  await first.gone
  await start()
  const second = startService({ name: 'app', door, args: ['--socket', socket], logFile: join(folder, 'second.log') })
  await expect(second.event('started')).rejects.toThrow(/is in use/)
  const file = join(folder, 'file')
  writeFileSync(file, 'mine')
  const third = startService({ name: 'app', door, args: ['--socket', file], logFile: join(folder, 'third.log') })
  await expect(third.event('started')).rejects.toThrow(/exists and is no socket/)
})

describe('in front of a model server', () => {
  let upstream: Server
  let url: string
  const seen: { url: string | undefined; headers: IncomingMessage['headers']; body: string }[] = []
  let left = 0

  beforeAll(async () => {
    upstream = createServer((request, response) => {
      let body = ''
      request.on('data', (part: Buffer) => (body += part.toString()))
      request.on('end', () => {
        seen.push({ url: request.url, headers: request.headers, body })
        response.on('close', () => (left += response.writableFinished ? 0 : 1))
        void answer(response, body)
      })
    })
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`
  })
  afterAll(() => void upstream.close())

  async function answer(response: import('node:http').ServerResponse, body: string): Promise<void> {
    const refused = body.includes('refuse')
    response.writeHead(refused ? 429 : 200, {
      'content-type': 'text/event-stream',
      'x-own': '1',
      'set-cookie': 'a=b',
      'retry-after': '7',
    })
    for (let i = 0; i < (body.includes('endless') ? 1000 : 4) && !response.destroyed; i++) {
      response.write(`data: {"i":${i}}\n\n`)
      await sleep(25)
    }
    response.end('data: [DONE]\n\n')
  }

  test.each(['', '/', '/v1'])('requests pass as they are and answers stream through (base %j)', async (base) => {
    await start('--upstream', `${url}${base}`)
    const { parts, text, times } = await ask(
      { ...chat, stream: true },
      { authorization: 'Bearer k', 'content-type': 'application/json', 'x-app': 'me' },
    )
    expect(text).toBe('data: {"i":0}\n\ndata: {"i":1}\n\ndata: {"i":2}\n\ndata: {"i":3}\n\ndata: [DONE]\n\n')
    expect(parts.length).toBeGreaterThan(2)
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(40)
    const got = seen.at(-1)
    expect(got?.url).toBe('/v1/chat/completions')
    expect(got?.body).toBe(JSON.stringify({ ...chat, stream: true }))
    expect(got?.headers).toMatchObject({ authorization: 'Bearer k', 'content-type': 'application/json' })
    expect(got?.headers).not.toHaveProperty('x-app')
  })

  test("the server's refusal passes too, its cookies do not", async () => {
    await start('--upstream', url)
    const client = new Client('http://app', { socketPath: socket })
    const refused = await client.request({ path: '/v1/chat/completions', method: 'POST', body: '{"refuse":1}' })
    expect(refused.statusCode).toBe(429)
    expect(refused.headers).toMatchObject({ 'retry-after': '7' })
    expect(refused.headers).not.toHaveProperty('set-cookie')
    await refused.body.dump()
    await client.close()
  })

  test('a reader that leaves takes its upstream request along', async () => {
    await start('--upstream', url)
    const before = left
    const client = new Client('http://app', { socketPath: socket })
    const answer = await client.request({ path: '/v1/chat/completions', method: 'POST', body: '{"endless":1}' })
    answer.body.once('data', () => answer.body.destroy())
    answer.body.on('error', () => undefined)
    await expect.poll(() => left, { timeout: 3000 }).toBe(before + 1)
    await client.destroy()
  })

  test('a server that is not there is a 502 in the shape of OpenAI', async () => {
    const idle = createSocket()
    await new Promise<void>((resolve) => idle.listen(0, '127.0.0.1', resolve))
    const { port } = idle.address() as AddressInfo
    await new Promise((resolve) => idle.close(resolve))
    await start('--upstream', `http://localhost:${port}`)
    const { status, text } = await ask(chat)
    expect(status).toBe(502)
    expect(JSON.parse(text)).toMatchObject({ error: { code: 'upstream_unreachable', type: 'api_error' } })
  })
})

test.each([
  'http://example.com',
  'ftp://127.0.0.1',
  'nonsense',
  'https://me:pw@example.com',
  'https://example.com/?q=1',
])('no upstream: %s', (text) => {
  expect(() => modelServerUrl(text)).toThrow(TypeError)
})

test.each(['http://127.0.0.1:1/v1', 'http://[::1]:1', 'http://localhost:1', 'https://models.example/v1'])(
  'an upstream: %s',
  (text) => {
    expect(modelServerUrl(text).href).toContain(text)
  },
)

describe('called wrongly, it says how and exits with 2', () => {
  const run = promisify(execFile)
  test.each<[string[], string]>([
    [[], '--socket is missing'],
    [['--sock', 'x'], '--sock'],
    [['--socket', '/tmp/x', '--pace', 'fast'], '--pace'],
    [['--socket', '/tmp/x', '--upstream', 'http://example.com'], '--upstream'],
  ])('%j', async (args, words) => {
    const failed = await run(process.execPath, [door, ...args]).catch(
      (error: unknown) => error as { code: number; stderr: string },
    )
    expect(failed).toMatchObject({ code: 2 })
    expect(failed.stderr).toContain(words)
  })

  test('--help goes to stdout with 0', async () => {
    expect((await run(process.execPath, [door, '--help'])).stdout).toContain('--upstream URL')
  })
})
