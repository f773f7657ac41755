/** privacy.md 4.4: one cell is one TLS record, and all of them have one length. */
import { connect, type TLSSocket } from 'node:tls'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createRecorder, type Recorder } from '../../deploy/local/seen/recorder.ts'
import { concat, type Bytes } from '../../shared/bytes.ts'
import { certificatePem, privateKeyPem, selfSigned } from '../../shared/upstream/certificate.ts'
import { cellOnWire } from '../../shared/shaping/grid.ts'
import { listen } from '../../shared/upstream/serve.ts'
import { aMoment, paced, telling, type Made } from './cells-town.ts'
import { ChunkedClient } from './town.ts'

/** Lengths of the records with content that have come from the other side: RFC 8446 §5.2. */
function records({ backward }: { readonly backward: Buffer }): number[] {
  const found: number[] = []
  for (let at = 0; at + 5 <= backward.length; at += 5 + backward.readUInt16BE(at + 3)) {
    if (backward[at] === 23) found.push(backward.readUInt16BE(at + 3))
  }
  return found
}

async function overTls(place: Made): Promise<{ tap: Recorder; socket: TLSSocket }> {
  const identity = selfSigned({ commonName: 'gateway', use: 'server' })
  const tls = { key: privateKeyPem(identity), cert: certificatePem(identity) }
  const server = await listen({ fetch: place.app.fetch, host: '127.0.0.1', port: 0, tls })
  const tap = await createRecorder({ to: () => ({ host: '127.0.0.1', port: server.port }) })
  const socket = connect({ host: '127.0.0.1', port: tap.port, rejectUnauthorized: false })
  socket.on('error', () => undefined).resume()
  onTestFinished(async () => {
    socket.destroy()
    tap.close()
    await server.close(0)
  })
  return { tap, socket }
}

async function request({ key }: Made): Promise<string> {
  const client = await ChunkedClient.to(key)
  await client.whole({})
  const pieces: Bytes[] = []
  for await (const piece of client.body) pieces.push(piece as Bytes)
  const content = concat(...pieces)
  const lines = [
    'POST / HTTP/1.1',
    'host: x',
    'content-type: message/ohttp-chunked-req',
    `content-length: ${content.length}`,
  ]
  return [...lines, '', Buffer.from(content).toString('latin1')].join('\r\n')
}

test('each tick writes one record, whatever the app says, and all after the first have one length', async () => {
  const app = telling()
  const place = await paced({ handler: app.handler })
  const { tap, socket } = await overTls(place)
  socket.write(await request(place), 'latin1')
  await vi.waitFor(() => expect(app.out()).toBeDefined())
  await aMoment()
  const seen = (): number[] => tap.recordings().flatMap(records)
  // Session tickets look like content from outside.
  const before = seen().length
  for (const said of ['', 'data: x\n\n', `data: ${'long '.repeat(150)}\n\n`, '', 'data: y\n\n', '']) {
    if (said !== '') app.say(said)
    await aMoment()
    const sent = seen().length
    place.hand.clock.pass(100)
    await vi.waitFor(() => expect(seen().length).toBeGreaterThan(sent))
    expect(seen().length).toBe(sent + 1)
  }
  const [first = 0, ...others] = seen().slice(before)
  expect(new Set(others).size).toBe(1)
  // The size line, two line ends, and what TLS adds: the type of the content and a tag.
  expect(others[0]).toBe('212\r\n'.length + cellOnWire + '\r\n'.length + 1 + 16)
  expect(first).toBeGreaterThan(others[0] ?? 0)
})
