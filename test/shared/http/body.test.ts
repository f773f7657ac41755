import { createServer, IncomingMessage, request as httpRequest } from 'node:http'
import { Socket, type AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { concat, fromUtf8, utf8 } from '../../../shared/bytes.ts'
import { arriving, contentOf, counted, pulled, readBounded, type Source } from '../../../shared/http/body.ts'

const web = (body: ReadableStream | Uint8Array<ArrayBuffer> | null): Source => ({
  request: new Request('http://x/', { method: 'POST', body, ...(body === null ? {} : { duplex: 'half' }) }),
})

/** The source of a request on a real socket whose content is written as the script says. */
async function node(write: (sending: ReturnType<typeof httpRequest>) => void): Promise<Source> {
  const incoming = await new Promise<IncomingMessage>((resolve) => {
    const server = createServer((request, response) => {
      request.on('error', () => undefined)
      response.on('error', () => undefined)
      resolve(request)
    })
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      const sending = httpRequest({ host: '127.0.0.1', port, method: 'POST' }).on('error', () => undefined)
      onTestFinished(() => {
        sending.destroy()
        server.closeAllConnections()
        server.close()
      })
      write(sending)
    })
  })
  return { incoming }
}

function stream(...parts: (string | Promise<string>)[]): ReadableStream<Uint8Array> {
  const left = [...parts]
  return new ReadableStream({
    async pull(to) {
      const next = left.shift()
      if (next === undefined) to.close()
      else to.enqueue(utf8(await next))
    },
  })
}

const never = new Promise<string>(() => undefined)
const limits = { max: 6, stall: 1000 }
const gathered = async (source: Source, options = limits): Promise<string[]> => {
  const parts: string[] = []
  for await (const part of arriving(source, options)) parts.push(fromUtf8(part))
  return parts
}

describe.each<[string, (...parts: string[]) => Promise<Source>]>([
  ['web streams', (...parts) => Promise.resolve(web(stream(...parts)))],
  [
    "Node's request",
    (...parts) =>
      node((sending) => {
        for (const part of parts) sending.write(part)
        sending.end()
      }),
  ],
])('%s', (_, source) => {
  test.each([[[]], [['abc']], [['abc', 'def']]])('%j is read whole', async (parts) => {
    expect(fromUtf8(await readBounded(await source(...parts), limits))).toBe(parts.join(''))
    expect((await gathered(await source(...parts))).join('')).toBe(parts.join(''))
  })

  test('OHTTP-R10: one octet beyond the limit is refused', async () => {
    await expect(readBounded(await source('abc', 'defg'), limits)).rejects.toMatchObject({ code: 'body-too-large' })
    await expect(gathered(await source('abc', 'defg'))).rejects.toMatchObject({ code: 'body-too-large' })
  })
})

test('no content is an empty one', async () => {
  expect(await readBounded(web(null), limits)).toHaveLength(0)
})

test('a sender that is silent for too long is refused', async () => {
  const short = { max: 6, stall: 30 }
  const silent = (): Promise<Source> => node((sending) => void sending.write('abc'))
  await expect(readBounded(await silent(), short)).rejects.toMatchObject({ code: 'stalled' })
  await expect(gathered(await silent(), short)).rejects.toMatchObject({ code: 'stalled' })
  await expect(gathered(web(stream('abc', never)), short)).rejects.toMatchObject({ code: 'stalled' })
})

test('a slow sender is not a silent one', async () => {
  const slow = await node((sending) => {
    let left = 5
    const timer = setInterval(() => {
      sending.write('x')
      if (--left > 0) return
      clearInterval(timer)
      sending.end()
    }, 40)
  })
  expect(fromUtf8(await readBounded(slow, { max: 6, stall: 150 }))).toBe('xxxxx')
})

test('HOP-8: a sender that leaves has not sent a message', async () => {
  const leaving = (): Promise<Source> =>
    node((sending) => {
      sending.write('abc')
      setTimeout(() => sending.destroy(), 30)
    })
  await expect(readBounded(await leaving(), limits)).rejects.toMatchObject({ code: 'incomplete' })
  await expect(gathered(await leaving())).rejects.toMatchObject({ code: 'incomplete' })
  const failing = new ReadableStream({ start: (to) => to.error(new Error('gone')) })
  await expect(gathered(web(failing))).rejects.toMatchObject({ code: 'incomplete' })
})

test('a sender that left before anybody read is noticed', async () => {
  const source = await node((sending) => sending.write('abc', () => setTimeout(() => sending.destroy(), 5)))
  await new Promise((resolve) => source.incoming?.once('close', resolve))
  await expect(readBounded(source, limits)).rejects.toMatchObject({ code: 'incomplete' })
})

test('a reader that stops early leaves the socket alone', async () => {
  const source = await node((sending) => void sending.write('abc'))
  for await (const part of arriving(source, limits)) {
    expect(fromUtf8(part)).toBe('abc')
    break
  }
  expect(source.incoming?.destroyed).toBe(false)
  expect(source.incoming?.listenerCount('readable')).toBe(0)
})

test('contents are found behind a context of either kind', () => {
  const raw = new Request('http://x/')
  expect(contentOf({ env: undefined, req: { raw } })).toEqual({ request: raw })
  const incoming = new IncomingMessage(new Socket())
  expect(contentOf({ env: { incoming }, req: { raw } }).incoming).toBe(incoming)
})

async function* parts(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield await Promise.resolve(utf8(text))
}

test('counted passes what fits, part by part, and refuses before the part that does not', async () => {
  const seen: string[] = []
  const reading = (async () => {
    for await (const part of counted(parts('ab', 'cd', 'e'), 4)) seen.push(fromUtf8(part))
  })()
  await expect(reading).rejects.toMatchObject({ code: 'body-too-large' })
  expect(seen).toEqual(['ab', 'cd'])
})

describe('pulled', () => {
  test('gives every part, skips empty ones, and ends', async () => {
    const whole = await new Response(pulled(parts('', 'ab', '', 'cd', ''), () => undefined)).bytes()
    expect(fromUtf8(concat(whole))).toBe('abcd')
  })

  test('reads no faster than its reader, and says when that leaves', async () => {
    let given = 0
    let released = 0
    const source = (async function* () {
      for (;;) yield await Promise.resolve(Uint8Array.of(given++ & 0xff))
    })()
    const reader = pulled(source, () => released++).getReader()
    await reader.read()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(given).toBeLessThan(5)
    await reader.cancel()
    expect(released).toBe(1)
  })
})
