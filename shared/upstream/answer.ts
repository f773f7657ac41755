/**
 * Answers that are written piece by piece, in two forms: straight onto Node's response where there is one, through a
 * pulled stream elsewhere (Workers, tests without ports). Feasibility 1 and A4.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Bytes } from '../bytes.ts'
import type { Problem } from '../http/problem.ts'

export type Reader = {
  /** There is room; asked or not, so calling it once more must do no harm. */
  drained(): void
  /** The reader is gone, or has taken nothing for `stall` milliseconds; whatever is written from now on is dropped. */
  left(): void
}

export type Answer = {
  /** Once, before anything is written. */
  head(status: number, fields: Record<string, string>): void
  /** Takes the bytes. False asks to wait for `drained`. */
  write(bytes: Uint8Array): boolean
  end(): void
  /** This problem is the whole answer; nothing has been written. `close` as in `answerAndClose`. */
  refuse(refused: Problem, close: boolean): void
  /** Ends so that nobody can take it for complete (RFC 9112 §8). */
  cut(): void
  readonly headSent: boolean
  /** What the handler returns, in the very tick it was called in. */
  readonly response: Response | Promise<Response>
}

/** What a handler returns when it writes, now or later, to Node's own response. */
export const alreadySent: Response = RESPONSE_ALREADY_SENT

/**
 * Takes a request of Node's past adapter and router and writes its answer onto Node's response, or leaves it to them.
 * The promise is fulfilled when the answer has begun; rejected only by a mistake of ours.
 */
export type ShortWay = (env: Bindings) => Promise<unknown> | undefined

type Context = { readonly env: unknown }
export type Bindings = { readonly incoming: IncomingMessage; readonly outgoing: ServerResponse }

export function answerTo(context: Context, stall: number, reader: Reader): Answer {
  const bindings = nodeBindings(context)
  return bindings === undefined ? new PulledAnswer(stall, reader) : new OutgoingAnswer(bindings, stall, reader)
}

export function nodeBindings({ env }: Context): Bindings | undefined {
  const bindings = env as Partial<Bindings> | null | undefined
  return bindings?.incoming === undefined || bindings.outgoing === undefined ? undefined : (bindings as Bindings)
}

export type WholeAnswer = {
  readonly status: number
  readonly fields: Record<string, string>
  readonly body: Bytes | string
}

/**
 * A whole answer: onto Node's response where there is one, which spares making a web Response and taking it apart again.
 * The request must have been read to its end, since nobody else looks after what is left of it.
 */
export function answerWhole(context: Context, { status, fields, body }: WholeAnswer, stall: number): Response {
  const outgoing = nodeBindings(context)?.outgoing
  if (outgoing === undefined) return new Response(body, { status, headers: fields })
  if (outgoing.destroyed) return alreadySent
  outgoing.writeHead(status, fields).end(body)
  // Small ones fit into the kernel's buffers and need no timer.
  if (body.length > 65_536) letGoWhenStalled(context, stall)
  return alreadySent
}

export function wholeProblem(refused: Problem): WholeAnswer {
  return { status: refused.status, fields: problemFields(refused), body: refused.body }
}

/** A problem as a web answer. */
export function plain(refused: Problem): Response {
  return new Response(refused.body, { status: refused.status, headers: problemFields(refused) })
}

/** A problem's fields with its length, so that every way of sending one gives the same head. */
export function problemFields({ fields, body }: Problem): Record<string, string> {
  return { ...fields, 'content-length': String(new TextEncoder().encode(body).length) }
}

/**
 * What was written last must also be taken: a reader that never reads would keep it, and its socket, for ever. Node's
 * socket timer knows about progress, so a slow reader stays; the next request on the connection sets its own.
 */
export function letGoWhenStalled(context: Context | Bindings, stall: number): void {
  const outgoing = 'outgoing' in context ? context.outgoing : nodeBindings(context)?.outgoing
  if (outgoing === undefined || outgoing.writableFinished || outgoing.destroyed) return
  outgoing.setTimeout(stall, () => outgoing.destroy())
}

/** Calls `done` once nothing of the answer waits here for its reader any more: taken, or thrown away with its connection. */
export function whenTaken(context: Context, done: () => void): void {
  const outgoing = nodeBindings(context)?.outgoing
  if (outgoing === undefined || outgoing.destroyed || outgoing.writableLength === 0) done()
  else outgoing.once('close', done)
}

const linger = 200

/**
 * Answers a request whose content will not be read to its end: no more is read, the answer is flushed, and the
 * connection goes a moment later, so that an endless upload costs nothing and an honest client still sees why.
 */
export function answerAndClose(context: Context, refused: Problem): Response {
  const bindings = nodeBindings(context)
  if (bindings === undefined) return plain(refused)
  // An answer that has begun cannot become another one: it is cut, so that nobody takes it for complete.
  const { headersSent, writableEnded } = bindings.outgoing
  if (!headersSent) writeAndClose(bindings, refused)
  else if (!writableEnded) bindings.outgoing.destroy()
  return RESPONSE_ALREADY_SENT
}

function writeAndClose({ incoming, outgoing }: Bindings, refused: Problem): void {
  incoming.pause()
  const { socket } = incoming
  outgoing.once('finish', () => setTimeout(() => socket.destroy(), linger))
  outgoing.writeHead(refused.status, { ...problemFields(refused), connection: 'close' })
  outgoing.end(refused.body)
}

class OutgoingAnswer implements Answer {
  readonly response = RESPONSE_ALREADY_SENT
  readonly #bindings: Bindings
  readonly #outgoing: ServerResponse
  readonly #reader: Reader
  readonly #stall: number
  #timer: NodeJS.Timeout | undefined
  #done = false

  constructor(bindings: Bindings, stall: number, reader: Reader) {
    const { outgoing } = bindings
    this.#bindings = bindings
    this.#outgoing = outgoing
    this.#reader = reader
    this.#stall = stall
    outgoing.on('drain', () => this.#drained())
    // 'close' has already been when the client left before its handler ran (feasibility 1, traps).
    if (outgoing.destroyed) queueMicrotask(() => this.#left())
    else outgoing.once('close', () => this.#left())
  }

  get headSent(): boolean {
    return this.#outgoing.headersSent
  }

  head(status: number, fields: Record<string, string>): void {
    if (!this.#outgoing.destroyed) this.#outgoing.writeHead(status, fields)
  }

  write(bytes: Uint8Array): boolean {
    if (this.#done || this.#outgoing.destroyed) return true
    if (this.#outgoing.write(bytes)) return true
    this.#timer ??= setTimeout(() => this.#stalled(), this.#stall)
    return false
  }

  end(): void {
    this.#done = true
    clearTimeout(this.#timer)
    this.#outgoing.end()
    letGoWhenStalled(this.#bindings, this.#stall)
  }

  refuse(refused: Problem, close: boolean): void {
    if (this.#outgoing.destroyed) return
    if (close) writeAndClose(this.#bindings, refused)
    else this.#outgoing.writeHead(refused.status, problemFields(refused)).write(refused.body)
    if (close) this.#done = true
    else this.end()
  }

  cut(): void {
    this.#done = true
    clearTimeout(this.#timer)
    this.#outgoing.destroy()
  }

  #stalled(): void {
    this.#left()
    this.#outgoing.destroy()
  }

  #drained(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#reader.drained()
  }

  #left(): void {
    clearTimeout(this.#timer)
    if (this.#done) return
    this.#done = true
    this.#reader.left()
  }
}

class PulledAnswer implements Answer {
  readonly response: Promise<Response>
  readonly #stream: ReadableStream<Uint8Array>
  readonly #stall: number
  #respond: (response: Response) => void = () => undefined
  #to: ReadableStreamDefaultController<Uint8Array> | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #left: () => void
  headSent = false

  constructor(stall: number, reader: Reader) {
    this.#stall = stall
    this.response = new Promise((resolve) => (this.#respond = resolve))
    this.#left = () => {
      if (this.#close() !== undefined) reader.left()
    }
    this.#stream = new ReadableStream({
      start: (to) => void (this.#to = to),
      pull: () => {
        clearTimeout(this.#timer)
        this.#timer = undefined
        reader.drained()
      },
      cancel: () => this.#left(),
    })
  }

  head(status: number, fields: Record<string, string>): void {
    this.headSent = true
    this.#respond(new Response(this.#stream, { status, headers: fields }))
  }

  write(bytes: Uint8Array): boolean {
    if (this.#to === undefined) return true
    this.#to.enqueue(bytes)
    if ((this.#to.desiredSize ?? 1) > 0) return true
    this.#timer ??= setTimeout(() => this.#left(), this.#stall)
    return false
  }

  end(): void {
    this.#close()?.close()
  }

  refuse(refused: Problem): void {
    this.headSent = true
    this.#close()
    this.#respond(plain(refused))
  }

  cut(): void {
    this.#close()?.error(new Error('the answer is not complete'))
  }

  // The controller, once: after that nothing can be written and nobody is told twice.
  #close(): ReadableStreamDefaultController<Uint8Array> | undefined {
    clearTimeout(this.#timer)
    const to = this.#to
    this.#to = undefined
    return to
  }
}
