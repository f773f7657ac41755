/** One request and its answer over an attested connection: as they are, and no faster than they are read. */
import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Field } from '../../shared/http/fields.ts'
import { fromUtf8, utf8 } from '../../shared/bytes.ts'
import type { Refusal } from '../../shared/refusal.ts'
import type { CvmRequest } from '../../gateway/attested-cvm.ts'
import {
  attestations,
  exchange,
  get,
  hello,
  leased,
  machineWith,
  post,
  readyPool,
  scripted,
  whole,
} from './cvm/pools.ts'

describe('an exchange', () => {
  test('fields go out as given, with host and framing, and come back as they are', async () => {
    const seen: string[][] = []
    const machine = await machineWith({
      handler: (request, response) => {
        seen.push(request.rawHeaders)
        response.sendDate = false
        response.writeHead(418, ['X-B', '1', 'x-a', '\xe9', 'X-b', '2', 'Trailer', 'x-t'])
        response.write('body')
        response.addTrailers([['X-T', 'end']])
        response.end()
      },
    })
    const { pool } = await readyPool(machine)
    const headers: Field[] = [
      ['x-two', '2'],
      ['host', 'app.example'],
      ['x-one', 'a\xe9'],
      ['content-length', '999'],
      ['transfer-encoding', 'gzip'],
      ['x-two', '3'],
    ]
    const lease = leased(pool)
    const response = await lease.send({ method: 'POST', path: '/p?q=%20', headers, body: utf8('abc') })
    expect(fromUtf8(await whole(response.body))).toBe('body')
    lease.release()
    expect(seen).toEqual([
      [
        'host',
        'app.example',
        'x-two',
        '2',
        'x-one',
        'a\xe9',
        'x-two',
        '3',
        'content-length',
        '3',
        'Connection',
        'close',
      ],
    ])
    expect(response.status).toBe(418)
    expect(response.headers.filter(([name]) => name.startsWith('x-'))).toEqual([
      ['x-b', '1'],
      ['x-a', '\xe9'],
      ['x-b', '2'],
    ])
    expect(response.trailers()).toEqual([['x-t', 'end']])
    expect(machine.reached).toEqual(['POST /p?q=%20'])
  })

  test('another host in the next request costs no connection', async () => {
    const pooled = await readyPool(await machineWith({ handler: hello }))
    for (const name of ['one.example', 'two.example', 'three.example']) {
      await exchange(pooled.pool, get('/', [['host', name]]))
    }
    expect(attestations(pooled)).toBe(1)
  })

  test.each(['HEAD', 'DELETE', 'OPTIONS', 'PUT'])('%s costs no connection either', async (method) => {
    const pooled = await readyPool(await machineWith({ handler: hello }))
    const body = method === 'HEAD' ? null : utf8('content')
    for (let round = 0; round < 3; round++) {
      const { text } = await exchange(pooled.pool, { method, path: '/', headers: [], body })
      expect(text).toBe(method === 'HEAD' ? '' : 'hello')
    }
    expect(attestations(pooled)).toBe(1)
  })

  test('3 MiB come back intact, whole and streamed, empty pieces left out', async () => {
    const { pool } = await readyPool(await machineWith())
    const bytes = randomBytes(3 << 20)
    async function* pieces() {
      yield new Uint8Array(0)
      for (let at = 0; at < bytes.length; at += 10_007) {
        yield bytes.subarray(at, at + 10_007)
        if (at % 7 === 0) await pause(1)
      }
    }
    for (const body of [bytes, pieces()]) {
      const lease = leased(pool)
      const response = await lease.send(post(body))
      const digest = createHash('sha256')
        .update(await whole(response.body))
        .digest('hex')
      expect(digest).toBe(createHash('sha256').update(bytes).digest('hex'))
      lease.release()
    }
    expect(leased(pool).alive).toBe(true)
  })

  test('a reader that waits makes the app wait', async () => {
    let written = 0
    const machine = await machineWith({
      handler: (_request, response) => {
        const piece = Buffer.alloc(65_536)
        const more = (): void => {
          while (written < 64 << 20) {
            written += piece.length
            if (!response.write(piece)) return void response.once('drain', more)
          }
          response.end()
        }
        more()
      },
    })
    const { pool } = await readyPool(machine)
    const lease = leased(pool)
    const { body } = await lease.send(get('/'))
    await pause(300)
    const stopped = written
    await pause(200)
    expect(written).toBe(stopped)
    expect(stopped).toBeLessThan(24 << 20)
    let length = 0
    for await (const piece of body) {
      // What undici hands out when a paused parser goes on (feasibility A3).
      if (piece.length === 0) throw new Error('an empty piece')
      length += piece.length
    }
    expect(length).toBe(64 << 20)
    lease.release()
  })

  test('pieces come as they are made', async () => {
    const machine = await machineWith({
      handler: (_request, response) => {
        let count = 0
        const tick = setInterval(() => {
          response.write(`event ${count}`)
          if (++count === 3) {
            clearInterval(tick)
            response.end()
          }
        }, 20)
      },
    })
    const { pool } = await readyPool(machine)
    const lease = leased(pool)
    const { body } = await lease.send(get('/'))
    const texts: string[] = []
    for await (const piece of body) texts.push(fromUtf8(piece))
    expect(texts).toEqual(['event 0', 'event 1', 'event 2'])
    lease.release()
  })

  test('informational answers are left out', async () => {
    const machine = await machineWith()
    const peer = await scripted(machine, (socket) => {
      socket.write('HTTP/1.1 103 Early Hints\r\nx-early: yes\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone')
    })
    const { pool } = await readyPool(machine, { origin: { host: '127.0.0.1', port: peer.port } })
    expect(await exchange(pool, get('/'))).toEqual({ status: 200, text: 'done' })
  })

  const unwritable: [string, CvmRequest][] = [
    ['a path with a space', get('/a b')],
    ['two hosts', get('/', [['host', 'a'], ['host', 'b']])], // prettier-ignore
    ['an expectation', get('/', [['expect', '100-continue']])],
  ]
  test.each(unwritable)('%s is refused before a byte is sent', async (_what, request) => {
    const machine = await machineWith({ handler: hello })
    const pooled = await readyPool(machine)
    const lease = leased(pooled.pool)
    await expect(lease.send(request)).rejects.toSatisfy((error) => (error as Refusal).code === 'bad-field')
    lease.release()
    expect(machine.reached).toEqual([])
  })
})
