/** Chunked messages over streams: order, ends, back-pressure and leaving early. */
import { beforeEach, expect, test } from 'vitest'
import { concat, hex, utf8, type Bytes } from '../../../shared/bytes.ts'
import { nodeHpke } from '../../../shared/hpke/node.ts'
import { aes128Gcm, hkdfSha256 as kdf, x25519 } from '../../../shared/hpke/suites.ts'
import { RequestChunkOpener, sealRequestChunks, type RequestChunkSealer } from '../../../shared/ohttp/chunked.ts'
import { createGatewayKey } from '../../../shared/ohttp/gateway-key.ts'
import { opened, openingStream, sealed, sealingStream } from '../../../shared/ohttp/streams.ts'

const suite = { kdf, aead: aes128Gcm }
const key = createGatewayKey({ keyId: 3, kem: x25519, suites: [suite] })
const words = ['one', '', 'two', 'three'].map(utf8)
const said = words.filter(({ length }) => length > 0)

let sealer: RequestChunkSealer
let opener: RequestChunkOpener
beforeEach(async () => {
  sealer = await sealRequestChunks(nodeHpke, key.config, suite)
  opener = new RequestChunkOpener(() => key)
})

test('every piece of the source is one chunk; empty pieces are none', async () => {
  const wire = await Array.fromAsync(sealed(sealer, from(words)))
  expect(wire).toHaveLength(said.length + 1)
  expect(hex(wire[0] ?? utf8(''))).toMatch(new RegExp(`^${hex(sealer.head)}13`))
  expect(await Array.fromAsync(opened(opener, from(wire)))).toEqual(said)
})

test('a source without a piece still makes a whole message', async () => {
  const wire = await Array.fromAsync(sealed(sealer, from([])))
  expect(wire).toHaveLength(1)
  expect(await Array.fromAsync(opened(opener, from(wire)))).toEqual([])
})

test('web streams do the same', async () => {
  const wire = ReadableStream.from(words).pipeThrough(sealingStream(sealer))
  expect(await Array.fromAsync(wire.pipeThrough(openingStream(opener)))).toEqual(said)
})

test('CHK-14: a source that fails leaves the message without its final chunk', async () => {
  const wire: Bytes[] = []
  const failing = async (): Promise<void> => {
    for await (const part of sealed(sealer, broken())) wire.push(part)
  }
  await expect(failing()).rejects.toThrow('the app is gone')
  const reading = Array.fromAsync(opened(opener, from(wire)))
  await expect(reading).rejects.toMatchObject({ code: 'incomplete' })
})

test('CHK-14: a message that is cut short throws after what did open', async () => {
  const wire = concat(...(await Array.fromAsync(sealed(sealer, from(words))))).slice(0, -1)
  const seen: Bytes[] = []
  const reading = async (): Promise<void> => {
    for await (const plaintext of opened(opener, from([wire]))) seen.push(plaintext)
  }
  await expect(reading()).rejects.toMatchObject({ code: 'cannot-open' })
  expect(seen).toEqual(said)
})

test('CHK-14: the web stream errors instead of closing', async () => {
  const wire = concat(...(await Array.fromAsync(sealed(sealer, from(words))))).slice(0, -18)
  const reading = Array.fromAsync(ReadableStream.from([wire]).pipeThrough(openingStream(opener)))
  await expect(reading).rejects.toMatchObject({ code: 'incomplete' })
})

test.each(['generator', 'web stream'])('a reader who waits makes the source wait: %s', async (kind) => {
  const source = counting()
  const stream =
    kind === 'generator' ? sealed(sealer, source) : ReadableStream.from(source).pipeThrough(sealingStream(sealer))
  const reader = stream[Symbol.asyncIterator]()
  await reader.next()
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(source.pulled).toBeLessThanOrEqual(3)
  await reader.return?.()
})

test.each(['generator', 'web stream'])('a reader who leaves lets the source go: %s', async (kind) => {
  const source = counting()
  const stream =
    kind === 'generator' ? sealed(sealer, source) : ReadableStream.from(source).pipeThrough(sealingStream(sealer))
  for await (const part of stream) {
    expect(part.length).toBeGreaterThan(0)
    if (source.pulled > 0) break
  }
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(source.released).toBe(true)
  expect(source.pulled).toBeLessThanOrEqual(3)
})

async function* from(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield await Promise.resolve(part)
}

async function* broken(): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(utf8('one'))
  throw new Error('the app is gone')
}

type Counting = AsyncIterable<Uint8Array> & { pulled: number; released: boolean }

function counting(): Counting {
  const source: Counting = {
    pulled: 0,
    released: false,
    async *[Symbol.asyncIterator]() {
      try {
        for (;;) {
          source.pulled += 1
          yield await Promise.resolve(utf8('more'))
        }
      } finally {
        source.released = true
      }
    },
  }
  return source
}
