/**
 * Binary HTTP heads for and from the web's own Request and Response. RFC 9292 §3.4-3.6, Fetch standard.
 * Only web-standard globals: this runs in browsers, Workers and Node alike.
 */
import { forwardable, type Field } from '../http/fields.ts'
import type { RequestHead, ResponseHead } from './message.ts'

/** Whatever the platform at hand makes a Response of. */
export type ResponseBody = ConstructorParameters<typeof Response>[0]

/** `stored` bodies are whole in memory before anything is sent; `streamed` ones come at their own pace. */
export type BodyKind = 'none' | 'stored' | 'streamed'

/** Statuses that a Response cannot be made of with a body, not even an empty one. Fetch standard, "null body status". */
const nullBodyStatuses = new Set([204, 205, 304])

/** Host, port and path come from the URL; its fragment stays with the caller. */
export function requestHeadFrom(request: Request): RequestHead {
  const url = new URL(request.url)
  return {
    method: request.method,
    scheme: url.protocol.slice(0, -1),
    authority: url.host,
    path: url.pathname + url.search,
    headers: messageFields(request.headers),
  }
}

/**
 * Fields of a Headers object, one character a byte as it holds them. Those about connections are left out when a
 * message is made (RFC 9292 §3.6 SHOULD): nothing behind the seal could act on them.
 */
export function messageFields(headers: Headers): Field[] {
  return forwardable([...headers])
}

/**
 * What kind of body a call of fetch has. A Request shows every body as a stream, so only a stream handed in as
 * `init.body` counts as one: a caller who wants to stream says so there.
 */
export function bodyKind(request: Request, body?: unknown): BodyKind {
  if (request.body === null) return 'none'
  return body instanceof ReadableStream ? 'streamed' : 'stored'
}

export function responseHeadFrom(response: Response): ResponseHead {
  return { status: response.status, headers: messageFields(response.headers) }
}

export function mayHaveBody(status: number): boolean {
  return !nullBodyStatuses.has(status)
}

/** What a Response is made of besides its body. Pseudo-fields of extensions and connection fields are ignored. */
export function responseInit(head: ResponseHead): { readonly status: number; readonly headers: Headers } {
  const headers = new Headers()
  for (const [name, value] of forwardable(head.headers)) headers.append(name, value)
  return { status: head.status, headers }
}

/** A Response of a decoded head and its content; the content of a status that has none is left aside. */
export function responseFrom(head: ResponseHead, body: ResponseBody): Response {
  return new Response(mayHaveBody(head.status) ? body : null, responseInit(head))
}
