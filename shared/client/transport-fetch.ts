/** To the relay through the platform's own `fetch`: browsers, Workers, Deno. */
import { pulled } from './streams.ts'
import type { RelayAnswer, RelayRequest, Transport } from './transport.ts'

/** What DOM typings call RequestInit, reduced to what is set here; Node's typings know no `cache` or `mode`. */
export type PlatformFetch = (url: string, init: Record<string, unknown>) => Promise<Response>

/** Everything that could follow, remember or identify is switched off; what the browser adds regardless, the relay drops. */
const closed = {
  redirect: 'manual',
  credentials: 'omit',
  cache: 'no-store',
  referrerPolicy: 'no-referrer',
  mode: 'cors',
  keepalive: false,
} as const

export function fetchTransport(fetch: PlatformFetch = platformFetch): Transport {
  return {
    async send(request) {
      const answer = await fetch(request.url.href, { ...closed, ...initOf(request) })
      return { status: answer.status, field: (name) => answer.headers.get(name), body: bodyOf(answer) }
    },
  }
}

function platformFetch(url: string, init: Record<string, unknown>): Promise<Response> {
  return globalThis.fetch(url, init)
}

function initOf({ method, fields, body, signal }: RelayRequest): Record<string, unknown> {
  const init = { method, headers: fields, signal }
  if (body === undefined) return init
  if (body instanceof Uint8Array) return { ...init, body }
  // `duplex: half`: the whole request goes out before the answer is read (conformance.md CHK-16).
  return { ...init, body: pulled(body[Symbol.asyncIterator](), undefined, () => undefined), duplex: 'half' }
}

/** Read by hand: not every browser iterates a ReadableStream, and leaving the loop must let go of the connection. */
async function* bodyOf(answer: Response): RelayAnswer['body'] {
  if (answer.body === null) return
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    reader.cancel().catch(() => undefined)
  }
}
