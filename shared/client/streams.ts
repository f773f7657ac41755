/** The few moves on byte streams that the client needs, the same in Node and in browsers. */
import { concat, type Bytes } from '../bytes.ts'

/** Thrown by `gather` alone, so that each caller can say in its own words what was too large. */
export class OverLimit extends Error {
  override readonly name = 'OverLimit'
}

/** Everything, as long as it stays within `limit` bytes. */
export async function gather(source: AsyncIterable<Uint8Array>, limit: number): Promise<Bytes> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of source) {
    length += part.length
    if (length > limit) throw new OverLimit(`more than ${limit} bytes`)
    parts.push(part)
  }
  return concat(...parts)
}

/** A web stream or iterable of byte arrays, read by hand: not every browser iterates a ReadableStream. */
export async function* pieces(source: ReadableStream<unknown> | AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  const from = source instanceof ReadableStream ? readerOf(source) : source[Symbol.asyncIterator]()
  try {
    for (let next = await from.next(); next.done !== true; next = await from.next()) {
      if (!(next.value instanceof Uint8Array)) throw new TypeError('a body stream must give Uint8Array chunks')
      if (next.value.length > 0) yield next.value
    }
  } finally {
    await from.return?.()
  }
}

/** A stream that reads `source` no faster than it is read itself, and whose reads fail at once when `signal` is aborted. */
export function pulled(
  source: AsyncIterator<Uint8Array>,
  signal: AbortSignal | undefined,
  release: () => void,
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(to) {
        try {
          const next = await abortable(source.next(), signal)
          if (next.done === true) to.close()
          else to.enqueue(next.value)
        } catch (cause) {
          release()
          throw cause
        }
      },
      cancel: release,
    },
    { highWaterMark: 0 },
  )
}

/** `work`, or the signal's reason as soon as it is aborted; what `work` does afterwards is nobody's business any more. */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  const stop = new AbortController()
  const aborted = new Promise<never>((_, reject) => {
    const leave = (): void => reject(signal.reason as Error)
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave, { once: true, signal: stop.signal })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    stop.abort()
    work.catch(() => undefined)
  }
}

function readerOf(stream: ReadableStream<unknown>): AsyncIterator<unknown> {
  const reader = stream.getReader()
  return {
    async next() {
      const { done, value } = await reader.read()
      return done ? { done, value: undefined } : { done, value }
    },
    async return() {
      await reader.cancel()
      return { done: true, value: undefined }
    },
  }
}
