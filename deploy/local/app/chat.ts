/** The app behind the CVM: POST /v1/chat/completions (whole or streamed) and GET /v1/models, as OpenAI's clients expect them. */
import { Hono, type Context } from 'hono'
import { fromUtf8, utf8 } from '../../../shared/bytes.ts'
import { contentOf, pulled, readBounded } from '../../../shared/http/body.ts'
import { Refusal } from '../../../shared/refusal.ts'
import { answer, isModel, models } from './assistant.ts'
import {
  ApiError,
  chunkEvent,
  completionBody,
  doneEvent,
  modelOf,
  modelsBody,
  readChatRequest,
  usageEvent,
} from './openai.ts'
import type { ChatRequest, Completion, FinishReason } from './openai.ts'
import { pieces } from './text.ts'

export type AppLimits = {
  /** octets of a request */
  readonly request: number
  /** milliseconds without a byte of it */
  readonly stall: number
  /** answers under way at once */
  readonly streams: number
}

export const appLimits: AppLimits = { request: 16 * 1024 * 1024, stall: 30_000, streams: 512 }

export type AppOptions = {
  /** between two words of a stream */
  readonly pause: (signal: AbortSignal) => Promise<void>
  readonly newId: () => string
  readonly now?: () => number
  readonly limits?: AppLimits
}

export function createApp({ pause, newId, now = Date.now, limits = appLimits }: AppOptions): Hono {
  const app = new Hono()
  let open = 0
  app.post('/v1/chat/completions', async (c) => {
    const request = await chatRequestOf(c, limits)
    if (!isModel(request.model)) throw noModel(request.model)
    const about = {
      id: `chatcmpl-${newId()}`,
      created: Math.floor(now() / 1000),
      model: request.model,
      prompt: request.turns,
    }
    const { text, finish } = capped(answer({ model: request.model, turns: request.turns }), request.maxTokens)
    if (!request.stream) return json(completionBody(about, text, finish))
    if (open >= limits.streams) throw new ApiError(429, 'too_many_streams', 'Too many answers are under way.')
    open += 1
    return eventStream(
      (signal) => events({ about, request, text, finish }, () => pause(signal)),
      () => (open -= 1),
    )
  })
  app.get('/v1/models', () => json(modelsBody(models)))
  app.get('/v1/models/:id', (c) => {
    const id = c.req.param('id')
    if (!isModel(id)) throw noModel(id)
    return json(JSON.stringify(modelOf(id)))
  })
  return withErrors(app)
}

/** Every failure leaves in OpenAI's shape; what we did not foresee leaves as a bare 500. */
export function withErrors(app: Hono): Hono {
  app.all('/v1/chat/completions', () => fail(new ApiError(405, 'method_not_allowed', 'Use POST.')))
  app.notFound(() => fail(new ApiError(404, 'unknown_url', 'There is nothing at this URL.')))
  app.onError((error) => {
    if (error instanceof ApiError) return fail(error)
    if (error instanceof Refusal) return fail(refusedRead(error))
    return json(
      JSON.stringify({ error: { message: 'The app failed.', type: 'server_error', param: null, code: null } }),
      500,
    )
  })
  return app
}

async function chatRequestOf(c: Context, limits: AppLimits): Promise<ChatRequest> {
  return readChatRequest(fromUtf8(await readBounded(contentOf(c), { max: limits.request, stall: limits.stall })))
}

function refusedRead({ code }: Refusal): ApiError {
  if (code === 'body-too-large') return new ApiError(413, 'request_too_large', 'The body is too large.')
  if (code === 'bad-encoding') return new ApiError(400, 'invalid_json', 'The body is not valid UTF-8.')
  return new ApiError(408, 'request_incomplete', 'The body did not arrive completely.')
}

function noModel(name: string): ApiError {
  return new ApiError(
    404,
    'model_not_found',
    `The model '${name}' does not exist. Models: ${models.join(', ')}.`,
    'model',
  )
}

/** `maxTokens` counts words here, which is what this app makes. */
function capped(text: string, maxTokens: number | undefined): { text: string; finish: FinishReason } {
  const words = pieces(text)
  if (maxTokens === undefined || words.length <= maxTokens) return { text, finish: 'stop' }
  return { text: words.slice(0, maxTokens).join(''), finish: 'length' }
}

type Told = {
  readonly about: Completion
  readonly request: ChatRequest
  readonly text: string
  readonly finish: FinishReason
}

async function* events({ about, request, text, finish }: Told, pause: () => Promise<void>): AsyncGenerator<Uint8Array> {
  yield utf8(chunkEvent(about, { role: 'assistant', content: '' }, null))
  for (const [i, content] of pieces(text).entries()) {
    if (i > 0) await pause()
    yield utf8(chunkEvent(about, { content }, null))
  }
  yield utf8(chunkEvent(about, {}, finish))
  if (request.includeUsage) yield utf8(usageEvent(about, text))
  yield utf8(doneEvent)
}

/** `settled` is called exactly once: at the end, or when the reader leaves. */
function eventStream(make: (signal: AbortSignal) => AsyncIterable<Uint8Array>, settled: () => void): Response {
  const leaving = new AbortController()
  const body = pulled(until(make(leaving.signal), settled), () => leaving.abort())
  leaving.signal.addEventListener('abort', settled, { once: true })
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' },
  })
}

async function* until(parts: AsyncIterable<Uint8Array>, ended: () => void): AsyncGenerator<Uint8Array> {
  yield* parts
  ended()
}

function fail(error: ApiError): Response {
  return json(error.body, error.status, error.status === 405 ? { allow: 'POST' } : {})
}

function json(body: string, status = 200, fields: Record<string, string> = {}): Response {
  return new Response(body, { status, headers: { 'content-type': 'application/json', ...fields } })
}
