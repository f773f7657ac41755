/** The app as OpenAI's clients meet it. */
import { expect, test, vi } from 'vitest'
import { appLimits, createApp, type AppOptions } from '../../../../deploy/local/app/chat.ts'

const text = 'The bridge is closed. Trains run late. The bridge will open in May. Buses replace trains.'
const asked = (more: object = {}): object => ({
  model: 'default',
  messages: [{ role: 'user', content: text }],
  ...more,
})

function app(options: Partial<AppOptions> = {}) {
  const made = createApp({
    pause: () => Promise.resolve(),
    newId: () => 'id',
    now: () => 1_700_000_000_000,
    ...options,
  })
  return {
    post: async (body: unknown) =>
      made.request('/v1/chat/completions', {
        method: 'POST',
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    request: async (path: string, init?: RequestInit) => made.request(path, init),
  }
}

type Chunk = { choices: { delta: { content?: string }; finish_reason: string | null }[]; usage?: object }

async function eventsOf(answer: Response): Promise<{ chunks: Chunk[]; done: boolean }> {
  const lines = (await answer.text()).split('\n\n').filter((line) => line !== '')
  expect(lines.every((line) => line.startsWith('data: '))).toBe(true)
  const data = lines.map((line) => line.slice(6))
  return { done: data.at(-1) === '[DONE]', chunks: data.slice(0, -1).map((line) => JSON.parse(line) as Chunk) }
}

const contentOf = (chunks: Chunk[]): string => chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')

test('a whole completion has the shape that clients read', async () => {
  const answer = await app().post(asked())
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toBe('application/json')
  expect(await answer.json()).toMatchObject({
    id: 'chatcmpl-id',
    object: 'chat.completion',
    created: 1_700_000_000,
    model: 'default',
    choices: [{ index: 0, message: { role: 'assistant' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 20 },
  })
})

test('a stream says the same as the whole, word by word, and ends with [DONE]', async () => {
  const whole = (await (await app().post(asked())).json()) as { choices: { message: { content: string } }[] }
  const answer = await app().post(asked({ stream: true }))
  expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/)
  const { chunks, done } = await eventsOf(answer)
  expect(done).toBe(true)
  expect(contentOf(chunks)).toBe(whole.choices[0]?.message.content)
  expect(chunks.length).toBeGreaterThan(5)
  expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop')
})

test('usage comes last, and only for those who ask', async () => {
  const { chunks } = await eventsOf(await app().post(asked({ stream: true, stream_options: { include_usage: true } })))
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 20 } })
  const without = await eventsOf(await app().post(asked({ stream: true })))
  expect(without.chunks.some((chunk) => chunk.usage !== undefined)).toBe(false)
})

test('max_tokens cuts and says so', async () => {
  const { chunks } = await eventsOf(await app().post(asked({ stream: true, max_tokens: 3 })))
  expect(contentOf(chunks).trim().split(/\s+/u)).toHaveLength(3)
  expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('length')
})

const draft = 'Best wishes'
test.each<[string, object, boolean]>([
  ['compose by model', { model: 'asunder-compose' }, true],
  [
    'summarise by model whatever is said',
    {
      model: 'asunder-summarise',
      messages: [
        { role: 'system', content: 'Draft a reply' },
        { role: 'user', content: text },
      ],
    },
    false,
  ],
  [
    'compose by system prompt',
    {
      messages: [
        { role: 'system', content: 'Compose a message from the notes that the user sends.' },
        { role: 'user', content: text },
      ],
    },
    true,
  ],
  [
    'summarise by system prompt',
    {
      messages: [
        { role: 'system', content: 'Summarise the text that the user sends.' },
        { role: 'user', content: text },
      ],
    },
    false,
  ],
  ['compose by first line', { messages: [{ role: 'user', content: `Please draft a reply:\n${text}` }] }, true],
  ['summarise by default', {}, false],
])('%s', async (_, more, composed) => {
  const body = (await (await app().post(asked(more))).json()) as { choices: { message: { content: string } }[] }
  const content = body.choices[0]?.message.content ?? ''
  expect(content.includes(draft)).toBe(composed)
  expect(content).not.toContain('Please draft')
})

test('a count in the instruction is kept, and a bare instruction speaks of the text before it', async () => {
  const messages = [
    { role: 'user', content: text },
    { role: 'assistant', content: '...' },
    { role: 'user', content: [{ type: 'text', text: 'Now sum it up in one sentence' }] },
  ]
  const body = (await (await app().post(asked({ messages }))).json()) as { choices: { message: { content: string } }[] }
  const content = body.choices[0]?.message.content ?? ''
  expect(text).toContain(content)
  expect(content.match(/\./gu)).toHaveLength(1)
})

test('models are listed and found by name', async () => {
  const list = (await (await app().request('/v1/models')).json()) as { data: { id: string }[] }
  expect(list.data.map(({ id }) => id)).toEqual(['default', 'asunder-summarise', 'asunder-compose'])
  expect((await app().request('/v1/models/asunder-compose')).status).toBe(200)
  expect((await app().request('/v1/models/gpt')).status).toBe(404)
})

test.each<[string, unknown, number, string]>([
  ['no JSON', '{', 400, 'invalid_json'],
  ['no messages', { model: 'default' }, 400, 'invalid_value'],
  ['empty messages', asked({ messages: [] }), 400, 'invalid_value'],
  ['a picture', asked({ messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }), 400, 'invalid_value'],
  ['two choices', asked({ n: 2 }), 400, 'invalid_value'],
  ['another model', asked({ model: 'gpt' }), 404, 'model_not_found'],
  ['too much', asked({ pad: 'x'.repeat(3000) }), 413, 'request_too_large'],
])('%s is refused in the shape of OpenAI', async (_, body, status, code) => {
  const answer = await app({ limits: { ...appLimits, request: 2000 } }).post(body)
  expect(answer.status).toBe(status)
  expect(await answer.json()).toMatchObject({ error: { code, type: 'invalid_request_error' } })
})

test('a wrong method and a wrong path have answers too', async () => {
  const wrong = await app().request('/v1/chat/completions')
  expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST'])
  expect((await app().request('/')).status).toBe(404)
})

test('streams under way are counted, and one that its reader leaves is given back', async () => {
  const pause = vi.fn(
    (signal: AbortSignal) =>
      new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(new Error('left')))),
  )
  const one = app({ limits: { ...appLimits, streams: 1 }, pause })
  const first = await one.post(asked({ stream: true }))
  expect((await one.post(asked({ stream: true }))).status).toBe(429)
  const reader = first.body?.getReader()
  await reader?.read()
  await reader?.cancel()
  expect((await one.post(asked({ stream: true }))).status).toBe(200)
})
