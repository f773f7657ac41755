/** Placement `sealed`: the gateway carries what it cannot read, to the CVM that the client chose, and nowhere else. trust.md 3, 5. */
import { describe, expect, test } from 'vitest'
import { bucket } from '../../shared/bhttp/padding.ts'
import { decodeResponse, ResponseDecoder } from '../../shared/bhttp/decode.ts'
import { encodeContent, encodeEnd, encodeRequestHead } from '../../shared/bhttp/encode.ts'
import { concat, fromLatin1, fromUtf8, utf8, type Bytes } from '../../shared/bytes.ts'
import { keyResources } from '../../shared/attestation/key-evidence.ts'
import { mediaTypes } from '../../shared/http/media-types.ts'
import { ohttpKeyProblem } from '../../shared/http/problem.ts'
import { nodeHpke } from '../../shared/hpke/node.ts'
import { sealRequestChunks } from '../../shared/ohttp/chunked.ts'
import { sealedChunked } from '../../shared/ohttp/labels.ts'
import { until } from './cvm/machine.ts'
import { openedKeys } from './cvm/own-machine.ts'
import { askSealed, idOf, innerMessage, outerRequest, sealedTown, throughGateway } from './sealed-town.ts'
import { chunkedHead, ChunkedClient, post, suite, valueOf } from './town.ts'

const one = <T>([first]: readonly T[]): T => {
  if (first === undefined) throw new Error('one')
  return first
}
const cvmOf = (id: string) => ({ authority: `${id}.cvm.invalid` })

describe('a request', () => {
  test('reaches the app of the CVM that it names, and its answer comes back through both layers', async () => {
    const town = await sealedTown([{}, {}])
    for (const cvm of town.cvms) {
      const { inner, said, size } = await askSealed(town, cvm, { method: 'POST', content: 'hello', path: '/v1/x' })
      expect([inner?.status, fromUtf8(inner?.content ?? new Uint8Array())]).toEqual([200, 'hello'])
      expect(cvm.machine.reached).toEqual(['POST /v1/x'])
      expect(said.headers).toEqual([
        ['content-type', mediaTypes.sealedResponse],
        ['cache-control', 'no-store'],
      ])
      expect([said.content.length, size]).toEqual([512, 1024])
    }
    expect(town.outcomes).toEqual(['served', 'served'])
    expect(town.faults).toEqual([])
  })

  test.each([100, 3_000, 14_000, 60_000])('an answer of %i octets fills the bucket it was made for', async (length) => {
    const town = await sealedTown([{ handler: (_request, response) => void response.end('x'.repeat(length)) }])
    const { said, size } = await askSealed(town, one(town.cvms))
    expect(bucket(size)).toBe(size)
    expect(said.content).toHaveLength(size - 512)
  })

  test('the gateway never meets a word of it', async () => {
    const town = await sealedTown()
    const secret = 'a-word-that-nobody-else-says'
    const sent: Bytes[] = []
    const lease = town.groups.lease.bind(town.groups)
    town.groups.lease = () => {
      const granted = lease()
      if (granted === undefined) return undefined
      const send = granted.send.bind(granted)
      granted.send = (request, signal) => {
        sent.push(request.body as Bytes, utf8(JSON.stringify({ ...request, body: null })))
        return send(request, signal)
      }
      return granted
    }
    const { text, said } = await askSealed(town, one(town.cvms), { method: 'POST', content: secret })
    expect(text).toBe(secret)
    for (const bytes of [...sent, said.content]) expect(Buffer.from(bytes).includes(secret)).toBe(false)
    expect(sent).toHaveLength(2)
  })
})

describe('every other target is a sealed 403, and no CVM hears of it', () => {
  test.each<[string, (id: string) => Parameters<typeof outerRequest>[1]]>([
    ['the app itself', () => ({ authority: 'app.asunder.example', path: '/' })],
    ['an id that nobody has', () => cvmOf('0123456789abcdef')],
    ['a known id elsewhere', (id) => ({ authority: `${id}.cvm.example` })],
    ['a known id with a port', (id) => ({ authority: `${id}.cvm.invalid:8443` })],
    ['something in front of it', (id) => ({ authority: `x.${id}.cvm.invalid` })],
    ['the root of a CVM', (id) => ({ ...cvmOf(id), path: '/' })],
    ['evidence for its keys', (id) => ({ ...cvmOf(id), path: keyResources.evidence })],
    ['a query', (id) => ({ ...cvmOf(id), path: `${keyResources.sealed}?x` })],
    ['another media type', (id) => ({ ...cvmOf(id), type: 'application/octet-stream' })],
    ['an outer message inside', (id) => ({ ...cvmOf(id), type: mediaTypes.request })],
    ['the other family', (id) => ({ ...cvmOf(id), type: mediaTypes.sealedChunkedRequest })],
  ])('%s', async (_what, around) => {
    const town = await sealedTown()
    const { config, id, machine, outcomes } = one(town.cvms)
    const { message } = await innerMessage(config)
    const { said, size } = await throughGateway(town, outerRequest(message, around(id)))
    expect([said.status, size]).toEqual([403, 1024])
    expect(town.outcomes).toEqual(['not-allowed'])
    expect([...machine.reached, ...outcomes]).toEqual([])
  })

  test('nor may anything be asked of a CVM but POST', async () => {
    const town = await sealedTown()
    const { id, outcomes } = one(town.cvms)
    const { said } = await throughGateway(town, outerRequest(new Uint8Array(), { ...cvmOf(id), method: 'GET' }))
    expect(said.status).toBe(400)
    expect(outcomes).toEqual([])
  })
})

describe('what a CVM does not open', () => {
  test('is one constant inside the outer seal, and costs no connection', async () => {
    const town = await sealedTown()
    const { config, id, machine } = one(town.cvms)
    const shown = machine.lines.filter(({ event }) => event === 'evidence-given').length
    const answers = new Set<string>()
    const old = { ...config, keyId: config.keyId ^ 0x40 }
    for (const message of [utf8('junk'), new Uint8Array(), (await innerMessage(old)).message]) {
      const { said, size } = await throughGateway(town, outerRequest(message, cvmOf(id)))
      answers.add(JSON.stringify({ ...said, content: fromUtf8(said.content), size }))
    }
    expect(answers.size).toBe(1)
    const [answer = '{}'] = answers
    expect(JSON.parse(answer)).toMatchObject({ status: 400, size: 1024 })
    expect(answer).toContain(ohttpKeyProblem)
    expect(town.outcomes).toEqual(['cvm-unopened', 'cvm-unopened', 'cvm-unopened'])
    await until(() => town.groups.free === 2, 'every socket is free')
    expect(machine.lines.filter(({ event }) => event === 'evidence-given')).toHaveLength(shown)
  })

  test('an inner message that the gateway sends again is served once, whoever it is sent to', async () => {
    const town = await sealedTown([{}, {}])
    const [mine, other] = town.cvms
    if (mine === undefined || other === undefined) throw new Error('two')
    const { message, openResponse } = await innerMessage(mine.config)
    const sent = async (id: string) => (await throughGateway(town, outerRequest(message, cvmOf(id)))).said
    expect(decodeResponse(await openResponse((await sent(mine.id)).content)).status).toBe(200)
    expect(decodeResponse(await openResponse((await sent(mine.id)).content)).status).toBe(400)
    expect((await sent(other.id)).status).toBe(400)
    expect(mine.machine.reached).toHaveLength(1)
    expect(other.machine.reached).toEqual([])
  })
})

describe('leases', () => {
  test('no CVM at all: a plain 503 before anything is opened', async () => {
    const town = await sealedTown()
    await town.groups.close()
    const { message } = await innerMessage(one(town.cvms).config)
    const answer = await post(town.app, mediaTypes.request, utf8('whatever'))
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
    expect(message.length).toBeGreaterThan(0)
    expect(town.outcomes).toEqual(['no-cvm'])
  })

  test('every socket taken: a plain 503 before anything is opened', async () => {
    const town = await sealedTown([{ connections: 1 }])
    const cvm = one(town.cvms)
    const held = cvm.pool.lease()
    expect((await post(town.app, mediaTypes.request, utf8('whatever'))).status).toBe(503)
    held?.release()
    expect((await post(town.app, mediaTypes.request, utf8('whatever'))).status).toBe(400)
    expect(town.outcomes).toEqual(['no-cvm', 'unopened'])
  })

  test('none of the CVM that is meant: a sealed 503, and the others are not taken in its place', async () => {
    const town = await sealedTown([{}, {}])
    const [gone, there] = town.cvms
    if (gone === undefined || there === undefined) throw new Error('two')
    await gone.pool.close()
    const { said, size } = await askSealed(town, gone)
    expect([said.status, valueOf(said.headers, 'retry-after'), size]).toEqual([503, '1', 1024])
    expect(there.machine.reached).toEqual([])
    expect((await askSealed(town, there)).inner?.status).toBe(200)
    expect(town.outcomes).toEqual(['no-cvm', 'served'])
  })

  test('come back after every exchange, whatever came of it', async () => {
    const town = await sealedTown([{ connections: 1 }])
    const cvm = one(town.cvms)
    for (let round = 0; round < 4; round++) {
      expect((await askSealed(town, cvm)).inner?.status).toBe(200)
      await throughGateway(town, outerRequest(utf8('junk'), cvmOf(cvm.id)))
    }
    await until(() => town.groups.free === 1, 'the one socket is free')
    expect(town.groups.free).toBe(1)
  })
})

describe('keys', () => {
  test('a CVM is found by each of its keys, and by new ones once they are known', async () => {
    const town = await sealedTown([{ keys: { claims: 1 } }])
    const cvm = one(town.cvms)
    const [, second] = await openedKeys(cvm)
    if (second === undefined) throw new Error('a second key')
    expect(idOf(second)).not.toBe(cvm.id)
    expect((await askSealed(town, { config: second, id: idOf(second) })).inner?.status).toBe(200)
    // The cap is passed: keys go, others are made.
    expect((await askSealed(town, { config: second, id: idOf(second) })).inner?.status).toBe(503)
    const [fresh] = await openedKeys(cvm)
    if (fresh === undefined) throw new Error('a fresh key')
    expect((await askSealed(town, { config: fresh, id: idOf(fresh) })).said.status).toBe(403)
    await town.groups.refresh()
    expect((await askSealed(town, { config: fresh, id: idOf(fresh) })).inner?.status).toBe(200)
    expect((await askSealed(town, cvm)).said.status).toBe(403)
  })

  test('there is no bare list', async () => {
    const { app } = await sealedTown()
    expect((await app.request('/.well-known/ohttp-gateway')).status).toBe(404)
    const put = await app.request('/.well-known/ohttp-gateway', { method: 'PUT' })
    expect([put.status, put.headers.get('allow')]).toEqual([405, 'POST'])
    expect((await app.request('/.well-known/asunder-bundle')).status).toBe(200)
  })
})

describe('chunked', () => {
  test('each inner chunk is one outer chunk, as soon as it is there, however the connection cuts it', async () => {
    const events: (() => void)[] = []
    const town = await sealedTown([
      {
        handler: (request, response) => {
          request.resume().on('end', () => {
            response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: one\n\n')
            events.push(
              () => void response.write('data: two\n\n'),
              () => void response.end(Buffer.alloc(100_000, 'x')),
            )
          })
        },
      },
    ])
    const { config, id } = one(town.cvms)
    const sealer = await sealRequestChunks(nodeHpke, config, suite, sealedChunked)
    const opener = sealer.response({ maxChunk: 15_872 })
    const outer = await ChunkedClient.to(town.key)
    const headers = [
      ['content-type', mediaTypes.sealedChunkedRequest],
      ['date', new Date().toUTCString()],
    ] as const
    const head = { method: 'POST', scheme: 'https', ...cvmOf(id), path: keyResources.sealed, headers }
    await outer.chunk(encodeRequestHead(head))
    await outer.chunk(encodeContent(sealer.head))
    await outer.chunk(encodeContent(await sealer.seal(chunkedHead({ date: Date.now(), method: 'POST' }))))
    await outer.chunk(encodeContent(await sealer.final(encodeEnd())))
    await outer.final(encodeEnd())
    const listener = new Contents(outer, await outer.send(town.app))
    const inner: Bytes[] = []
    const hear = async (text: string) => {
      while (!inner.some((piece) => fromLatin1(piece).includes(text))) {
        for (const content of await listener.next()) inner.push(...(await opener.push(content)))
      }
    }
    await hear('data: one')
    const before = listener.chunks
    events[0]?.()
    await hear('data: two')
    expect(listener.chunks).toBe(before + 1)
    events[1]?.()
    for (let more = await listener.next(); more.length > 0; more = await listener.next()) {
      for (const content of more) inner.push(...(await opener.push(content)))
    }
    const whole = concat(...inner, ...(await opener.end()))
    expect(decodeResponse(whole).content).toHaveLength(100_000 + 22)
    expect(Math.max(...inner.map(({ length }) => length))).toBe(15_872)
    // And the final one, which carries only the end of the inner message.
    expect(listener.chunks).toBe(inner.length + 1)
    expect(town.outcomes).toEqual(['served'])
  })
})

/** The content of each outer chunk as it comes; it is sealed, so it is no text. */
class Contents {
  readonly #client: ChunkedClient
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #decoder = new ResponseDecoder()
  chunks = 0

  constructor(client: ChunkedClient, outer: Response) {
    if (outer.body === null) throw new TypeError('no content')
    this.#client = client
    this.#reader = outer.body.getReader()
  }

  /** Empty at the end. */
  async next(): Promise<Bytes[]> {
    for (;;) {
      const { done, value } = await this.#reader.read()
      if (done) return []
      const contents = (await this.#client.opener.push(value)).map((chunk) => contentIn(this.#decoder.push(chunk)))
      const held = contents.filter(({ length }) => length > 0)
      this.chunks += held.length
      if (held.length > 0) return held
    }
  }
}

function contentIn(events: ReturnType<ResponseDecoder['push']>): Bytes {
  return concat(...events.flatMap((event) => (event.type === 'content' ? [event.bytes] : [])))
}
