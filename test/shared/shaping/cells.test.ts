/** wire.md `paced`, privacy.md 4.4. The cells are read back by the Binary HTTP decoder and by a foreign reader of events. */
import fc from 'fast-check'
import { _iterSSEMessages as foreignEvents } from 'openai/core/streaming'
import { describe, expect, test } from 'vitest'
import { encodeContent, encodeEnd, encodeResponseHead } from '../../../shared/bhttp/encode.ts'
import { decodeResponse } from '../../../shared/bhttp/decode.ts'
import { concat, fromUtf8, utf8 } from '../../../shared/bytes.ts'
import { CellStream, fixedEnd, type Cell, type CellOptions } from '../../../shared/shaping/cells.ts'

const head = encodeResponseHead({ status: 200, headers: [['content-type', 'text/event-stream']] })
const events: CellOptions = { kind: 'events', frame: encodeContent }
const whole: CellOptions = { kind: 'whole', frame: encodeContent }

/** Ticks until nothing more comes. */
function rest(stream: CellStream): Cell[] {
  const cells: Cell[] = []
  for (let cell = stream.tick(); cell !== undefined; cell = stream.tick()) cells.push(cell)
  return cells
}

function content(cells: readonly Cell[]): string {
  return fromUtf8(decodeResponse(concat(...cells.map(({ octets }) => octets))).content)
}

async function readEvents(text: string): Promise<unknown[]> {
  const seen: unknown[] = []
  for await (const { event, data } of foreignEvents(new Response(text), new AbortController())) seen.push([event, data])
  return seen
}

const idle = (cells: number): Cell[] => {
  const stream = new CellStream(head, events)
  return Array.from({ length: cells }, () => stream.tick() as Cell)
}

describe('cells of events', () => {
  test('come at each tick, also when there is nothing to say, and all have one size', () => {
    const stream = new CellStream(head, events)
    const cells = [stream.tick(), stream.tick()]
    stream.push(utf8('data: one\n\n'))
    cells.push(stream.tick(), stream.tick())
    stream.finish(encodeEnd())
    const all = [...cells, ...rest(stream)] as Cell[]
    expect(all.map(({ octets }) => octets.length)).toEqual([512, 512, 512, 512, 512, 512, 512, 513])
    expect(all.map(({ final }) => final)).toEqual([...Array<boolean>(7).fill(false), true])
    expect(stream.done).toBe(true)
    expect(content(all).replaceAll(/^: *\n/gm, '')).toBe('data: one\n\n')
  })

  test('carry an event in the very cell of its tick', () => {
    const stream = new CellStream(head, events)
    stream.push(utf8('data: now\n\n'))
    expect(Buffer.from((stream.tick() as Cell).octets).toString('latin1')).toContain('data: now\n\n')
  })

  test('wait for the end of an event before they show any of it, since a comment cannot stand inside', async () => {
    const stream = new CellStream(head, events)
    stream.push(utf8('data: first\n\ndata: sec'))
    const cells = [stream.tick() as Cell, stream.tick() as Cell]
    stream.push(utf8('ond\n\n'))
    stream.finish(encodeEnd())
    cells.push(...rest(stream))
    expect(Buffer.from((cells[0] as Cell).octets).toString('latin1')).not.toContain('sec')
    expect(await readEvents(content(cells))).toEqual([
      [null, 'first'],
      [null, 'second'],
    ])
  })

  test('a message in another order of pieces and ticks tells the same events to a foreign reader', async () => {
    const line = fc.constantFrom(
      'data: x',
      'data: {"a": "b"}',
      'event: delta',
      ': hello',
      'id: 7',
      '',
      '',
      `data: ${'long '.repeat(150)}`,
    )
    const end = fc.constantFrom('\n', '\r\n', '\r')
    const text = fc
      .tuple(fc.array(line, { maxLength: 30 }), end)
      .map(([lines, eol]) => lines.map((l) => l + eol).join(''))
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
        async (sent, steps) => {
          const stream = new CellStream(head, events)
          const cells: Cell[] = []
          const bytes = utf8(sent)
          for (let at = 0, step = 0; at < bytes.length; step++) {
            const length = steps[step % steps.length] as number
            stream.push(bytes.subarray(at, at + length))
            at += length
            if (length % 3 === 0) cells.push(stream.tick() as Cell)
          }
          stream.finish(encodeEnd())
          cells.push(...rest(stream))
          expect(cells.slice(0, -1).every(({ octets }) => octets.length === 512)).toBe(true)
          expect(Math.log2(cells.length) % 1).toBe(0)
          expect(await readEvents(content(cells))).toEqual(await readEvents(sent))
        },
      ),
    )
  })

  test('a byte order mark does not become part of the first field after an idle cell', () => {
    const stream = new CellStream(head, events)
    const cells = [stream.tick() as Cell]
    stream.push(utf8('\u{feff}data: x\n\n'))
    stream.finish(encodeEnd())
    expect(content([...cells, ...rest(stream)])).toMatch(/^: *\ndata: x\n\n$/)
  })

  // Heads that leave each amount of room from 0 to 80 octets: framed content of 1, 2 or 65 octets does not exist.
  test.each(Array.from({ length: 81 }, (_, room) => room))('room of %i octets is filled', (room) => {
    const long = encodeResponseHead({ status: 200, headers: [['x', 'y'.repeat(512 - room - 8)]] })
    const stream = new CellStream(long, events)
    const cells = [stream.tick() as Cell, stream.tick() as Cell]
    expect(512 - long.length).toBe(room)
    stream.push(utf8('data: x\n\n'))
    stream.finish(encodeEnd())
    cells.push(...rest(stream))
    expect(cells.slice(0, -1).every(({ octets }) => octets.length === 512)).toBe(true)
    expect(content(cells).replaceAll(/^: *\n/gm, '')).toBe('data: x\n\n')
  })
})

describe('the end', () => {
  // The message is 39 octets longer than its content (a framing of two octets): on both sides of each boundary.
  const lengths = [0, 1, ...[512, 513, 514, 1024, 1025, 1026, 2048, 2049, 2050].map((message) => message - 39)]

  test.each(lengths)('of a whole of %i octets is a power of two of cells, and no earlier one would do', (length) => {
    const stream = new CellStream(head, whole)
    stream.push(new Uint8Array(length).fill(0x61))
    expect(stream.tick()).toBeUndefined()
    stream.finish(encodeEnd())
    const cells = rest(stream)
    const message = head.length + (length === 0 ? 0 : encodeContent(new Uint8Array(length)).length) + encodeEnd().length
    const held = (count: number): number => (count - 1) * 512 + 513
    expect(Math.log2(cells.length) % 1).toBe(0)
    expect(held(cells.length)).toBeGreaterThanOrEqual(message)
    if (cells.length > 1) expect(held(cells.length / 2)).toBeLessThan(message)
    expect(content(cells)).toBe('a'.repeat(length))
  })

  test.each([
    [1, 2],
    [2, 4],
    [3, 4],
    [4, 8],
    [60, 64],
    [64, 128],
  ])('after %i idle cells is at %i', (sent, all) => {
    const stream = new CellStream(head, events)
    for (let i = 0; i < sent; i++) stream.tick()
    stream.finish(encodeEnd())
    expect(sent + rest(stream).length).toBe(all)
  })

  test('is the same for every message under a fixed horizon, and a longer one is refused', () => {
    const stream = (length: number): CellStream => {
      const made = new CellStream(head, { ...whole, end: fixedEnd(4) })
      made.push(new Uint8Array(length).fill(0x61))
      return made
    }
    for (const length of [1, 700, 2000]) {
      const made = stream(length)
      made.finish(encodeEnd())
      expect(rest(made)).toHaveLength(4)
    }
    expect(() => stream(3000).finish(encodeEnd())).toThrow(
      expect.objectContaining({ code: 'body-too-large', limit: 4 }),
    )
  })

  test('brings out an event without an end as it came', () => {
    const stream = new CellStream(head, events)
    stream.push(utf8('data: cut off'))
    stream.finish(encodeEnd())
    expect(content(rest(stream))).toBe('data: cut off')
  })
})

describe('bounds', () => {
  test('an event, or a whole, of more than may be held is refused', () => {
    const refusal = expect.objectContaining({ code: 'body-too-large', limit: 100 }) as Error
    for (const options of [events, whole]) {
      const stream = new CellStream(head, { ...options, most: 100 })
      stream.push(utf8('x'.repeat(100)))
      expect(() => stream.push(utf8('x'))).toThrow(refusal)
    }
  })

  test('a stream is full while more waits than may, and takes content again after some ticks', () => {
    const stream = new CellStream(head, { ...events, most: 1000 })
    stream.push(utf8(`data: ${'x'.repeat(990)}\n\n`))
    expect(stream.full).toBe(true)
    expect(() => stream.push(utf8('data: x\n\n'))).toThrow(TypeError)
    stream.tick()
    expect(stream.full).toBe(false)
    stream.push(utf8('data: x\n\n'))
  })

  test('nothing is kept of what the caller does with his own octets afterwards', () => {
    const stream = new CellStream(head, events)
    const piece = utf8('data: ke')
    stream.push(piece)
    piece.fill(0)
    stream.push(utf8('pt\n\n'))
    stream.finish(encodeEnd())
    expect(content(rest(stream))).toBe('data: kept\n\n')
  })

  test('content after the end and a second end are wired wrong', () => {
    const stream = new CellStream(head, events)
    stream.finish(encodeEnd())
    expect(() => stream.push(utf8('x'))).toThrow(TypeError)
    expect(() => stream.finish(encodeEnd())).toThrow(TypeError)
  })

  test.each([{ size: 15 }, { size: 16_001 }, { size: 1.5 }, { finalSize: 0 }])('%j is wired wrong', (wrong) => {
    expect(() => new CellStream(head, { ...events, ...wrong })).toThrow(TypeError)
  })

  test('an end before the message is over is wired wrong', () => {
    const stream = new CellStream(head, { ...whole, end: () => 1 })
    stream.push(new Uint8Array(2000))
    expect(() => stream.finish(encodeEnd())).toThrow(TypeError)
  })
})

test('an idle cell leaves nothing over: an event of just one cell fits into the next', () => {
  const stream = new CellStream(head, events)
  stream.tick()
  stream.push(utf8(`data: ${'x'.repeat(502)}\n\n`))
  expect(encodeContent(utf8(`data: ${'x'.repeat(502)}\n\n`))).toEqual(stream.tick()?.octets)
})

test('idle cells say nothing: all but the first are the same', () => {
  const [, second, ...others] = idle(5)
  for (const { octets } of others) expect(octets).toEqual(second?.octets)
})
