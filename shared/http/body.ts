/**
 * Contents of messages: read whole within a limit, or part by part as they arrive, or handed on no faster than they
 * are read. RFC 9110 §6.4; feasibility: request contents never go through web streams where Node's own request exists.
 */
import type { IncomingMessage } from 'node:http'
import { concat, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { line } from './outer.ts'
import { patient } from './patience.ts'

/** Where a content comes from: Node's request where there is one, the web's otherwise (Workers, tests without ports). */
export type Source =
  { readonly incoming: IncomingMessage } | { readonly incoming?: undefined; readonly request: Request }

export type ReadLimits = {
  /** octets; counted on what really passes, since a content-length field proves nothing */
  readonly max: number
  /** milliseconds without a byte */
  readonly stall: number
}

/** The content of a Hono context's request; `env` has Node's own objects only behind Node's server. */
export function contentOf(context: { readonly env: unknown; readonly req: { readonly raw: Request } }): Source {
  const incoming = (context.env as { incoming?: IncomingMessage } | null | undefined)?.incoming
  return incoming === undefined ? { request: context.req.raw } : { incoming }
}

/** The whole content. Refusals: `body-too-large`, `stalled`, `incomplete` (the sender left); then nothing more is read. */
export function readBounded(source: Source, limits: ReadLimits): Promise<Bytes> {
  return source.incoming === undefined ? gathered(source, limits) : gatherIncoming(source.incoming, limits)
}

/** The content's parts as they arrive, never an empty one; reads no faster than it is asked. Refusals as above. */
export async function* arriving(source: Source, { max, stall }: ReadLimits): AsyncGenerator<Bytes, void, undefined> {
  const { incoming } = source
  const parts = incoming === undefined ? streamParts(source.request.body, stall) : incomingParts(incoming, stall)
  yield* counted(parts, max)
}

/** Passes parts on and refuses `body-too-large` before the first part that goes beyond `max`. */
export async function* counted<T extends Uint8Array>(parts: AsyncIterable<T>, max: number): AsyncGenerator<T, void> {
  let passed = 0
  for await (const part of parts) {
    passed += part.length
    if (passed > max) throw tooLarge(max)
    yield part
  }
}

/** A web stream that asks `parts` only when its reader asks; `release` is called when the reader leaves. */
export function pulled(parts: AsyncIterable<Uint8Array>, release: () => void): ReadableStream<Uint8Array> {
  const source = parts[Symbol.asyncIterator]()
  return new ReadableStream({
    async pull(to) {
      let next = await source.next()
      while (next.done !== true && next.value.length === 0) next = await source.next()
      if (next.done === true) to.close()
      else to.enqueue(next.value)
    },
    cancel: release,
  })
}

// No promise per chunk and no timer per request: this runs for every one (feasibility 1 and 2). Listeners stay until the
// request goes: taking them off would cost more than asking once whether everything is settled.
function gatherIncoming(incoming: IncomingMessage, { max, stall }: ReadLimits): Promise<Bytes> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let length = 0
    let settled = false
    const patience = patient(stall, () => fail(new Refusal('stalled', 'no byte of the content for too long')))
    const settle = (): boolean => {
      patience.end()
      return settled || !(settled = true)
    }
    const fail = (refusal: Refusal): void => {
      if (settle()) return
      incoming.pause()
      reject(refusal)
    }
    const data = (chunk: Buffer): void => {
      length += chunk.length
      if (length > max) {
        fail(tooLarge(max))
        return
      }
      if (settled) return
      parts.push(chunk)
      patience.renew()
    }
    const end = (): void => {
      if (settle()) return
      const [only] = parts
      resolve((parts.length === 1 && only !== undefined ? only : Buffer.concat(parts, length)) as Bytes)
    }
    const left = (): void => fail(new Refusal('incomplete', 'the sender left'))
    if (Number(line(incoming.rawHeaders, 'content-length') ?? 0) > max) fail(tooLarge(max))
    else if (incoming.destroyed) left()
    else incoming.on('data', data).on('end', end).on('close', left).on('error', left)
  })
}

async function gathered(source: Source, limits: ReadLimits): Promise<Bytes> {
  const parts: Bytes[] = []
  for await (const part of arriving(source, limits)) parts.push(part)
  return concat(...parts)
}

// Paused mode and no `for await` over the request itself: that would destroy the socket when we stop reading early.
async function* incomingParts(incoming: IncomingMessage, stall: number): AsyncGenerator<Bytes> {
  let wake: () => void = () => undefined
  const awake = (): void => wake()
  const events = ['readable', 'end', 'close', 'error'] as const
  for (const event of events) incoming.on(event, awake)
  try {
    for (;;) {
      const part = incoming.read() as Bytes | null
      if (part !== null) yield part
      else if (incoming.readableEnded) return
      else if (incoming.destroyed) throw new Refusal('incomplete', 'the sender left')
      else await within(stall, new Promise<void>((resolve) => (wake = resolve)))
    }
  } finally {
    for (const event of events) incoming.off(event, awake)
  }
}

async function* streamParts(stream: ReadableStream<Uint8Array> | null, stall: number): AsyncGenerator<Bytes> {
  if (stream === null) return
  const reader = stream.getReader()
  try {
    for (;;) {
      const { done, value } = await within(stall, reader.read())
      if (done) return
      if (value.length > 0) yield value as Bytes
    }
  } catch (cause) {
    throw cause instanceof Refusal ? cause : new Refusal('incomplete', 'the sender left', { cause })
  } finally {
    reader.cancel().catch(() => undefined)
  }
}

/** What `work` gives, or `stalled` when that takes longer; the work itself goes on, so it must end by itself. */
export async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Refusal('stalled', 'no byte of the content for too long')), milliseconds)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

function tooLarge(max: number): Refusal {
  return new Refusal('body-too-large', `more than ${max} octets`, { limit: max })
}
