/** wire.md "Cells", `paced`: what a gateway sends, tick by tick, and what it never sends. privacy.md 2.7, 4.4. */
import type { ServerResponse } from 'node:http'
import { setImmediate as soon } from 'node:timers/promises'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { inCells } from '../../gateway/cell-reply.ts'
import { outer } from '../../gateway/layer.ts'
import { defaultGatewayLimits } from '../../gateway/opened.ts'
import { decodeResponse } from '../../shared/bhttp/decode.ts'
import { concat, fromUtf8 } from '../../shared/bytes.ts'
import { RequestChunkOpener } from '../../shared/ohttp/chunked.ts'
import { cellOnWire } from '../../shared/shaping/grid.ts'
import { aMoment, asked, events, heard, paced, readerOf, readEvents, telling, until, type Made } from './cells-town.ts'
import { ticksByHand } from '../shared/shaping/by-hand.ts'
import { ChunkedClient, town, valueOf, type Inside, type TownOptions } from './town.ts'

const nonce = 16

let places: Made[] = []
afterEach(() => {
  // Nobody ticks on after an exchange.
  expect(places.map(({ hand }) => hand.ticks.size)).toEqual(places.map(() => 0))
  places = []
})

async function place(options?: Parameters<typeof paced>[0]): Promise<Made> {
  const made = await paced(options)
  places.push(made)
  return made
}

describe('a stream of events', () => {
  test('is cells of one size, one a tick, a power of two of them, and says the same events', async () => {
    const app = telling()
    const there = await place({ handler: app.handler })
    const { outer, client } = await asked(there)
    const said = ['data: a\n\n', 'event: x\ndata: {"b": 2}\n\n', `data: ${'long '.repeat(200)}\n\n`]
    const listening = heard(there, { outer, client })
    for (const text of said) {
      app.say(text)
      await aMoment()
    }
    app.out().end()
    const { sizes, message } = await listening
    expect(sizes[0]).toBe(nonce + cellOnWire)
    expect(new Set(sizes.slice(1))).toEqual(new Set([cellOnWire]))
    expect(Math.log2(sizes.length) % 1).toBe(0)
    expect(await readEvents(fromUtf8(message.content))).toEqual(await readEvents(said.join('')))
    expect([there.outcomes, there.faults]).toEqual([['served'], []])
  })

  test('looks the same however long its tokens are', async () => {
    const shapes = []
    for (const token of ['x', 'xylophonist', 'no token at all, but a sentence']) {
      const app = telling()
      const there = await place({ handler: app.handler })
      const { outer, client } = await asked(there)
      const reader = readerOf(outer)
      const sizes = []
      for (let tick = 0; tick < 5; tick++) {
        app.say(`data: ${token}\n\n`)
        await aMoment()
        there.hand.clock.pass(100)
        sizes.push((await reader.read()).value?.length)
      }
      app.out().end()
      await aMoment()
      const rest = until(
        there,
        (async () => {
          for (let next = await reader.read(); !next.done; next = await reader.read()) sizes.push(next.value.length)
        })(),
      )
      await rest
      expect(client.opener).toBeDefined()
      shapes.push(sizes)
    }
    expect(shapes[0]).toHaveLength(8)
    expect(shapes[1]).toEqual(shapes[0])
    expect(shapes[2]).toEqual(shapes[0])
  })

  test('goes on at its rate while the CVM says nothing, and one event is there with the next tick', async () => {
    const app = telling()
    const there = await place({ handler: app.handler })
    const { outer, client } = await asked(there)
    const reader = readerOf(outer)
    const next = async (): Promise<string> => {
      there.hand.clock.pass(100)
      const { value } = await reader.read()
      const opened = await client.opener.push(value ?? new Uint8Array())
      return opened.map(fromUtf8Loosely).join('')
    }
    for (let tick = 0; tick < 3; tick++) expect(await next()).not.toContain('data')
    app.say('data: now\n\n')
    await aMoment()
    expect(await next()).toContain('data: now\n\n')
    await reader.cancel()
    there.hand.clock.pass(100)
  })

  test('that breaks off is cut after its first cell, never ended', async () => {
    const app = telling()
    const there = await place({ handler: app.handler })
    const { outer, client } = await asked(there)
    const listening = heard(there, { outer, client })
    app.say('data: first\n\n')
    await aMoment()
    app.out().destroy()
    await expect(listening).rejects.toThrow('not complete')
    expect(there.outcomes).toEqual(['cut'])
  })

  test('of a CVM that stalls is cut: idle cells hide nothing from the limit', async () => {
    const app = telling()
    const there = await place({ handler: app.handler, cvmLimits: { firstByte: 2000, stall: 150 } })
    const { outer, client } = await asked(there)
    const listening = heard(there, { outer, client })
    app.say('data: first\n\n')
    await expect(listening).rejects.toThrow('not complete')
    expect(there.outcomes).toEqual(['cut'])
  })

  test('keeps its trailers', async () => {
    const there = await place({
      handler: (_, out) => {
        out.writeHead(200, { ...events, trailer: 'x-usage' }).write('data: x\n\n')
        out.addTrailers({ 'x-usage': '7' })
        out.end()
      },
    })
    const { message } = await heard(there, await asked(there))
    expect(message.trailers).toEqual([['x-usage', '7']])
  })

  test('gives the lease back once the CVM has said everything, before the padding is out', async () => {
    const app = telling()
    const there = await place({ handler: app.handler })
    const reader = readerOf((await asked(there)).outer)
    for (let cell = 0; cell < 5; cell++) {
      there.hand.clock.pass(100)
      await reader.read()
    }
    app.out().end('data: x\n\n')
    await vi.waitFor(() => expect(there.pool.released).toBe(1))
    expect(there.outcomes).toEqual([])
    for (let cell = 5; cell < 8; cell++) {
      there.hand.clock.pass(100)
      expect((await reader.read()).value).toHaveLength(cellOnWire)
    }
    expect((await reader.read()).done).toBe(true)
  })

  test('whose reader left ends the exchange with the CVM', async () => {
    const app = telling()
    const there = await place({ handler: app.handler })
    const { outer } = await asked(there)
    const reader = readerOf(outer)
    there.hand.clock.pass(100)
    await reader.read()
    await reader.cancel()
    await until(
      there,
      vi.waitFor(() => expect(there.outcomes).toEqual(['left'])),
    )
    expect(there.pool.released).toBe(1)
  })

  test('longer than we carry is cut, though its reader is still there', async () => {
    const app = telling()
    const there = await place({ handler: app.handler, limits: { stream: 4000 } })
    const listening = heard(there, await asked(there))
    await expect(listening).rejects.toThrow('not complete')
    expect(there.outcomes).toEqual(['cut'])
  })

  test.each([
    ['unended', 'data: ', 502],
    ['after others', 'data: x\n\n', 'cut'],
  ] as const)('with an event longer than may be held (%s) is not served', async (_, first, outcome) => {
    const app = telling()
    const there = await place({ handler: app.handler, held: 2000 })
    const client = await ChunkedClient.to(there.key)
    await client.whole({})
    const sending = client.send(there.app)
    await vi.waitFor(() => expect(app.out()).toBeDefined())
    app.say(first)
    if (outcome === 'cut') {
      await aMoment()
      there.hand.clock.pass(100)
    }
    app.say('x'.repeat(3000))
    await aMoment()
    const listening = heard(there, { client, outer: await until(there, sending) })
    if (outcome === 'cut') await expect(listening).rejects.toThrow('not complete')
    else expect((await listening).message.status).toBe(outcome)
  })

  test('that nobody reads slows the CVM instead of filling memory', async () => {
    let written = 0
    const there = await place({
      handler: (_, out) => {
        out.writeHead(200, events)
        const event = `data: ${'x'.repeat(8184)}\n\n`
        const more = (): void => {
          while (written < 64 << 20) {
            written += event.length
            if (!out.write(event)) return void out.once('drain', more)
          }
        }
        more()
      },
    })
    const { outer } = await asked(there)
    for (let tick = 0; tick < 400; tick++) {
      there.hand.clock.pass(100)
      await soon()
    }
    expect(written).toBeLessThan(8 << 20)
    await outer.body?.cancel()
    await until(
      there,
      vi.waitFor(() => expect(there.outcomes).toEqual(['left'])),
    )
  })
})

describe('what is no stream of events', () => {
  test('shows nothing before it is complete, and then cells', async () => {
    let out: ServerResponse | undefined
    const there = await place({ handler: (_, outgoing) => void (out = outgoing.writeHead(200)).write('{"a": ') })
    const client = await ChunkedClient.to(there.key)
    await client.whole({})
    let begun = false
    const sending = client.send(there.app).finally(() => (begun = true))
    await vi.waitFor(() => expect(out).toBeDefined())
    for (let tick = 0; tick < 20; tick++) {
      there.hand.clock.pass(100)
      await soon()
    }
    expect(begun).toBe(false)
    out?.end('1}')
    const { sizes, message } = await heard(there, { client, outer: await until(there, sending) })
    expect([fromUtf8(message.content), sizes]).toEqual(['{"a": 1}', [nonce + cellOnWire]])
  })

  test.each([
    ['a coding of them', { ...events, 'content-encoding': 'gzip' }, 200],
    ['of a length that was said', { ...events, 'content-length': '9' }, 200],
    ['with a digest', { ...events, 'content-digest': 'sha-256=:AAAA:' }, 200],
    ['a part', { ...events, 'content-range': 'bytes 0-8/10' }, 206],
  ])('%s: its octets come as they are', async (_, fields, status) => {
    let out: ServerResponse | undefined
    const there = await place({ handler: (_, o) => (out = o.writeHead(status, fields)).flushHeaders() })
    const client = await ChunkedClient.to(there.key)
    await client.whole({})
    const sending = client.send(there.app)
    await vi.waitFor(() => expect(out).toBeDefined())
    there.hand.clock.pass(1000)
    out?.end('data: x\n\n')
    const { message } = await heard(there, { client, outer: await until(there, sending) })
    expect(fromUtf8(message.content)).toBe('data: x\n\n')
  })

  test('is what HEAD is answered with, whatever type its fields name', async () => {
    const { key } = await town()
    const client = await ChunkedClient.to(key)
    await client.whole({ method: 'HEAD' })
    const opener = new RequestChunkOpener(() => key)
    for await (const piece of client.body) opener.push(piece)
    const hand = ticksByHand()
    const stream = inCells({ ticks: hand.ticks, held: 4096 })
    const context = { env: undefined, req: { raw: new Request('http://gateway.example/') } }
    const reply = stream(opener.response(), {
      find: () => key,
      layer: outer,
      limits: defaultGatewayLimits,
      context,
      stream,
    })
    const late: PromiseWithResolvers<void> = Promise.withResolvers()
    const body = (async function* (): AsyncGenerator<Uint8Array> {
      await late.promise
      yield* []
    })()
    const head = { status: 200, headers: [['content-type', 'text/event-stream']], body, trailers: () => [] } as const
    const sealing = reply.seal(head, { method: 'HEAD', heard: () => undefined })
    hand.clock.pass(500)
    late.resolve()
    await soon()
    hand.clock.pass(100)
    expect(await sealing).toBe('served')
    const bytes = new Uint8Array(await (await reply.response).arrayBuffer())
    const message = concat(...(await client.opener.push(bytes)), ...(await client.opener.end()))
    expect(decodeResponse(message).content).toHaveLength(0)
  })

  test('is refused when it is longer than we hold', async () => {
    const there = await place({ handler: (_, out) => out.end('x'.repeat(3000)), held: 2000 })
    const { message, sizes } = await heard(there, await asked(there))
    expect([message.status, sizes.length]).toEqual([502, 1])
  })
})

test.each([
  ['the CVM refuses', { handler: (incoming) => void incoming.socket.destroy() } satisfies TownOptions, {}, 502],
  ['the screen refuses', {}, { authority: 'other.example' }, 403],
  [
    'the method is HEAD',
    { handler: (_, out) => out.writeHead(404).end() } satisfies TownOptions,
    { method: 'HEAD' },
    404,
  ],
] as [string, TownOptions, Inside, number][])(
  '%s: on the grid like everything else',
  async (_, options, inside, status) => {
    const there = await place(options)
    const { message, sizes } = await heard(there, await asked(there, inside))
    expect([message.status, sizes]).toEqual([status, [nonce + cellOnWire]])
    if (status !== 404) expect(valueOf(message.headers, 'content-type')).toBe('application/problem+json')
  },
)

function fromUtf8Loosely(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}
