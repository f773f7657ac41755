/** A client in front of a gateway in profile `paced`: what its caller reads of cells, and when. wire.md "Cells". */
import type { ServerResponse } from 'node:http'
import { _iterSSEMessages as foreignEvents } from 'openai/core/streaming'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { inCells } from '../../../gateway/cell-reply.ts'
import { publication } from '../../../gateway/publication.ts'
import { mediaTypes } from '../../../shared/http/media-types.ts'
import { utf8 } from '../../../shared/bytes.ts'
import { serializeKeyConfigs } from '../../../shared/ohttp/key-config.ts'
import { listen, type Listening } from '../../../shared/upstream/serve.ts'
import { newKey, town as gatewayTown, type TownOptions } from '../../gateway/town.ts'
import { ticksByHand } from '../shaping/by-hand.ts'
import { codeOf, visitor, type Visitor } from './clients.ts'
import { operator, startOfTest, type Operator } from './operator.ts'

const target = 'https://app.asunder.example/v1/notes'

let people: Operator
beforeEach(async () => {
  people = await operator()
})

type Place = {
  readonly fetch: Visitor
  readonly clock: ReturnType<typeof ticksByHand>['clock']
  readonly server: Listening
  readonly released: () => number
}

/** The gateway stands where the relay would: the client does not know which of them it talks to. */
async function paced(handler: TownOptions['handler'] & {}): Promise<Place> {
  const { ticks, clock } = ticksByHand()
  const key = newKey()
  const note = utf8(await people.bundle({ keys: serializeKeyConfigs([key.config]) }))
  const bundle = publication(mediaTypes.bundle, note, startOfTest, startOfTest + 3_600_000)
  const stream = inCells({ ticks, held: 65_536 })
  const gateway = await gatewayTown({ keys: [key], bundle: () => bundle, handler, stream })
  gateway.clock = Date.now()
  const server = await listen({ fetch: gateway.app.fetch, host: '127.0.0.1', port: 0, plaintextLoopback: true })
  const fetch = visitor({ url: `http://127.0.0.1:${String(server.port)}/`, operator: people })
  onTestFinished(async () => {
    await fetch.close()
    await server.close(0)
  })
  return { fetch, clock, server, released: () => gateway.pool.released }
}

/** Ticks, in real time, for as long as the test goes on. */
function going({ clock }: Place): void {
  const timer = setInterval(() => clock.pass(100), 5)
  onTestFinished(() => clearInterval(timer))
}

test('events are there as they come, comments between them, and the end comes after the padding', async () => {
  let out: ServerResponse | undefined
  const there = await paced((_, outgoing) => {
    out = outgoing.writeHead(200, { 'content-type': 'text/event-stream' })
    out.flushHeaders()
  })
  going(there)
  const answer = await there.fetch(target, { headers: { accept: 'text/event-stream' } })
  const seen: (string | null)[] = []
  const reading = (async () => {
    const [text, events] = answer.body?.tee() ?? []
    const whole = new Response(text).text()
    for await (const { data } of foreignEvents(new Response(events), new AbortController())) seen.push(data)
    return whole
  })()
  for (const data of ['one', 'two', 'three']) {
    out?.write(`data: ${data}\n\n`)
    await vi.waitFor(() => expect(seen.at(-1)).toBe(data))
  }
  out?.end()
  const text = await reading
  expect(seen).toEqual(['one', 'two', 'three'])
  expect(text).toMatch(/^: +\n/)
  expect(text.replaceAll(/^: *\n/gm, '')).toBe('data: one\n\ndata: two\n\ndata: three\n\n')
})

test('a stream that is cut in its padding is no whole answer, though its message had ended', async () => {
  let out: ServerResponse | undefined
  const there = await paced((_, outgoing) => {
    out = outgoing.writeHead(200, { 'content-type': 'text/event-stream' })
    out.flushHeaders()
  })
  const tick = async (): Promise<void> => {
    there.clock.pass(100)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  const asking = there.fetch(target, { headers: { accept: 'text/event-stream' } })
  await vi.waitFor(() => expect(out).toBeDefined())
  for (let cell = 0; cell < 5; cell++) await tick()
  const answer = await asking
  out?.end('data: last\n\n')
  await vi.waitFor(() => expect(there.released()).toBe(1))
  await tick() // the sixth of eight: the message ends in it
  const state = { text: '' }
  const reading = (async () => {
    for await (const part of answer.body ?? []) state.text += Buffer.from(part).toString('latin1')
  })()
  await vi.waitFor(() => expect(state.text).toContain('data: last\n\n'))
  await there.server.close(0)
  expect(await codeOf(reading)).toBe('answer-truncated')
})
