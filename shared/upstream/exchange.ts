/** One exchange with an upstream: what is asked, who listens to the answer, and what became of it. No retries, no redirects. */
import { concat, type Bytes } from '../bytes.ts'

export type UpstreamRequest = {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** name, value, name, value: the whole of what we say, in the order of the wire */
  readonly fields: readonly string[]
  /** Bytes are sent with their length; parts are sent as they come, chunked. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | null
}

export type UpstreamFailure =
  | 'busy' // every connection is taken, and the queue is full or its wait too long
  | 'timeout' // nobody took the connection, or no head or next byte came in time
  | 'broken' // anything else: refused, reset, not HTTP, cut in the middle

/** Steers an exchange. All three may be called at any time, also after its end. */
export type Flow = { pause(): void; resume(): void; abort(): void }

/** `head` and then `data` until exactly one of `end` and `fail`; only `fail` may come alone. Data is never empty. */
export type Listener = {
  head(status: number, field: (name: string) => string | undefined): void
  data(bytes: Uint8Array): void
  end(): void
  fail(why: UpstreamFailure): void
}

/** Starts an exchange; nothing is called before it returns. */
export type Forward = (request: UpstreamRequest, listener: Listener) => Flow

export type Collected = {
  readonly status: number
  readonly field: (name: string) => string | undefined
  readonly body: Bytes
}

/** The whole answer, or `too-large` when it goes beyond `max` octets, or what went wrong. */
export function collect(
  forward: Forward,
  request: UpstreamRequest,
  max: number,
): Promise<Collected | UpstreamFailure | 'too-large'> {
  return new Promise((resolve) => {
    const parts: Uint8Array[] = []
    let length = 0
    let answer: Omit<Collected, 'body'> = { status: 0, field: () => undefined }
    const flow = forward(request, {
      head: (status, field) => void (answer = { status, field }),
      data(bytes) {
        length += bytes.length
        if (length <= max) return void parts.push(bytes)
        resolve('too-large')
        flow.abort()
      },
      end: () => resolve({ ...answer, body: whole(parts) }),
      fail: resolve,
    })
  })
}

/** One part is not copied: most answers are. */
export function whole(parts: readonly Uint8Array[]): Bytes {
  const [only] = parts
  return parts.length === 1 && only !== undefined ? (only as Bytes) : concat(...parts)
}
