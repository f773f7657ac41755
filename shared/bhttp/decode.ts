/**
 * Reads Binary HTTP messages, whole or as their bytes arrive. RFC 9292 §3.
 * There is one reader: decoding a whole message is pushing it in one piece, so the two cannot differ.
 */
import { Refusal } from '../refusal.ts'
import { Feed } from './feed.ts'
import {
  defaultLimits,
  type DecodedRequest,
  type DecodedResponse,
  type Field,
  type Framing,
  type Informational,
  type Limits,
  type RequestHead,
  type ResponseHead,
} from './message.ts'
import {
  Allowance,
  content,
  fields,
  framing,
  padding,
  requestControl,
  statusCode,
  type ContentEvent,
  type Steps,
} from './parts.ts'
import { Pieces } from './pieces.ts'
import { isInformational } from './rules.ts'

/** In this order: `head`, `content` any number of times and never empty, `trailers` (perhaps none) once, `end`. */
type BodyEvent =
  | ContentEvent
  /** The message is complete; only padding can follow. */
  | { readonly type: 'trailers'; readonly fields: readonly Field[] }
  | { readonly type: 'end'; readonly padding: number }

export type RequestEvent = { readonly type: 'head'; readonly framing: Framing; readonly head: RequestHead } | BodyEvent

export type ResponseEvent =
  | ({ readonly type: 'informational' } & Informational)
  | { readonly type: 'head'; readonly framing: Framing; readonly head: ResponseHead }
  | BodyEvent

function* requestSteps(feed: Feed, limits: Limits): Steps<void, RequestEvent> {
  const framed = yield* framing(feed, 'request')
  const octets = new Allowance(limits.headerSection)
  const control = yield* requestControl(feed, octets)
  const headers = yield* fields(feed, { section: 'header', framing: framed, limits, octets })
  yield { type: 'head', framing: framed, head: { ...control, headers } }
  yield* body(feed, framed, limits)
}

function* responseSteps(feed: Feed, limits: Limits): Steps<void, ResponseEvent> {
  const framed = yield* framing(feed, 'response')
  for (let informational = 0; ; informational++) {
    const status = yield* statusCode(feed)
    if (isInformational(status) && informational === limits.informational) {
      throw new Refusal('too-many', `more than ${limits.informational} informational responses`)
    }
    const headers = yield* fields(feed, { section: 'header', framing: framed, limits })
    if (!isInformational(status)) {
      yield { type: 'head', framing: framed, head: { status, headers } }
      break
    }
    yield { type: 'informational', status, headers }
  }
  yield* body(feed, framed, limits)
}

function* body(feed: Feed, framed: Framing, limits: Limits): Steps<void, BodyEvent> {
  yield* content(feed, framed, limits)
  yield { type: 'trailers', fields: yield* fields(feed, { section: 'trailer', framing: framed, limits }) }
  yield { type: 'end', padding: yield* padding(feed) }
}

/** Bytes in, events out. After a Refusal it stays refused: an invalid message is not processed further (RFC 9292 §4). */
class Decoder<Event extends { readonly type: string }> {
  readonly #feed = new Feed()
  readonly #steps: Steps<void, Event>
  #refusal: Refusal | undefined

  constructor(steps: (feed: Feed) => Steps<void, Event>) {
    this.#steps = steps(this.#feed)
  }

  /** At most one `content` event comes of one piece; its bytes may be a view of `piece`. */
  push(piece: Uint8Array): Event[] {
    return this.#drain(() => this.#feed.push(piece))
  }

  /** There are no more bytes. Throws if the message may not end here. */
  end(): Event[] {
    return this.#drain(() => this.#feed.end())
  }

  #drain(arrive: () => void): Event[] {
    if (this.#refusal !== undefined) throw this.#refusal
    if (this.#feed.ended) throw new TypeError('the message has ended already')
    try {
      arrive()
      const events = this.#ready()
      this.#feed.keep()
      return events
    } catch (refusal) {
      if (refusal instanceof Refusal) this.#refusal = refusal
      throw refusal
    }
  }

  #ready(): Event[] {
    const events: Event[] = []
    for (let step = this.#steps.next(); !step.done && step.value !== undefined; step = this.#steps.next())
      events.push(step.value)
    return events
  }
}

export class RequestDecoder extends Decoder<RequestEvent> {
  constructor(limits: Partial<Limits> = {}) {
    super((feed) => requestSteps(feed, { ...defaultLimits.request, ...limits }))
  }
}

export class ResponseDecoder extends Decoder<ResponseEvent> {
  constructor(limits: Partial<Limits> = {}) {
    super((feed) => responseSteps(feed, { ...defaultLimits.response, ...limits }))
  }
}

/** The content may be a view of `bytes`. */
export function decodeRequest(bytes: Uint8Array, limits: Partial<Limits> = {}): DecodedRequest {
  const decoder = new RequestDecoder(limits)
  return requestOf([...decoder.push(bytes), ...decoder.end()])
}

/** The content may be a view of `bytes`. */
export function decodeResponse(bytes: Uint8Array, limits: Partial<Limits> = {}): DecodedResponse {
  const decoder = new ResponseDecoder(limits)
  return responseOf([...decoder.push(bytes), ...decoder.end()])
}

/** The message that all events of a decoder tell, in however many pieces it was pushed. */
export function requestOf(events: readonly RequestEvent[]): DecodedRequest {
  const { framing, head } = only(events, 'head')
  return { kind: 'request', framing, ...head, ...bodyOf(events) }
}

/** The message that all events of a decoder tell, in however many pieces it was pushed. */
export function responseOf(events: readonly ResponseEvent[]): DecodedResponse {
  const { framing, head } = only(events, 'head')
  const informational = events.filter((event) => event.type === 'informational')
  return {
    kind: 'response',
    framing,
    informational: informational.map(({ status, headers }) => ({ status, headers })),
    ...head,
    ...bodyOf(events),
  }
}

function bodyOf(events: readonly (RequestEvent | ResponseEvent)[]) {
  const content = new Pieces()
  for (const event of events) if (event.type === 'content') content.add(event.bytes)
  return { content: content.take(), trailers: only(events, 'trailers').fields, padding: only(events, 'end').padding }
}

function only<Event extends { readonly type: string }, Type extends Event['type']>(
  events: readonly Event[],
  type: Type,
): Extract<Event, { readonly type: Type }> {
  const found = events.find((event): event is Extract<Event, { readonly type: Type }> => event.type === type)
  if (found === undefined) throw new TypeError(`a decoder ended without ${type}`)
  return found
}
