/**
 * One question over a connection of its own, and the whole answer as it stood on the wire: every field of the head, in its
 * order. The certificate is not judged here, so that one bad certificate does not hide everything behind it.
 */
import { request as plainRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { concat, type Bytes } from '../../bytes.ts'
import { Unheard } from './findings.ts'

export type Question = {
  readonly method: string
  readonly url: URL
  readonly fields?: Readonly<Record<string, string>>
  /** The head alone goes out when this is left out; its content-length may say more than ever comes. */
  readonly body?: Bytes
}

export type Answer = {
  readonly status: number
  /** names in lower case, in the order of the wire */
  readonly head: readonly (readonly [name: string, value: string])[]
  readonly body: Bytes
  /** from the first byte sent to the last one read, with the connection */
  readonly milliseconds: number
}

export type Asking = {
  readonly signal: AbortSignal
  /** milliseconds for the whole exchange */
  readonly patience: number
}

/** More than any answer that a healthy relay gives to what is asked here. */
const most = 4 << 20

/** Refuses with `Unheard`. */
export function ask(question: Question, { signal, patience }: Asking): Promise<Answer> {
  const begun = performance.now()
  const { method, url, fields = {}, body } = question
  const options: RequestOptions = {
    method,
    agent: false,
    setHost: false,
    headers: { host: url.host, connection: 'keep-alive', ...fields },
    signal: AbortSignal.any([signal, AbortSignal.timeout(patience)]),
  }
  return new Promise((resolve, reject) => {
    const unheard = (cause: unknown): void => reject(unheardBy(cause))
    const request =
      url.protocol === 'https:'
        ? tlsRequest(url, { ...options, rejectUnauthorized: false })
        : plainRequest(url, options)
    request.on('error', unheard)
    request.on('response', (incoming) => {
      gathered(incoming)
        .then((content) => {
          resolve({ ...headOf(incoming), body: content, milliseconds: performance.now() - begun })
        }, unheard)
        .finally(() => request.destroy())
    })
    if (body !== undefined) request.end(body)
    else if (fields['content-length'] === undefined) request.end()
    else request.flushHeaders()
  })
}

function headOf({ statusCode = 0, rawHeaders }: IncomingMessage): Pick<Answer, 'status' | 'head'> {
  const head = Array.from({ length: rawHeaders.length / 2 }, (_, at) => {
    return [(rawHeaders[2 * at] ?? '').toLowerCase(), rawHeaders[2 * at + 1] ?? ''] as const
  })
  return { status: statusCode, head }
}

async function gathered(incoming: AsyncIterable<Uint8Array>): Promise<Bytes> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of incoming) {
    parts.push(part)
    length += part.length
    if (length > most) throw new Unheard('ANSWER_TOO_LONG')
  }
  return concat(...parts)
}

export function unheardBy(cause: unknown): Unheard {
  if (cause instanceof Unheard) return cause
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const aborted = cause instanceof Error && (cause.name === 'AbortError' || cause.name === 'TimeoutError')
  return new Unheard(aborted ? 'TIMEOUT' : typeof code === 'string' ? code : 'UNKNOWN', { cause })
}

/** All lines of one field, as one. */
export function field({ head }: Answer, name: string): string | undefined {
  const lines = head.filter(([own]) => own === name).map(([, value]) => value)
  return lines.length === 0 ? undefined : lines.join(', ')
}
