/** The words of the OpenAI chat API that this app speaks: what a request may hold, what answers and errors look like. */
import { z } from 'zod'
import { countTokens } from './text.ts'

const part = z.looseObject({ type: z.literal('text'), text: z.string() })
const message = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
  content: z.union([z.string(), z.array(part)]).nullish(),
})

/** Fields that only steer sampling are taken and mean nothing here: nothing is sampled. */
const chatRequest = z.looseObject({
  model: z.string().min(1).max(200),
  messages: z.array(message).min(1).max(10_000),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  n: z.literal(1, 'only one choice is made').nullish(),
})

export type Role = 'system' | 'user' | 'assistant'
export type Turn = { readonly role: Role; readonly text: string }

export type ChatRequest = {
  readonly model: string
  readonly turns: readonly Turn[]
  readonly stream: boolean
  readonly includeUsage: boolean
  readonly maxTokens: number | undefined
}

/** A refusal in OpenAI's shape, so that its clients throw their own typed errors. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: 400 | 404 | 405 | 408 | 413 | 429 | 502
  readonly code: string
  readonly param: string | null

  constructor(status: ApiError['status'], code: string, message: string, param: string | null = null) {
    super(message)
    this.status = status
    this.code = code
    this.param = param
  }

  get body(): string {
    const type = this.status === 429 ? 'rate_limit_error' : this.status >= 500 ? 'api_error' : 'invalid_request_error'
    return JSON.stringify({ error: { message: this.message, type, param: this.param, code: this.code } })
  }
}

export function readChatRequest(text: string): ChatRequest {
  const result = chatRequest.safeParse(parsed(text))
  if (!result.success) throw invalid(result.error)
  const { model, messages, stream, stream_options, max_tokens, max_completion_tokens } = result.data
  const turns = messages.map(({ role, content }) => ({ role: roles[role], text: textOf(content) }))
  const maxTokens = max_completion_tokens ?? max_tokens ?? undefined
  return { model, turns, stream: stream === true, includeUsage: stream_options?.include_usage === true, maxTokens }
}

const roles = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
  tool: 'assistant',
  function: 'assistant',
} as const

function textOf(content: z.infer<typeof message>['content']): string {
  if (content === null || content === undefined) return ''
  return typeof content === 'string' ? content : content.map(({ text }) => text).join('\n')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new ApiError(400, 'invalid_json', 'The body is not valid JSON.')
  }
}

function invalid(error: z.ZodError): ApiError {
  const [first] = error.issues
  const path = first?.path.map(String).join('.') ?? ''
  return new ApiError(400, 'invalid_value', `${first?.message ?? 'Invalid request'} at '${path}'.`, path)
}

export type Completion = {
  readonly id: string
  readonly created: number
  readonly model: string
  readonly prompt: readonly Turn[]
}

export type FinishReason = 'stop' | 'length'

/** The whole answer as one object. */
export function completionBody(about: Completion, text: string, finish: FinishReason): string {
  const choice = {
    index: 0,
    message: { role: 'assistant', content: text, refusal: null },
    logprobs: null,
    finish_reason: finish,
  }
  return JSON.stringify({ ...head(about, 'chat.completion'), choices: [choice], usage: usage(about, text) })
}

/** One event of a stream; `delta` is what it adds. */
export function chunkEvent(
  about: Completion,
  delta: { role?: 'assistant'; content?: string },
  finish: FinishReason | null,
): string {
  const choice = { index: 0, delta, logprobs: null, finish_reason: finish }
  return event({ ...head(about, 'chat.completion.chunk'), choices: [choice] })
}

/** The last event before the end, for those who asked with `stream_options.include_usage`. */
export function usageEvent(about: Completion, text: string): string {
  return event({ ...head(about, 'chat.completion.chunk'), choices: [], usage: usage(about, text) })
}

export const doneEvent = 'data: [DONE]\n\n'

export function modelsBody(names: readonly string[]): string {
  return JSON.stringify({ object: 'list', data: names.map(modelOf) })
}

export function modelOf(name: string): Record<string, string | number> {
  return { id: name, object: 'model', created: 0, owned_by: 'asunder' }
}

function event(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

function head({ id, created, model }: Completion, object: string): Record<string, string | number> {
  return { id, object, created, model }
}

function usage({ prompt }: Completion, text: string): Record<string, number> {
  const prompt_tokens = prompt.reduce((sum, turn) => sum + countTokens(turn.text), 0)
  const completion_tokens = countTokens(text)
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
}
