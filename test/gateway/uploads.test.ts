import { describe, expect, test, vi } from 'vitest'
import { encodeContent, encodeEnd } from '../../shared/bhttp/encode.ts'
import { concat, utf8 } from '../../shared/bytes.ts'
import { mediaTypes } from '../../shared/http/media-types.ts'
import { ask, askChunked, ChunkedClient, chunkedHead, newKey, openChunks, town } from './town.ts'
import { Listener } from './listener.ts'

const head = (method = 'POST') => chunkedHead({ method, path: '/upload' })

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

  test('B-19: content beyond the length that was said never reaches the CVM', async () => {
    const place = await town({ handler: (incoming) => void incoming.resume() })
    const client = await ChunkedClient.to(place.key)
    const answer = client.send(place.app)
    await client.chunk(chunkedHead({ method: 'POST', headers: [['content-length', '2']] }))
    await client.chunk(encodeContent(utf8('ab')))
    await vi.waitFor(() => expect(place.pool.sent).toBe(1))
    await client.chunk(encodeContent(utf8('GET / HTTP/1.1')))
    expect((await openChunks(await answer, client)).inner.status).toBe(400)
    await vi.waitFor(() => expect(place.seen).toHaveLength(1))
    expect(place.seen[0]).toMatchObject({ body: 'ab', complete: false })
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
    ['octets', { stream: 400 }, 400],
    ['chunks', { chunks: 3 }, 3],
  ])('E-11, CHK-18: too many %s are a sealed 413 that names the limit', async (_, limits, limit) => {
    const place = await town({ limits, handler: (incoming, out) => incoming.resume().on('end', () => out.end('done')) })
    const client = await ChunkedClient.to(place.key)
    const answer = client.send(place.app)
    await client.chunk(head())
    for (let i = 0; i < 6; i++) await client.chunk(encodeContent(new Uint8Array(60)))
    await client.final(encodeEnd())
    const { text } = await openChunks(await answer, client)
    expect(JSON.parse(text)).toEqual({ type: 'about:blank', title: 'Content Too Large', status: 413, limit })
    expect(place.outcomes).toEqual(['too-large'])
  })

  test('CHK-10: a chunk above 16,384 octets is refused from its length, before it came', async () => {
    const place = await town()
    const client = await ChunkedClient.to(place.key)
    const answer = client.send(place.app)
    await client.chunk(head())
    client.raw(Uint8Array.of(0x80, 0x00, 0x40, 0x11))
    const { text } = await openChunks(await answer, client)
    expect(JSON.parse(text)).toMatchObject({ status: 413, limit: 16_400 })
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

describe('chunked requests that were stored by whoever sent them on', () => {
  type Spoil = (client: ChunkedClient) => unknown
  /** Everything is there, with its length, before anything is sent. */
  async function stored(fields: Record<string, string>, spoil: Spoil, length = '3') {
    const place = await town({ handler: (incoming, out) => void incoming.resume().on('end', () => out.end('done')) })
    const client = await ChunkedClient.to(place.key)
    await client.chunk(chunkedHead({ method: 'POST', headers: [['content-length', length]] }))
    await client.chunk(encodeContent(utf8('abc')))
    await spoil(client)
    const all = new Uint8Array(await new Response(client.body).arrayBuffer())
    const headers = { 'content-type': mediaTypes.chunkedRequest, 'content-length': String(all.length), ...fields }
    // The last octets come apart, as they may from a network.
    const body = ReadableStream.from([all.subarray(0, -20), all.subarray(-20)])
    const answer = await place.app.request('/', { method: 'POST', headers, body, duplex: 'half' })
    return { ...(await openChunks(answer, client)), sent: place.pool.sent, seen: place.seen }
  }
  const good: Spoil = (client) => client.final(encodeEnd())
  const garbage: Spoil = (client) => {
    client.raw(Uint8Array.of(0x14, ...new Uint8Array(20)))
    client.stop()
  }

  test('a good one arrives with its length', async () => {
    const { text, seen } = await stored({}, good)
    expect(text).toBe('done')
    expect(seen).toMatchObject([{ body: 'abc', complete: true }])
  })

  test.each<[string, Spoil, string]>([
    ['garbage behind the first chunk', garbage, '3'],
    ['no final chunk', (client) => client.stop(), '3'],
    ['another length than was said', good, '9'],
  ])('%s: nothing is sent, so no connection to the CVM is lost', async (_, spoil, length) => {
    const { inner, sent } = await stored({}, spoil, length)
    expect([inner.status, sent]).toEqual([400, 0])
  })

  test('one that asks to be passed on as it comes is', async () => {
    const { inner, sent } = await stored({ incremental: '?1' }, garbage)
    expect([inner.status, sent]).toEqual([400, 1])
  })
})
