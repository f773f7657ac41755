/** The way to the app over its Unix socket: what is written, what counts as an answer, and how it ends. */
import { mkdtempSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { createServer as createHttp, type RequestListener } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { askApp } from '../../../gateway/cvm/ask-app.ts'
import type { CvmRequest } from '../../../gateway/oblivious.ts'
import { fromUtf8, utf8 } from '../../../shared/bytes.ts'
import { Refusal } from '../../../shared/refusal.ts'
import { until } from './machine.ts'
import { reasonOf, whole } from './pools.ts'

function place(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ask-app-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return join(folder, 'app.sock')
}

async function app(handler: RequestListener) {
  const path = place()
  const server = createHttp(handler)
  await once(server.listen(path), 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return askApp({ app: path, firstByte: 400, stall: 400 })
}

/** An app that writes its bytes by hand; gives what it was sent. */
async function raw(answer: string) {
  const path = place()
  const heard: string[] = []
  const server = createServer((socket) => {
    socket
      .on('error', () => undefined)
      .on('data', (data) => {
        heard.push(data.toString('latin1'))
        if (heard.join('').includes('\r\n\r\n')) socket.end(answer)
      })
  })
  await once(server.listen(path), 'listening')
  onTestFinished(() => void server.close())
  return { ask: askApp({ app: path, firstByte: 400, stall: 400 }), heard }
}

const request = (changes: Partial<CvmRequest> = {}): CvmRequest => ({
  method: 'POST',
  path: '/x',
  headers: [['host', 'app.example']],
  body: null,
  ...changes,
})
const ok = 'HTTP/1.1 204 No Content\r\n\r\n'
const broken = async (ask: ReturnType<typeof askApp>, given = request()) =>
  reasonOf(ask(given).then(({ body }) => whole(body)))

async function* parts(...list: string[]) {
  for (const one of list) yield Promise.resolve(utf8(one))
}

test.each<[string, Partial<CvmRequest>, string]>([
  ['no content', {}, 'POST /x HTTP/1.1\r\nhost: app.example\r\ncontent-length: 0\r\nConnection: close\r\n\r\n'],
  ['none to GET', { method: 'GET' }, 'GET /x HTTP/1.1\r\nhost: app.example\r\nConnection: close\r\n\r\n'],
  [
    'a whole content, whatever length was said',
    {
      method: 'DELETE',
      headers: [
        ['host', 'a'],
        ['content-length', '99'],
      ],
      body: utf8('hi'),
    },
    'DELETE /x HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nConnection: close\r\n\r\nhi',
  ],
  [
    'a stream',
    { body: parts('a', 'bc') },
    'POST /x HTTP/1.1\r\nhost: app.example\r\ntransfer-encoding: chunked\r\nConnection: close\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n',
  ],
])('writes %s with one framing, ours', async (_what, changes, written) => {
  const { ask, heard } = await raw(ok)
  await ask(request(changes))
  await until(() => heard.join('') === written, 'the whole request').catch(() => undefined)
  expect(heard.join('')).toBe(written)
})

test('gives status, fields in their order, content and trailers', async () => {
  const ask = await app((incoming, outgoing) => {
    incoming.resume().on('end', () => {
      outgoing.writeHead(201, [
        ['X-A', '1'],
        ['x-a', '2'],
        ['trailer', 'x-end'],
        ['transfer-encoding', 'chunked'],
      ])
      outgoing.write('hello ')
      outgoing.addTrailers({ 'x-end': 'yes' })
      outgoing.end('there')
    })
  })
  const answer = await ask(request({ body: utf8('x') }))
  const { status, headers, body } = answer
  expect(status).toBe(201)
  expect(headers.filter(([name]) => name === 'x-a')).toEqual([
    ['x-a', '1'],
    ['x-a', '2'],
  ])
  expect(fromUtf8(await whole(body))).toBe('hello there')
  expect(answer.trailers()).toEqual([['x-end', 'yes']])
})

test.each([
  ['without a length, whose end could be cut off unnoticed', 'HTTP/1.1 200 OK\r\n\r\nhello'],
  ['shorter than it said', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello'],
  ['whose last chunk is missing', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n'],
  ['that is no HTTP', 'hello\r\n\r\n'],
  ['that is none', ''],
])('an answer %s is a failure of the app', async (_what, answer) => {
  expect(await broken((await raw(answer)).ask)).toBe('unreachable')
})

test('an app that is not there, that says nothing, or that stops in the middle', async () => {
  expect(await broken(askApp({ app: '/nonexistent/app.sock', firstByte: 400, stall: 400 }))).toBe('unreachable')
  expect(await broken(await app(() => undefined))).toBe('slow')
  const half = await app((_incoming, outgoing) => void outgoing.writeHead(200, { 'content-length': 9 }).write('hello'))
  expect(await broken(half)).toBe('slow')
})

test("a content that fails is nobody else's failure, and the app sees no end of it", async () => {
  const ends: boolean[] = []
  let begun = false
  const ask = await app((incoming) => {
    begun = true
    incoming.resume().on('error', () => undefined)
    incoming.on('close', () => ends.push(incoming.complete))
  })
  async function* failing() {
    yield await Promise.resolve(utf8('begun'))
    await until(() => begun, 'the app heard of it')
    throw new Refusal('incomplete', 'the sender left')
  }
  await expect(ask(request({ body: failing() }))).rejects.toMatchObject({ code: 'incomplete' })
  await until(() => ends.length === 1, 'the app let go')
  expect(ends).toEqual([false])
})

test.each(['before the answer', 'in the middle of it'])('a reader who leaves %s takes the app along', async (when) => {
  let gone = false
  const ask = await app((incoming, outgoing) => {
    incoming.resume()
    outgoing.on('close', () => (gone = true))
    if (when !== 'before the answer') outgoing.writeHead(200, { 'content-length': 99 }).write('hello')
  })
  const leave = new AbortController()
  const asked = ask(request(), leave.signal)
  if (when === 'before the answer') {
    setTimeout(() => leave.abort(new Error('left')), 20)
    await expect(asked).rejects.toThrow('left')
  } else {
    const { body } = await asked
    for await (const piece of body) {
      expect(fromUtf8(piece)).toBe('hello')
      break
    }
  }
  await until(() => gone, 'the app let go')
  expect(gone).toBe(true)
})

test('a slow reader slows the app', async () => {
  let written = 0
  const ask = await app((_incoming, outgoing) => {
    outgoing.writeHead(200, { 'content-length': 64 << 20 })
    const more = (): void => {
      while (written < 64) {
        written += 1
        if (!outgoing.write(Buffer.alloc(1 << 20))) {
          outgoing.once('drain', more)
          return
        }
      }
    }
    more()
  })
  const { body } = await ask(request({ method: 'GET' }))
  const reader = body[Symbol.asyncIterator]()
  await reader.next()
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(written).toBeLessThan(8)
  await reader.return?.()
})
