/** A relay that lies about answers: whatever it swaps, repeats, cuts or makes up, the caller gets a typed error and none of it. */
import { createServer, type AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { obliviousErrors, type ObliviousError } from '../../../shared/client/errors.ts'
import { cannotOpen, problem } from '../../../shared/http/problem.ts'
import { codeOf, visitor, type Visitor } from './clients.ts'
import { answering, lie, sending } from './misbehaviour.ts'
import { serve, town, type Town } from './town.ts'

const target = 'https://app.asunder.example/v1/notes'
const secret = 'the dossier of Ana Lindqvist'

let pair: Town
let fetch: Visitor

beforeEach(async () => {
  pair = await town()
  fetch = visitor(pair)
})

afterEach(async () => {
  await fetch.close()
  await pair.close()
})

const ask = (): Promise<Response> => fetch(target, { method: 'POST', body: secret })

describe('with another answer', () => {
  const statuses = [
    ...([
      ['relay-refused', 400],
      ['relay-refused', 401],
      ['relay-refused', 404],
      ['relay-refused', 415],
    ] as const),
    ...([
      ['too-large', 413],
      ['rate-limited', 429],
      ['gateway-unavailable', 502],
      ['gateway-unavailable', 503],
    ] as const),
    ...([
      ['gateway-unavailable', 504],
      ['relay-refused', 501],
      ['relay-refused', 421],
    ] as const),
  ]
  test.each(statuses)('OHTTP-C9: %s for status %i, once, with no byte of it', async (code, status) => {
    pair.onPost = (request, response) => sending(problem(status))(request, response)
    const error = await caught(ask())
    expect([error.code, error.status]).toEqual([code, status])
    expect(pair.posts().length).toBe(1)
  })

  test.each([
    ['standard', 'text/html'],
    ['standard', 'message/ohttp-chunked-res'],
    ['chunked', 'message/ohttp-res'],
    ['chunked', 'text/event-stream'],
  ] as const)('OHTTP-C9, CHK-1: a 200 of another type (%s request, %s)', async (family, type) => {
    fetch = visitor(pair, { family })
    pair.onPost = answering(200, { 'content-type': type }, lie)
    const error = await caught(ask())
    expect(error.code).toBe('relay-unexpected')
    expect(JSON.stringify([error, error.message, String(error.cause)])).not.toContain('prize')
  })

  test('INC-2: 501 to an upload that goes on as it arrives says what to do, and nothing is tried again', async () => {
    pair.onPost = sending(problem(501, { proxyStatus: 'asunder; error=incremental_refused' }))
    const body = new Blob([secret]).stream()
    const error = await caught(fetch(target, { method: 'POST', body, duplex: 'half' }))
    expect([error.code, error.status, error.remedy]).toEqual([
      'upload-refused',
      501,
      expect.stringContaining('not as a stream'),
    ])
    expect(pair.posts().length).toBe(1)
  })

  test('CHK-3: a refused chunked request is not tried again as a standard one', async () => {
    fetch = visitor(pair, { family: 'chunked' })
    pair.onPost = sending(problem(415))
    expect(await codeOf(ask())).toBe('relay-refused')
    expect(pair.posts().length).toBe(1)
  })

  test.each([301, 302, 303, 307, 308])('OHTTP-C10: a %i is not followed', async (status) => {
    const elsewhere: string[] = []
    const trap = await serve((request, response) => {
      elsewhere.push(request.url ?? '')
      response.end()
    })
    pair.onPost = answering(status, { location: trap.url })
    expect(await codeOf(ask())).toBe('relay-redirected')
    expect(elsewhere).toEqual([])
    await trap.close()
  })

  test('OHTTP-C14: a connection that breaks before an answer is not tried again', async () => {
    pair.onPost = (_request, response) => {
      response.destroy()
      return true
    }
    expect(await codeOf(ask())).toBe('relay-unreachable')
    expect(pair.posts().length).toBe(1)
  })

  test('OHTTP-C9: noise that is no HTTP leaves no byte in the error, whatever a library hangs on it', async () => {
    const server = createServer((socket) => void socket.on('error', () => undefined).end(`${lie}\r\n\r\n`))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`
    const error = await caught(visitor({ url, operator: pair.operator })(target))
    expect(error.code).toBe('relay-unreachable')
    expect(inspect(error, { depth: 20, showHidden: true })).not.toMatch(/prize|127\.0\.0\.1/)
    server.close()
  })

  test('no relay at all', async () => {
    await pair.close()
    expect(await codeOf(ask())).toBe('relay-unreachable')
  })

  test.each(['standard', 'chunked'] as const)('E-6: one bit flipped anywhere in a %s answer', async (family) => {
    fetch = visitor(pair, { family })
    for (let at = 0; at < 5; at++) {
      pair.alter = (pieces) =>
        pieces.map((piece) => piece.map((byte, i) => (i === Math.floor((at * piece.length) / 5) ? byte ^ 1 : byte)))
      expect(['answer-damaged', 'answer-truncated']).toContain(await codeOf(ask().then((answer) => answer.text())))
    }
  })

  test.each(['standard', 'chunked'] as const)('an answer to another %s request', async (family) => {
    fetch = visitor(pair, { family })
    const first: Uint8Array<ArrayBuffer>[] = []
    pair.alter = (pieces) => (first.push(...pieces), pieces)
    await (await ask()).text()
    pair.alter = () => first.splice(0)
    expect(await codeOf(ask().then((answer) => answer.text()))).toBe('answer-damaged')
  })

  test('an answer beyond the limit', async () => {
    fetch = visitor(pair, { limits: { answer: 1000 } })
    pair.app = () => ({ content: 'x'.repeat(1001) })
    expect(await codeOf(ask())).toBe('too-large')
    pair.app = () => ({ content: 'x'.repeat(200_000) })
    expect(await codeOf(ask())).toBe('too-large')
  })
})

test.each([
  ['standard', 'message/ohttp-res'],
  ['chunked', 'message/ohttp-chunked-res'],
] as const)('E-11: noise without end as a %s answer is given up', async (family, type) => {
  fetch = visitor(pair, { family, limits: { answer: 100_000 } })
  let sent = 0
  pair.onPost = (_request, response) => {
    response.writeHead(200, { 'content-type': type })
    const more = (): void => {
      sent += 16_384
      if (!response.destroyed) response.write(new Uint8Array(16_384).fill(0x40), () => setImmediate(more))
    }
    more()
    return true
  }
  expect(['too-large', 'answer-damaged']).toContain(await codeOf(ask()))
  expect(sent).toBeLessThan(64 * 1024 * 1024)
})

describe('with a shorter answer', () => {
  beforeEach(() => {
    fetch = visitor(pair, { family: 'chunked' })
    pair.app = () => ({ content: words() })
  })

  async function* words(): AsyncGenerator<string> {
    yield 'one '
    await new Promise((resolve) => setTimeout(resolve, 5))
    yield 'two'
  }

  test('CHK-14: a connection that breaks mid-answer errors the body, after the genuine part', async () => {
    pair.cut = true
    const parts: string[] = []
    const reading = ask().then(async (answer) => {
      for await (const part of answer.body ?? []) parts.push(new TextDecoder().decode(part as Uint8Array))
    })
    expect(await codeOf(reading)).toBe('answer-truncated')
    expect(parts.join('')).toBe('one two')
  })

  test('CHK-14: a clean end of the connection without the final chunk is no end', async () => {
    pair.alter = (pieces) => pieces.filter((piece) => piece[0] !== 0 || piece.length > 20)
    expect(await codeOf(ask().then((answer) => answer.text()))).toBe('answer-truncated')
  })

  test('a standard answer that stops short', async () => {
    fetch = visitor(pair)
    pair.app = () => ({ content: 'x'.repeat(5_000) })
    pair.alter = (pieces) => pieces.map((piece) => piece.subarray(0, 4_000))
    expect(['answer-damaged', 'answer-truncated']).toContain(await codeOf(ask()))
  })
})

describe('claiming that the key is unknown', () => {
  test('OHTTP-C9, OHTTP-C14: no newer bundle, nothing is sent again, and the bundle is asked for once', async () => {
    pair.onPost = sending(cannotOpen)
    expect(await codeOf(ask())).toBe('key-unknown')
    expect(await codeOf(ask())).toBe('key-unknown')
    expect(pair.received.map(({ method }) => method)).toEqual(['GET', 'POST', 'GET', 'POST'])
    expect(fetch.waits).toEqual([])
  })
})

test('every code tells what it means and what to do', () => {
  for (const row of Object.values(obliviousErrors)) {
    expect(row.means.length).toBeGreaterThan(20)
    expect(row.remedy.length).toBeGreaterThan(10)
  }
})

async function caught(work: Promise<unknown>): Promise<ObliviousError> {
  return work.then(
    () => Promise.reject(new Error('nothing was thrown')),
    (error: unknown) => error as ObliviousError,
  )
}
