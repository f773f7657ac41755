/**
 * One call of `fetch` as plain data: what the caller wants, reduced to what may travel inside the seal.
 * Mistakes of the caller are `TypeError`, as with the platform's own fetch.
 */
import type { Bytes } from '../bytes.ts'
import type { Field } from '../http/fields.ts'
import { ObliviousError } from './errors.ts'
import { keptFields } from './identity.ts'
import { gather, OverLimit, pieces } from './streams.ts'

export type Input = string | URL | Request

export type Call = {
  readonly method: string
  readonly url: URL
  readonly headers: readonly Field[]
  /** Bytes are padded and can be sent again; a stream is neither. */
  readonly body: Bytes | AsyncIterable<Uint8Array>
  readonly signal: AbortSignal | undefined
  readonly redirect: NonNullable<RequestInit['redirect']>
}

const normalised = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT']

export async function readCall(
  input: Input,
  init: RequestInit,
  keep: ReadonlySet<string>,
  limit: number,
): Promise<Call> {
  const request = input instanceof Request ? input : undefined
  const method = methodOf(init.method ?? request?.method ?? 'GET')
  const headers = new Headers(init.headers ?? request?.headers ?? {})
  // RFC 9458 §5.1: an expectation cannot be met inside a message that is sent whole.
  if (headers.has('expect')) throw new TypeError('fetch: an `expect` field cannot travel in a sealed request')
  const body = await bodyOf(init.body ?? request?.body ?? null, headers, limit)
  if ((method === 'GET' || method === 'HEAD') && !(body instanceof Uint8Array && body.length === 0)) {
    throw new TypeError(`fetch: a ${method} request has no body`)
  }
  return {
    method,
    url: targetOf(request?.url ?? (input as string | URL)),
    headers: keptFields(headers, keep),
    // A Request's own body is always a stream to us, so it is stored; only a stream handed in `init` goes out as one.
    body: body instanceof Uint8Array || init.body != null ? body : await stored(body, limit),
    signal: init.signal ?? request?.signal,
    redirect: init.redirect ?? request?.redirect ?? 'follow',
  }
}

function methodOf(method: string): string {
  const upper = method.toUpperCase()
  if (['CONNECT', 'TRACE', 'TRACK'].includes(upper)) throw new TypeError(`fetch: ${upper} cannot be sealed`)
  return normalised.includes(upper) ? upper : method
}

/** The inner request goes to the application behind the gateway, under its own name. */
function targetOf(address: string | URL): URL {
  const url = new URL(address)
  if (url.protocol !== 'https:') throw new TypeError('fetch: the target of a sealed request must be https')
  if (url.username !== '' || url.password !== '') throw new TypeError('fetch: an address must not carry credentials')
  return url
}

/** Bytes for everything that is in memory already; `content-type` is derived as the platform derives it. */
async function bodyOf(body: RequestInit['body'] | null, headers: Headers, limit: number): Promise<Call['body']> {
  if (body === null) return new Uint8Array(0)
  if (isStream(body)) return pieces(body)
  const platform = new Response(body)
  const type = platform.headers.get('content-type')
  if (type !== null && !headers.has('content-type')) headers.set('content-type', type)
  return within(new Uint8Array(await platform.arrayBuffer()), limit)
}

function isStream(body: unknown): body is ReadableStream<unknown> | AsyncIterable<unknown> {
  return typeof body === 'object' && body !== null && (body instanceof ReadableStream || Symbol.asyncIterator in body)
}

function within(bytes: Bytes, limit: number): Bytes {
  if (bytes.length > limit) throw new ObliviousError('too-large')
  return bytes
}

async function stored(body: AsyncIterable<Uint8Array>, limit: number): Promise<Bytes> {
  try {
    return await gather(body, limit)
  } catch (cause) {
    if (cause instanceof OverLimit) throw new ObliviousError('too-large', { cause })
    throw cause
  }
}
