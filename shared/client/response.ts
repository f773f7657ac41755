/** From an authenticated answer to the `Response` that an application reads. Fetch standard §6.4. */
import { mayHaveBody } from '../bhttp/fetch.ts'
import type { Bytes } from '../bytes.ts'
import { essence, mediaTypes } from '../http/media-types.ts'
import { dateProblem } from '../http/problem.ts'
import type { Call } from './call.ts'
import { ObliviousError } from './errors.ts'
import type { Answer } from './exchange.ts'
import { problemTypeOf, wrongDate, type Unprocessed } from './outer-refusal.ts'
import { answerHeaders } from './identity.ts'
import { pulled } from './streams.ts'

const redirects = [301, 302, 303, 307, 308]

/**
 * A redirect is never followed: where it leads is the target's choice and could mark this client (OHTTP-C15).
 * With `redirect: 'error'` it is refused as by the platform's fetch, otherwise the caller sees it.
 */
export function responseOf(answer: Answer, call: Call, keep: ReadonlySet<string>): Response {
  const { head, content } = answer
  if (call.redirect === 'error' && redirects.includes(head.status)) {
    answer.release()
    throw new TypeError('fetch: the target answered with a redirect')
  }
  const body = !mayHaveBody(head.status)
    ? null
    : content instanceof Uint8Array
      ? content
      : pulled(content, call.signal, () => answer.release())
  const response = platformResponse(answer, body, keep)
  return Object.defineProperty(response, 'url', { value: withoutFragment(call.url) })
}

/** Binary HTTP carries more than a platform's Response can: control characters in values, statuses beyond 599. */
function platformResponse(answer: Answer, body: Bytes | ReadableStream | null, keep: ReadonlySet<string>): Response {
  const { status, headers } = answer.head
  try {
    return new Response(body, { status, headers: answerHeaders(headers, keep) })
  } catch (cause) {
    answer.release()
    throw new ObliviousError('answer-damaged', { cause })
  }
}

/** The clock of whoever opened it, if this answer is a refusal of ours (RFC 9458 §6.5.2); for one retry and nothing else. */
export function refusedDate({ head, content }: Answer): Unprocessed | undefined {
  const type = head.headers.find(([name]) => name === 'content-type')?.[1]
  if (head.status !== 400 || essence(type) !== mediaTypes.problem || !(content instanceof Uint8Array)) return undefined
  return problemTypeOf(content) === dateProblem ? wrongDate(head.headers) : undefined
}

function withoutFragment(url: URL): string {
  return url.href.slice(0, url.href.length - url.hash.length)
}
