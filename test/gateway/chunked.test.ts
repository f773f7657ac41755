import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { describe, expect, test, vi } from 'vitest'
import { asTheyCome, ChunkedReply } from '../../gateway/chunked-reply.ts'
import { outer } from '../../gateway/layer.ts'
import { defaultGatewayLimits } from '../../gateway/opened.ts'
import { decodeResponse } from '../../shared/bhttp/decode.ts'
import { RequestChunkOpener } from '../../shared/ohttp/chunked.ts'
import { concat, fromUtf8, hex } from '../../shared/bytes.ts'
import { ask, askChunked, ChunkedClient, start, town, valueOf, type Town } from './town.ts'
import { Listener } from './listener.ts'

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

  test('CHK-10, CHK-21: one event is as few chunks as it can be', async () => {
    const { key } = await town()
    const client = await ChunkedClient.to(key)
    await client.whole({})
    const opener = new RequestChunkOpener(() => key)
    for await (const piece of client.body) opener.push(piece)
    const context = { env: undefined, req: { raw: new Request('http://gateway.example/') } }
    const opening = { find: () => key, layer: outer, limits: defaultGatewayLimits, context, stream: asTheyCome }
    const reply = new ChunkedReply(opener.response(), opening)
    const body = Readable.from([new Uint8Array(40_000)])
    void reply.seal({ status: 200, headers: [], body, trailers: () => [] })
    const listener = new Listener(client, await reply.response)
    while (await listener.next());
    expect(listener.chunks.map(({ length }) => length)).toEqual([4, 16_384, 16_384, 7_238, 2])
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
          while (written < 256 << 20) {
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
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(written).toBeLessThan(16 << 20)
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
