import type { ServerResponse } from 'node:http'
import { describe, expect, test, vi } from 'vitest'
import { decodeResponse, ResponseDecoder } from '../../shared/bhttp/decode.ts'
import { encodeContent, encodeEnd } from '../../shared/bhttp/encode.ts'
import { concat, fromUtf8, hex, utf8, type Bytes } from '../../shared/bytes.ts'
import {
  ask,
  askChunked,
  ChunkedClient,
  chunkedHead,
  newKey,
  openChunks,
  start,
  town,
  valueOf,
  type Town,
} from './town.ts'

/** Reads an answer as it comes: sealed chunks as they were sent, and what they open to. */
class Listener {
  readonly chunks: Bytes[] = []
  readonly #client: ChunkedClient
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #decoder = new ResponseDecoder()
  text = ''

  constructor(client: ChunkedClient, outer: Response) {
    if (outer.body === null) throw new TypeError('no content')
    this.#client = client
    this.#reader = outer.body.getReader()
  }

  /** One piece of the outer content. False at its clean end. */
  async next(): Promise<boolean> {
    const { done, value } = await this.#reader.read()
    const plaintexts = done ? await this.#client.opener.end() : await this.#client.opener.push(value)
    this.chunks.push(...plaintexts)
    const events = plaintexts.flatMap((plaintext) => this.#decoder.push(plaintext))
    for (const event of events) if (event.type === 'content') this.text += fromUtf8(event.bytes)
    return !done
  }

  async until(text: string): Promise<void> {
    while (!this.text.includes(text)) if (!(await this.next())) throw new Error('ended before')
  }

  leave(): Promise<void> {
    return this.#reader.cancel()
  }
}

async function started(
  place: Town,
  inside = {},
): Promise<{ client: ChunkedClient; outer: Response; listener: Listener }> {
  const client = await ChunkedClient.to(place.key)
  await client.whole(inside)
  const outer = await client.send(place.app)
  return { client, outer, listener: new Listener(client, outer) }
}

const settled = (place: Town) => vi.waitFor(() => expect(place.outcomes).toHaveLength(1))
const head = (method = 'POST') => chunkedHead({ method, path: '/upload' })

describe('chunked exchanges', () => {
  test('CHK-1, CHK-12, OHTTP-G9: a chunked answer to a chunked request, incremental, and nothing else outside', async () => {
    const place = await town()
    const { outer, inner, text } = await askChunked(place)
    expect([outer.status, inner.status, inner.framing, text]).toEqual([200, 200, 'indeterminate', 'hello'])
    expect(Object.fromEntries(outer.headers)).toEqual({
      'content-type': 'message/ohttp-chunked-res',
      'cache-control': 'no-store',
      incremental: '?1',
    })
    expect([place.outcomes, place.faults]).toEqual([['served'], []])
    expect((await ask(place)).outer.headers.get('content-type')).toBe('message/ohttp-res')
  })

  test('CHK-21, INC-1: every event reaches the client before the target sends the next one', async () => {
    let out: ServerResponse | undefined
    const place = await town({ handler: (_, outgoing) => (out = outgoing.writeHead(200)).flushHeaders() })
    const { listener } = await started(place)
    for (let i = 0; i < 5; i++) {
      out?.write(`data: ${String(i)}\n\n`)
      await listener.until(`data: ${String(i)}\n\n`)
      expect(listener.text).not.toContain(`data: ${String(i + 1)}`)
    }
    out?.end()
    while (await listener.next());
    // Head, five events, and a final chunk of the two zeros that end content and trailers.
    expect(listener.chunks).toHaveLength(7)
    expect(listener.chunks.map(hex).at(-1)).toBe('0000')
    expect(listener.chunks.slice(1, 6).map((chunk) => fromUtf8(chunk.subarray(1)))).toEqual(
      [0, 1, 2, 3, 4].map((i) => `data: ${String(i)}\n\n`),
    )
  })

  test('CHK-10: at most 16,384 plaintext octets a chunk, full ones where one event needs several, none empty', async () => {
    const place = await town({ handler: (_, out) => out.end(Buffer.alloc(200_000, 'x')) })
    const { listener } = await started(place)
    while (await listener.next());
    const lengths = listener.chunks.map((chunk) => chunk.length)
    expect(Math.max(...lengths)).toBe(16_384)
    expect(Math.min(...lengths)).toBeGreaterThan(0)
    expect(listener.text).toHaveLength(200_000)
  })

  test('CHK-1, B-7: trailers of the target arrive, and the final chunk is the terminator alone', async () => {
    const place = await town({
      handler: (_, out) => {
        out.writeHead(200, { trailer: 'x-usage' }).write('x')
        out.addTrailers({ 'x-usage': '7', connection: 'close' })
        out.end()
      },
    })
    const { listener } = await started(place)
    while (await listener.next());
    const message = decodeResponse(concat(...listener.chunks))
    expect(message.trailers).toEqual([['x-usage', '7']])
    expect(hex(listener.chunks.at(-1) ?? new Uint8Array())).toBe('00')
  })

  test('OHTTP-G11, HOP-8: an answer that breaks off is cut, never ended', async () => {
    let out: ServerResponse | undefined
    const place = await town({ handler: (_, outgoing) => void (out = outgoing).write('first') })
    const { listener } = await started(place)
    await listener.until('first')
    out?.destroy()
    await expect(
      (async () => {
        while (await listener.next());
      })(),
    ).rejects.toThrow('not complete')
    expect(place.outcomes).toEqual(['cut'])
  })

  test('OHTTP-G11: a CVM that fails before it answers is a sealed 502 in the chunked family, padded', async () => {
    const place = await town({ handler: (incoming) => void incoming.socket.destroy() })
    const { outer, inner, size } = await askChunked(place)
    expect([outer.status, outer.headers.get('content-type'), inner.status, size]).toEqual([
      200,
      'message/ohttp-chunked-res',
      502,
      1024,
    ])
  })

  test.each([
    ['OHTTP-G19, CHK-16', { headers: [['expect', '100-continue']] as const }, 417],
    ['OHTTP-G26', { authority: 'other.example' }, 403],
    ['B-20', { headers: [['host', 'other.example']] as const }, 400],
    ['OHTTP-G22', { date: start - 400_000 }, 400],
    ['B-19', { method: 'POST', content: 'abc', headers: [['content-length', '4']] as const }, 400],
    ['B-19 the other way', { method: 'POST', content: 'abc', headers: [['content-length', '2']] as const }, 400],
    ['B-19 without content', { headers: [['content-length', '2']] as const }, 400],
  ])('PAD-3: %s is sealed in the chunked family and padded', async (_, inside, status) => {
    const place = await town()
    const { outer, inner, size } = await askChunked(place, inside)
    expect([outer.status, inner.status, valueOf(inner.headers, 'content-type'), size]).toEqual([
      200,
      status,
      'application/problem+json',
      1024,
    ])
    expect(place.seen.filter(({ complete }) => complete)).toEqual([])
  })

  test('a reader that leaves ends the exchange with the CVM and gives the lease back', async () => {
    let closed = false
    const place = await town({
      handler: (incoming, out) => void (incoming.on('close', () => (closed = true)), out.write('first')),
    })
    const { listener } = await started(place)
    await listener.until('first')
    await listener.leave()
    await settled(place)
    expect([place.outcomes, place.pool.released]).toEqual([['left'], 1])
    await vi.waitFor(() => expect(closed).toBe(true))
  })

  test('a slow reader slows the CVM instead of filling memory', async () => {
    let written = 0
    const place = await town({
      handler: (_, out) => {
        const more = (): void => {
          while (written < 64 << 20) {
            written += 65_536
            if (!out.write(Buffer.alloc(65_536))) return void out.once('drain', more)
          }
          out.end()
        }
        more()
      },
    })
    const { listener } = await started(place)
    await listener.next()
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(written).toBeLessThan(32 << 20)
    await listener.leave()
    await settled(place)
  })

  test('CHK-18: a stream longer than we carry is cut', async () => {
    const place = await town({ limits: { stream: 50_000 }, handler: (_, out) => out.end(Buffer.alloc(60_000)) })
    const { listener } = await started(place)
    await expect(
      (async () => {
        while (await listener.next());
      })(),
    ).rejects.toThrow('not complete')
  })
})

describe('streamed requests', () => {
  test('CHK-13, CHK-15: each piece reaches the CVM as it opens, whatever the chunk boundaries', async () => {
    const arrived: string[] = []
    const place = await town({
      handler: (incoming, out) => {
        incoming.on('data', (piece: Buffer) => arrived.push(piece.toString()))
        incoming.on('end', () => out.end(arrived.join('|')))
      },
    })
    const client = await ChunkedClient.to(place.key)
    const answer = client.send(place.app)
    const message = head()
    for (let i = 0; i < message.length; i += 7) await client.chunk(message.subarray(i, i + 7))
    for (const word of ['one', 'two', 'three']) {
      await client.chunk(encodeContent(utf8(word)))
      await vi.waitFor(() => expect(arrived.at(-1)).toBe(word))
    }
    await client.final(encodeEnd())
    expect((await openChunks(await answer, client)).text).toBe('one|two|three')
  })

  test('CHK-14: without the final chunk the request is not complete for the CVM, and the client hears of it', async () => {
    const place = await town({ handler: (incoming, out) => incoming.resume().on('end', () => out.end('done')) })
    const client = await ChunkedClient.to(place.key)
    const answer = client.send(place.app)
    await client.chunk(head())
    await client.chunk(concat(encodeContent(utf8('everything')), encodeEnd()))
    client.stop()
    const { inner, size } = await openChunks(await answer, client)
    expect([inner.status, size]).toEqual([400, 1024])
    await vi.waitFor(() => expect(place.seen).toHaveLength(1))
    expect(place.seen[0]?.complete).toBe(false)
  })

  test('CHK-14: one without content is not sent at all before its final chunk', async () => {
    const place = await town()
    const client = await ChunkedClient.to(place.key)
    const answer = client.send(place.app)
    await client.chunk(concat(chunkedHead({ method: 'DELETE' }), encodeEnd()))
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(place.pool.sent).toBe(0)
    await client.final()
    expect((await openChunks(await answer, client)).inner.status).toBe(200)
    expect(place.seen[0]?.headers.map(([name]) => name)).not.toContain('transfer-encoding')
  })

  test.each(['a broken tag', 'a connection that is lost'])(
    'CHK-14, CHK-20: %s in the middle aborts the upload; the error is sealed',
    async (how) => {
      const place = await town({ handler: (incoming, out) => incoming.resume().on('end', () => out.end('done')) })
      const client = await ChunkedClient.to(place.key)
      const answer = client.send(place.app)
      await client.chunk(head())
      await client.chunk(encodeContent(utf8('first')))
      await vi.waitFor(() => expect(place.pool.sent).toBe(1))
      if (how === 'a broken tag') client.raw(concat(Uint8Array.of(20), new Uint8Array(20)))
      else client.breakOff()
      const { inner } = await openChunks(await answer, client)
      expect(inner.status).toBe(400)
      await vi.waitFor(() => expect(place.seen).toHaveLength(1))
      expect(place.seen[0]?.complete).toBe(false)
    },
  )

  test('CHK-20: an error after the first response chunk cuts the answer, never a clean end', async () => {
    const place = await town({
      handler: (incoming, out) => {
        incoming.resume()
        out.write('early')
      },
    })
    const client = await ChunkedClient.to(place.key)
    const answer = client.send(place.app)
    await client.chunk(concat(head(), encodeContent(utf8('first'))))
    const listener = new Listener(client, await answer)
    await listener.until('early')
    client.raw(concat(Uint8Array.of(20), new Uint8Array(20)))
    await expect(
      (async () => {
        while (await listener.next());
      })(),
    ).rejects.toThrow('not complete')
    expect(place.outcomes).toEqual(['cut'])
  })

  test('an answer that comes before the upload has ended is an answer', async () => {
    const place = await town({ handler: (_, out) => out.writeHead(413).end('enough') })
    const client = await ChunkedClient.to(place.key)
    const answer = client.send(place.app)
    await client.chunk(concat(head(), encodeContent(utf8('first'))))
    const { inner, text } = await openChunks(await answer, client)
    expect([inner.status, text]).toEqual([413, 'enough'])
    expect(place.faults).toEqual([])
  })

  test.each([
    ['octets', { stream: 400 }],
    ['chunks', { chunks: 3 }],
  ])('E-11, CHK-18: too many %s are a sealed 413', async (_, limits) => {
    const place = await town({ limits, handler: (incoming, out) => incoming.resume().on('end', () => out.end('done')) })
    const client = await ChunkedClient.to(place.key)
    const answer = client.send(place.app)
    await client.chunk(head())
    for (let i = 0; i < 6; i++) await client.chunk(encodeContent(new Uint8Array(60)))
    await client.final(encodeEnd())
    expect((await openChunks(await answer, client)).inner.status).toBe(413)
    expect(place.outcomes).toEqual(['too-large'])
  })

  test('CHK-10: a chunk above 16,384 octets is refused from its length, before it came', async () => {
    const place = await town()
    const client = await ChunkedClient.to(place.key)
    const answer = client.send(place.app)
    await client.chunk(head())
    client.raw(Uint8Array.of(0x80, 0x00, 0x40, 0x11))
    expect((await openChunks(await answer, client)).inner.status).toBe(413)
  })

  test('OHTTP-G30: nothing is ever sent twice', async () => {
    const place = await town({
      handler: (incoming) => void incoming.resume().on('end', () => incoming.socket.destroy()),
    })
    await askChunked(place, { method: 'POST', content: 'pay' })
    await ask(place, { method: 'POST', content: 'pay' })
    await ask(place, { method: 'GET' })
    expect(place.seen).toHaveLength(3)
  })

  test('OHTTP-G7: a chunked request names its key as well', async () => {
    const [one, two] = [newKey(1), newKey(2)]
    const place = await town({ keys: [one, two] })
    expect((await askChunked({ app: place.app, key: two })).text).toBe('hello')
  })
})
