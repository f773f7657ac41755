/** Profile `paced`: streams pass as cells, one at a tick of the relay's own, or not at all. privacy.md 4.4, G08, G09. */
import type { ServerResponse } from 'node:http'
import { setImmediate as soon } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { RelayLimits } from '../../relay/admit.ts'
import { clockedTicks } from '../../shared/shaping/clocked.ts'
import { ticksByHand } from '../shared/shaping/by-hand.ts'
import { bodyOf, complete, httpGateway, post, rawClient, relayTo, until, wait } from './harness.ts'
import { chunked, streamed } from './mixed-harness.ts'

/** A request to key 1, X25519, HKDF-SHA256 and this AEAD, as long as a request has to be. */
const asked = (aead = 1): string =>
  post(chunked, `\u0001\0\u0020\0\u0001\0${String.fromCharCode(aead)}`.padEnd(1024, '.'))

const nonce = '~'.repeat(16)
const cell = (name: number): string => `\x42\x10${String(name).padEnd(528, '.')}`
const last = (name: number): string => `\0${String(name).padEnd(529, '.')}`
/** So many cells, from this one on; with an end if it is one of all. */
const cells = (from: number, to: number): string => Array.from({ length: to - from }, (_, i) => cell(from + i)).join('')
const stream = (count: number): string => nonce + cells(0, count - 1) + last(count - 1)

type Asking = Awaited<ReturnType<typeof asking>>

/** A client that has asked, and the gateway's hand on its answer. */
async function asking({
  aead = 1,
  ahead = 3,
  ...limits
}: Partial<RelayLimits> & { aead?: number; ahead?: number } = {}) {
  const outs: ServerResponse[] = []
  const gateway = await httpGateway((request, response) => {
    request.resume()
    outs.push(response.writeHead(200, streamed))
  })
  const hand = ticksByHand()
  const relay = await relayTo(gateway.port, { mixing: { tick: 10 }, pacing: { ticks: hand.ticks, ahead }, limits })
  const client = rawClient(relay.port)
  client.socket.write(asked(aead), 'latin1')
  await until(() => outs.length === 1)
  const [out] = outs
  if (out === undefined) throw new TypeError('nobody asked')
  const say = (text: string): void => void out.write(text, 'latin1')
  return { relay, client, out, say, tick: (count = 1) => ticked(hand, count), hand }
}

/** Sockets have their say after each tick. */
async function ticked({ clock }: ReturnType<typeof ticksByHand>, count: number): Promise<void> {
  for (let tick = 0; tick < count; tick++) {
    clock.pass(100)
    await wait(5)
  }
}

/** The octets of each chunk that has reached the client. */
function chunks({ client }: Pick<Asking, 'client'>): string[] {
  const found: string[] = []
  let text = client.heard().split('\r\n\r\n').slice(1).join('\r\n\r\n')
  for (;;) {
    const [, digits = ''] = /^([0-9a-f]+)\r\n/.exec(text) ?? []
    const [begin, length] = [digits.length + 2, Number.parseInt(digits, 16)]
    if (digits === '' || length === 0 || text.length < begin + length + 2) return found
    found.push(text.slice(begin, begin + length))
    text = text.slice(begin + length + 2)
  }
}

const ended = ({ client }: Asking): boolean => complete(client.heard())

/** The relay has read what the gateway said. */
const read = (): Promise<void> => wait(100)

describe('a stream of cells', () => {
  test.each([
    ['at once', (text: string) => [text]],
    ['in pieces of 100', (text: string) => text.match(/[^]{1,100}/g) ?? []],
    ['in pieces of 2000', (text: string) => text.match(/[^]{1,2000}/g) ?? []],
  ])('that comes %s goes on a cell at a tick, each a chunk, all of one size', async (_, cut) => {
    const there = await asking()
    for (const piece of cut(stream(8))) {
      there.say(piece)
      await soon()
    }
    there.out.end()
    await read()
    expect(there.client.heard()).toBe('')
    for (let sent = 1; sent <= 8; sent++) {
      await there.tick()
      await until(() => chunks(there).length >= sent)
      expect(chunks(there)).toHaveLength(sent)
    }
    expect(chunks(there).map(({ length }) => length)).toEqual([16 + 530, ...Array<number>(7).fill(530)])
    expect(chunks(there).join('')).toBe(stream(8))
    await until(() => ended(there))
    expect([there.client.heard().split('\r\n')[0], there.relay.outcomes]).toEqual(['HTTP/1.1 200 OK', ['served']])
    expect(there.hand.ticks.size).toBe(0)
  })

  test.each([1, 2])('of %i cells, fewer than are kept in hand, does not wait for more', async (count) => {
    const there = await asking()
    there.say(stream(count))
    await read()
    await there.tick(count)
    await until(() => ended(there))
    expect(chunks(there).join('')).toBe(stream(count))
  })

  test('begins when there are as many as are kept in hand', async () => {
    const there = await asking({ ahead: 3 })
    there.say(nonce + cells(0, 2))
    await read()
    await there.tick(5)
    expect(there.client.heard()).toBe('')
    there.say(cells(2, 3))
    await read()
    await there.tick()
    await until(() => chunks(there).length > 0)
    expect(chunks(there)).toEqual([nonce + cell(0)])
  })

  test('shows nothing of a gateway that is late by less than that, or in a hurry', async () => {
    const there = await asking({ ahead: 3 })
    const arrivals = ['', '', cells(3, 5), cells(5, 10), '', '', '', '']
    there.say(nonce + cells(0, 3))
    await read()
    const seen = []
    for (const arrived of arrivals) {
      there.say(arrived)
      await read()
      await there.tick()
      await until(() => chunks(there).length > seen.length)
      seen.push(chunks(there).length)
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  test('is still one cell a chunk after the relay was held up', async () => {
    const outs: ServerResponse[] = []
    const gateway = await httpGateway((request, response) => {
      request.resume()
      outs.push(response.writeHead(200, streamed))
    })
    const random = (length: number): Uint8Array => new Uint8Array(length)
    const ticks = clockedTicks({ period: 20, now: Date.now, random })
    const relay = await relayTo(gateway.port, { mixing: { tick: 10 }, pacing: { ticks, ahead: 3 } })
    const client = rawClient(relay.port)
    client.socket.write(asked(), 'latin1')
    await until(() => outs.length === 1)
    outs[0]?.write(stream(16), 'latin1')
    await until(() => chunks({ client }).length > 0)
    for (const late = Date.now() + 130; Date.now() < late;);
    await until(() => complete(client.heard()))
    expect(chunks({ client }).map(({ length }) => length)).toEqual([16 + 530, ...Array<number>(15).fill(530)])
  })

  test('ends for the client with its last cell, whenever the gateway ends', async () => {
    const there = await asking()
    there.say(stream(2))
    await read()
    await there.tick(2)
    await until(() => ended(there))
    expect(there.relay.outcomes).toEqual([])
    there.out.end()
    await until(() => there.relay.outcomes.length > 0)
    expect(there.relay.outcomes).toEqual(['served'])
  })
})

describe('what is no stream of cells', () => {
  const wrong: [string, string][] = [
    ['a chunk of another length', `\x42\x11${'.'.repeat(529)}`],
    ['an end after three cells', cell(1) + last(2)],
    ['octets after the last cell', `${last(1)}.`],
  ]

  test.each(wrong)('%s is a 502 while nothing has gone on', async (_, text) => {
    const there = await asking()
    there.say(nonce + cell(0) + text + cells(9, 12))
    await until(() => there.client.heard() !== '')
    expect(there.client.heard()).toMatch(/^HTTP\/1\.1 502 /)
    expect(there.relay.outcomes).toEqual(['off-grid'])
  })

  test.each(wrong)('%s cuts the stream at a tick when something has', async (_, text) => {
    const there = await asking({ ahead: 1 })
    there.say(nonce + cell(0))
    await read()
    await there.tick()
    await until(() => chunks(there).length > 0)
    expect(chunks(there)).toHaveLength(1)
    there.say(text + cells(9, 12))
    await until(() => there.relay.outcomes.length > 0)
    await there.tick()
    await there.client.closed
    expect([chunks(there).length, ended(there), there.relay.outcomes]).toEqual([1, false, ['off-grid']])
  })

  test('a clean end before the last cell is none', async () => {
    const there = await asking({ ahead: 1 })
    there.say(nonce + cells(0, 2))
    await read()
    await there.tick()
    there.out.end()
    await until(() => there.relay.outcomes.length > 0)
    await there.tick(3)
    await there.client.closed
    expect([ended(there), there.relay.outcomes]).toEqual([false, ['off-grid']])
  })

  test('an answer to a suite that nobody has is none either', async () => {
    const there = await asking({ aead: 9 })
    there.say(stream(2))
    await until(() => there.client.heard() !== '')
    expect(there.client.heard()).toMatch(/^HTTP\/1\.1 502 /)
    expect(there.relay.outcomes).toEqual(['off-grid'])
  })

  test('a gateway that is later than what is in hand cuts the stream: a gap would tell when', async () => {
    const there = await asking({ ahead: 3 })
    there.say(nonce + cells(0, 3))
    await read()
    await there.tick(3)
    await until(() => chunks(there).length > 2)
    expect([chunks(there).length, there.relay.outcomes]).toEqual([3, []])
    await there.tick(2)
    await there.client.closed
    expect([ended(there), there.relay.outcomes]).toEqual([false, ['out-of-step']])
  })
})

test('a gateway that breaks off is not seen to before the tick', async () => {
  const there = await asking()
  there.say(nonce + cells(0, 5))
  await read()
  await there.tick(2)
  there.out.destroy()
  await until(() => there.relay.outcomes.length > 0)
  await read()
  expect([there.client.socket.closed, there.relay.outcomes]).toEqual([false, ['cut']])
  await there.tick()
  await there.client.closed
  expect(ended(there)).toBe(false)
})

test('a gateway that pours out cells is read no faster than they go on', async () => {
  const there = await asking()
  let written = 0
  const pour = (): void => {
    while (written < 64 << 20) {
      written += 530 * 100
      if (!there.out.write(cells(0, 100), 'latin1')) return void there.out.once('drain', pour)
    }
  }
  there.say(nonce)
  pour()
  await wait(300)
  // More than one read of a socket gives: it is read on as cells leave.
  await there.tick(400)
  await until(() => chunks(there).length > 399)
  expect(chunks(there)).toHaveLength(400)
  expect(written).toBeLessThan(16 << 20)
})

test('a client that does not read makes no gateway wait, and loses its stream when too much is kept for it', async () => {
  const there = await asking({ answer: 400_000 })
  there.client.socket.pause()
  there.say(nonce + cells(0, 3))
  let sent = 3
  for (; there.relay.outcomes.length === 0 && sent < 50_000; sent += 4) {
    there.say(cells(sent, sent + 4))
    await soon()
    there.hand.clock.pass(400)
  }
  expect([there.relay.outcomes, there.relay.met]).toEqual([['cut'], ['backlog']])
  // What the kernel took besides cannot be said; what the relay kept itself is more than this.
  expect(sent * 530).toBeGreaterThan(400_000)
  expect(there.out.writableLength).toBeLessThan(65_536)
})

test('a client that leaves is not seen by the gateway, and its stream needs no more ticks', async () => {
  const there = await asking()
  there.say(nonce + cells(0, 5))
  await read()
  await there.tick(2)
  there.client.socket.destroy()
  await until(() => there.relay.outcomes.length > 0)
  expect([there.relay.outcomes, there.out.closed, there.hand.ticks.size]).toEqual([['left'], false, 0])
  there.say(cells(5, 7) + last(7))
  there.out.end()
  await until(() => there.out.writableFinished)
})

test('what is no stream is whole, as in mixed', async () => {
  const { port } = await httpGateway((request, response) => {
    request.resume()
    response.writeHead(200, { 'content-type': 'message/ohttp-res' }).end('.'.repeat(1024))
  })
  const { ticks } = ticksByHand()
  const relay = await relayTo(port, { mixing: { tick: 10 }, pacing: { ticks, ahead: 3 } })
  const client = rawClient(relay.port)
  client.socket.write(post({}, '.'.repeat(1024)), 'latin1')
  await until(() => complete(client.heard()))
  expect([bodyOf(client.heard()), relay.outcomes]).toEqual(['.'.repeat(1024), ['served']])
})
