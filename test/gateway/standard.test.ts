import { describe, expect, test } from 'vitest'
import { bucket } from '../../shared/bhttp/padding.ts'
import { concat } from '../../shared/bytes.ts'
import { nodeHpke } from '../../shared/hpke/node.ts'
import { sealRequest } from '../../shared/ohttp/request.ts'
import type { Field } from '../../shared/bhttp/message.ts'
import { ask, binaryRequest, newKey, post, start, suite, town, valueOf } from './town.ts'

describe('standard exchanges', () => {
  test('OHTTP-G8, OHTTP-G9, OHTTP-G10, CHK-1: an outer 200 of its own family, with nothing of the target outside', async () => {
    const place = await town()
    const { outer, inner, text } = await ask(place)
    expect([outer.status, inner.status, text]).toEqual([200, 200, 'hello'])
    expect(Object.fromEntries(outer.headers)).toEqual({
      'content-type': 'message/ohttp-res',
      'content-length': '1024',
      'cache-control': 'no-store',
    })
    expect(valueOf(inner.headers, 'x-model')).toBe('llama')
    expect(place.outcomes).toEqual(['served'])
    expect(place.pool.released).toBe(1)
  })

  test.each([204, 304, 404, 418, 500, 503])(
    'OHTTP-G9, OHTTP-G15: inner status %i never shows outside',
    async (status) => {
      const place = await town({ handler: (_, out) => out.writeHead(status, { 'x-model': 'a' }).end() })
      const { outer, inner, size } = await ask(place)
      expect([outer.status, inner.status, size]).toEqual([200, status, 1024])
    },
  )

  test('OHTTP-G15: HEAD is answered with the head of a GET and no content', async () => {
    const place = await town({ handler: (_, out) => out.writeHead(200, { 'content-length': '5' }).end() })
    const { inner } = await ask(place, { method: 'HEAD' })
    expect([inner.status, inner.content.length, valueOf(inner.headers, 'content-length')]).toEqual([200, 0, '5'])
  })

  test('OHTTP-G16, OHTTP-G29: the CVM sees Host from the authority, and no hop-by-hop or forwarding field', async () => {
    const place = await town()
    const headers: Field[] = [
      ['connection', 'x-a'],
      ['x-a', '1'],
      ['transfer-encoding', 'chunked'],
      ['te', 'trailers'],
      ['upgrade', 'h2c'],
      ['proxy-connection', 'x'],
      ['keep-alive', 'x'],
      ['content-length', '2'],
      ['x-forwarded-for', '203.0.113.7'],
      ['forwarded', 'for=203.0.113.7'],
      ['via', '1.1 relay'],
      ['cookie', 'a=1'],
      ['x-b', 'first'],
      ['cookie', 'b=2'],
      ['x-b', 'second'],
      ['accept', 'text/event-stream'],
    ]
    await ask(place, {
      method: 'POST',
      path: '/v1/chat?x=1',
      headers,
      content: 'hi',
      authority: 'App.Asunder.Example:443',
    })
    expect(place.seen[0]).toMatchObject({ method: 'POST', url: '/v1/chat?x=1', body: 'hi' })
    expect(place.seen[0]?.headers.filter(([name]) => name !== 'connection')).toEqual([
      ['host', 'app.asunder.example:443'],
      ['date', new Date(start).toUTCString()],
      ['cookie', 'a=1; b=2'],
      ['x-b', 'first'],
      ['x-b', 'second'],
      ['accept', 'text/event-stream'],
      ['content-length', '2'],
    ])
  })

  test('OHTTP-G16, OHTTP-G17: nothing that the relay says reaches the CVM', async () => {
    const place = await town()
    const sealed = await sealRequest(nodeHpke, place.key.config, suite, binaryRequest({}))
    const headers = { 'content-type': 'message/ohttp-req', 'x-forwarded-for': '203.0.113.7', cookie: 'relay=1' }
    await place.app.request('/', { method: 'POST', headers, body: sealed.message })
    expect(JSON.stringify(place.seen)).not.toMatch(/203|relay/)
  })

  test('OHTTP-G16: what the target says of its connection stays behind', async () => {
    const headers = {
      connection: 'x-c',
      'x-c': '1',
      'keep-alive': 'timeout=5',
      via: 'vllm',
      'x-model': 'llama',
      'set-cookie': ['a=1', 'b=2'],
    }
    const place = await town({ handler: (_, out) => out.writeHead(200, headers).end('x') })
    const { inner } = await ask(place)
    const names = inner.headers.map(([name]) => name)
    expect(names).not.toContain('x-c')
    expect(names).not.toContain('keep-alive')
    expect(names).not.toContain('via')
    expect(inner.headers.filter(([name]) => name === 'set-cookie')).toEqual([
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ])
  })

  test('OHTTP-G18: informational responses of the target are dropped, the final one is kept', async () => {
    const place = await town({
      handler: (_, out) => {
        out.writeProcessing()
        out.writeEarlyHints({ link: '</a.css>; rel=preload' })
        out.end('late')
      },
    })
    const { inner, text } = await ask(place)
    expect([inner.informational, inner.status, text]).toEqual([[], 200, 'late'])
  })

  test.each([0, 500, 800, 900, 1_000, 4_000, 16_000, 60_000, 300_000])(
    'PAD-1, PAD-2, PAD-4, OHTTP-G28: the complete answer to %i octets of content fills its bucket exactly',
    async (length) => {
      const place = await town({ handler: (_, out) => out.end(Buffer.alloc(length, 'x')) })
      const { size, inner, outer } = await ask(place)
      expect(inner.content.length).toBe(length)
      expect(bucket(size)).toBe(size)
      expect(outer.headers.get('content-length')).toBe(String(size))
      if (length > 0) expect(size).toBeLessThanOrEqual(Math.max(1024, 4 * (length + 300)))
    },
  )

  test('the last octet that still fits a bucket, and the first that does not', async () => {
    let length = 0
    const place = await town({ handler: (_, out) => out.end(Buffer.alloc(length, 'x')) })
    length = 500
    const spare = (await ask(place)).inner.padding
    // The content's own length takes two octets from 64 to 16,383, in the field "content-length" three digits.
    length = 500 + spare
    expect(await ask(place)).toMatchObject({ size: 1024, inner: { padding: 0 } })
    length += 1
    expect((await ask(place)).size).toBe(4096)
  })

  test('E-5, OHTTP-G6: two answers to like requests share no nonce', async () => {
    const place = await town()
    const heads = new Set<string>()
    for (let i = 0; i < 8; i++) {
      const sealed = await sealRequest(nodeHpke, place.key.config, suite, binaryRequest({}))
      const outer = await post(place.app, 'message/ohttp-req', sealed.message)
      heads.add(Buffer.from(await outer.arrayBuffer()).toString('hex', 0, 16))
    }
    expect(heads.size).toBe(8)
  })

  test('OHTTP-G7: several keys live; each message is opened with the key that its id names', async () => {
    const [one, two] = [newKey(7), newKey(8)]
    const place = await town({ keys: [one, two] })
    expect((await ask({ app: place.app, key: two })).text).toBe('hello')
    expect((await ask({ app: place.app, key: one })).text).toBe('hello')
    const confused = await sealRequest(nodeHpke, one.config, suite, binaryRequest({}))
    confused.message[0] = 8
    expect((await post(place.app, 'message/ohttp-req', confused.message)).status).toBe(400)
  })

  test('truncated forms and padding of foreign clients are read', async () => {
    const place = await town()
    const whole = binaryRequest({ date: null })
    const bare = whole.subarray(0, whole.length - 3)
    expect((await ask(place, bare)).inner.status).toBe(200)
    expect((await ask(place, concat(whole, new Uint8Array(99)))).inner.status).toBe(200)
  })
})
