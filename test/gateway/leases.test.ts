/** Who may hold a lease: somebody whose first chunk has opened, and until his request has begun for a bounded time. */
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { concat } from '../../shared/bytes.ts'
import { encodeContent } from '../../shared/bhttp/encode.ts'
import { mediaTypes } from '../../shared/http/media-types.ts'
import { ask, ChunkedClient, chunkedHead, openChunks, post, town } from './town.ts'

/** A body to which the test adds, and which never ends by itself. */
function upload() {
  let to!: ReadableStreamDefaultController<Uint8Array>
  const body = new ReadableStream<Uint8Array>({ start: (controller) => void (to = controller) })
  return { body, send: (bytes: Uint8Array) => to.enqueue(bytes), end: () => to.close() }
}

async function slowly(pieces: Iterable<Uint8Array>, send: (piece: Uint8Array) => unknown, done: () => boolean) {
  for (const piece of pieces) {
    if (done()) return
    await send(piece)
    await pause(20)
  }
}

const octets = (bytes: Uint8Array) => Array.from(bytes, (octet) => Uint8Array.of(octet))

describe('no lease without proof', () => {
  test('one octet each from many senders takes no lease from anybody', async () => {
    const place = await town()
    place.pool.free = 2
    const uploads = Array.from({ length: 16 }, () => {
      const { body, send, end } = upload()
      send(Uint8Array.of(0x78))
      return { end, answer: post(place.app, mediaTypes.chunkedRequest, body) }
    })
    await pause(20)
    expect(place.pool.leases).toBe(0)
    expect((await ask(place)).text).toBe('hello')
    expect(place.pool.leases).toBe(1)
    for (const { end } of uploads) end()
    await Promise.all(uploads.map(({ answer }) => answer))
  })

  test('everything but the last octet of the first chunk takes none, and that octet opens it', async () => {
    const place = await town()
    const client = await ChunkedClient.to(place.key)
    const answer = client.send(place.app)
    const frame = await client.sealer.seal(chunkedHead({}))
    client.raw(frame.subarray(0, -1))
    await pause(20)
    expect(place.pool.leases).toBe(0)
    client.raw(frame.subarray(-1))
    await vi.waitFor(() => expect(place.pool.leases).toBe(1))
    client.stop()
    expect((await openChunks(await answer, client)).inner.status).toBe(400)
    expect(place.pool.released).toBe(1)
  })

  test('a first chunk octet by octet has one deadline for all of it', async () => {
    const place = await town({ limits: { stall: 200 } })
    const { body, send } = upload()
    let answered = false
    const answer = post(place.app, mediaTypes.chunkedRequest, body).finally(() => (answered = true))
    await slowly(octets(concat(Uint8Array.of(1, 0, 0x20, 0, 1, 0, 1), new Uint8Array(100))), send, () => answered)
    expect([(await answer).status, place.pool.leases, place.outcomes]).toEqual([408, 0, ['unreadable']])
  })
})

describe('a lease is not held for a request that does not begin', () => {
  test.each([
    ['an inner head', octets(chunkedHead({ method: 'POST', headers: [['x-long', 'x'.repeat(99)]] }))],
    [
      'padding where there is no content',
      [concat(chunkedHead({}), Uint8Array.of(0, 0)), ...Array<Uint8Array>(99).fill(Uint8Array.of(0))],
    ],
  ])('%s octet by octet has one deadline, inside the seal', async (_, pieces) => {
    const place = await town({ limits: { stall: 200 } })
    const client = await ChunkedClient.to(place.key)
    let answered = false
    const answer = client.send(place.app).finally(() => (answered = true))
    await slowly(
      pieces,
      (piece) => client.chunk(piece),
      () => answered,
    )
    expect((await openChunks(await answer, client)).inner.status).toBe(408)
    expect([place.pool.sent, place.pool.leases, place.pool.released]).toEqual([0, 1, 1])
  })

  test('an upload that has begun may be slow', async () => {
    const place = await town({
      limits: { stall: 200 },
      handler: (incoming, out) => incoming.resume().on('end', () => out.end('done')),
    })
    const client = await ChunkedClient.to(place.key)
    const answer = client.send(place.app)
    await client.chunk(concat(chunkedHead({ method: 'POST' }), encodeContent(Uint8Array.of(1))))
    for (let i = 0; i < 6; i++) {
      await pause(50)
      await client.chunk(encodeContent(Uint8Array.of(1)))
    }
    await client.final(Uint8Array.of(0, 0))
    expect((await openChunks(await answer, client)).text).toBe('done')
  })
})

describe('plain refusals do not wait for the sender', () => {
  test.each([
    [400, 'what does not open', Infinity],
    [503, 'no attested CVM', 0],
  ])('%i for %s comes though the upload goes on in silence', async (status, _, free) => {
    const place = await town()
    place.pool.free = free
    const client = await ChunkedClient.to(place.key)
    const answer = client.send(place.app)
    client.raw(concat(Uint8Array.of(20), new Uint8Array(20)))
    const began = performance.now()
    expect((await answer).status).toBe(status)
    expect(performance.now() - began).toBeLessThan(2_000)
  })
})
