/** A real model server in the app's place: requests under /v1/ go on to it as they are, answers stream back as they come. */
import { Hono } from 'hono'
import { Pool, type Dispatcher } from 'undici'
import { contentOf, pulled, readBounded } from '../../../shared/http/body.ts'
import { isLoopback } from '../../../shared/upstream/loopback.ts'
import { withErrors, appLimits } from './chat.ts'
import type { AppLimits } from './chat.ts'
import { ApiError } from './openai.ts'

/** What is kept in each direction; an app's own key passes if the caller let it through the seal. */
const outward = ['content-type', 'accept', 'authorization'] as const
const inward = ['content-type', 'cache-control', 'retry-after'] as const

export type ModelServer = { readonly app: Hono; close(): Promise<void> }

/** The address of a model server: https anywhere, plain http on this machine only. Throws TypeError with what is wrong. */
export function modelServerUrl(text: string): URL {
  if (!URL.canParse(text)) throw new TypeError(`not a URL: ${text}`)
  const url = new URL(text)
  const plain = url.protocol === 'http:' && isLoopback(url.hostname)
  if (url.protocol !== 'https:' && !plain)
    throw new TypeError('https, or http on this machine (127.0.0.1, ::1, localhost)')
  if (url.username !== '' || url.search !== '' || url.hash !== '')
    throw new TypeError('no credentials, query or fragment')
  return url
}

export function createModelServer(upstream: URL, limits: AppLimits = appLimits): ModelServer {
  // People give either `http://host:port` or OpenAI's base URL, which ends in /v1.
  const base = upstream.pathname.replace(/\/+$/, '').replace(/\/v1$/, '')
  // A model may think for long before its first token: the limits are the gateway's, not ours.
  const pool = new Pool(upstream.origin, { connections: limits.streams, headersTimeout: 0, bodyTimeout: 0 })
  const app = new Hono()
  app.on(['GET', 'POST'], '/v1/*', async (c) => {
    const content = await readBounded(contentOf(c), { max: limits.request, stall: limits.stall })
    const path = `${base}${new URL(c.req.url).pathname}${new URL(c.req.url).search}`
    const leaving = new AbortController()
    const answered = await ask(pool, {
      path,
      method: c.req.method,
      headers: kept(outward, (name) => c.req.header(name)),
      body: c.req.method === 'GET' ? null : content,
      signal: leaving.signal,
    })
    const headers = kept(inward, (name) => [answered.headers[name]].flat()[0])
    return new Response(
      pulled(answered.body, () => leaving.abort()),
      { status: answered.statusCode, headers },
    )
  })
  return { app: withErrors(app), close: () => pool.destroy() }
}

async function ask(pool: Pool, options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> {
  try {
    return await pool.request(options)
  } catch {
    throw new ApiError(502, 'upstream_unreachable', 'The model server did not answer.')
  }
}

function kept(names: readonly string[], valueOf: (name: string) => string | undefined): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const name of names) {
    const value = valueOf(name)
    if (value !== undefined) fields[name] = value
  }
  return fields
}
