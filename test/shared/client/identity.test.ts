/** What names software or people stays outside the seal, asserted at the opened request. RFC 9458 §6.1, OHTTP-C15. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import OpenAI from 'openai'
import { keepList } from '../../../shared/client/identity.ts'
import { visitor, type Visitor } from './clients.ts'
import { town, type Town } from './town.ts'

const target = 'https://app.asunder.example/v1/notes'

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

const names = (): string[] | undefined => pair.opened.at(-1)?.headers.map(([name]) => name)

test.each([
  ...['user-agent', 'x-stainless-os', 'x-stainless-retry-count', 'accept-language', 'cookie', 'referer', 'origin'],
  ...['sec-ch-ua', 'sec-fetch-site', 'from', 'forwarded', 'x-forwarded-for', 'via', 'authorization', 'x-request-id'],
  ...['traceparent', 'if-none-match', 'if-modified-since', 'accept-encoding', 'dnt', 'openai-organization', 'priority'],
  ...['idempotency-key', 'x-anything-new'],
])('OHTTP-C15: `%s` is dropped, unless the caller names it', async (name) => {
  await fetch(target, { headers: { [name]: 'ana' } })
  expect(names()).toEqual(['date'])
  await visitor(pair, { keep: [name.toUpperCase()] })(target, { headers: { [name]: 'ana' } })
  expect(pair.opened[1]?.headers).toContainEqual([name, 'ana'])
})

test('what describes the content passes', async () => {
  const headers = { accept: 'text/plain', 'content-type': 'text/x-note', 'content-encoding': 'gzip' }
  await fetch(target, { method: 'POST', body: 'x', headers })
  expect(names()).toEqual(['accept', 'content-encoding', 'content-type', 'date'])
})

test.each(['host', 'Connection', 'transfer-encoding', 'date', 'expect', 'incremental', 'content-length'])(
  '`%s` cannot be let through at all',
  (name) => {
    expect(() => keepList([name])).toThrow(TypeError)
  },
)

test('the same name lets an answer’s field through', async () => {
  pair.app = () => ({
    headers: [
      ['etag', '"7"'],
      ['set-cookie', 'a=1'],
      ['connection', 'x-hop'],
      ['x-hop', '1'],
    ],
  })
  const answer = await visitor(pair, { keep: ['etag'] })(target)
  expect([...answer.headers]).toEqual([['etag', '"7"']])
})

test('the official openai client streams a completion, and nothing of it names the client', async () => {
  pair.app = () => ({ headers: [['content-type', 'text/event-stream']], content: tokens('A', ' private', ' answer') })
  const client = new OpenAI({ apiKey: 'sk-personal', baseURL: 'https://app.asunder.example/v1', fetch, maxRetries: 0 })
  const stream = await client.chat.completions.create({
    ...{ model: 'default', stream: true },
    messages: [{ role: 'user', content: 'the dossier of Ana' }],
  })
  const parts: string[] = []
  for await (const event of stream) parts.push(event.choices[0]?.delta.content ?? '')
  expect(parts).toEqual(['A', ' private', ' answer'])
  expect(names()).toEqual(['accept', 'content-type', 'date'])
  expect(pair.posts()[0]?.rawHeaders).toContain('message/ohttp-chunked-req')
})

test('the official openai client gets a whole completion and the service’s own errors', async () => {
  const json = [['content-type', 'application/json']] as const
  const client = new OpenAI({ apiKey: 'none', baseURL: 'https://app.asunder.example/v1', fetch, maxRetries: 0 })
  const ask = () => client.chat.completions.create({ model: 'default', messages: [{ role: 'user', content: 'x' }] })
  pair.app = () => ({ headers: json, content: JSON.stringify({ choices: [{ message: { content: 'whole' } }] }) })
  expect((await ask()).choices[0]?.message.content).toBe('whole')
  expect(pair.posts()[0]?.rawHeaders).toContain('message/ohttp-req')
  pair.app = () => ({ status: 404, headers: json, content: '{"error":{"message":"no such model"}}' })
  await expect(ask()).rejects.toThrow('no such model')
})

async function* tokens(...texts: string[]): AsyncGenerator<string> {
  for (const content of texts) {
    yield `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  yield 'data: [DONE]\n\n'
}
