/**
 * The parts of a Binary HTTP message, read in wire order from bytes that may still be on their way. RFC 9292 §3.
 * Each part is a generator that gives `undefined` when it needs more bytes, so a cut can fall anywhere. What is here
 * already is taken without a generator (`feed.take(n) ?? (yield* bytes(feed, n))`): a whole message waits for nothing.
 */
import { fromLatin1, type Bytes } from '../bytes.ts'
import type { Field } from '../http/fields.ts'
import { Refusal } from '../refusal.ts'
import { Feed } from './feed.ts'
import { framingIndicators, type Framing, type Kind, type Limits, type RequestControl } from './message.ts'
import { Pieces } from './pieces.ts'
import { addField, checkRequestControl, checkStatus, type Section } from './rules.ts'

export type Steps<Result, Event = never> = Generator<Event | undefined, Result, void>
export type ContentEvent = { readonly type: 'content'; readonly bytes: Bytes }

/** What may still come. A length is counted before one byte of it is waited for; bigint against number compares exactly. */
export class Allowance {
  readonly #limit: number
  #left: number

  constructor(octets: number) {
    this.#limit = octets
    this.#left = octets
  }

  spend(length: bigint): number {
    if (length > this.#left) {
      const limit = this.#limit
      throw new Refusal('body-too-large', `${length.toString()} octets, ${this.#left} allowed`, { limit })
    }
    this.#left -= Number(length)
    return Number(length)
  }
}

export function* framing(feed: Feed, kind: Kind): Steps<Framing> {
  const indicator = feed.varint() ?? (yield* integer(feed))
  const { known, indeterminate } = framingIndicators[kind]
  if (indicator === BigInt(known)) return 'known'
  if (indicator === BigInt(indeterminate)) return 'indeterminate'
  throw new Refusal('bad-framing', `framing indicator of no ${kind}`)
}

export function* requestControl(feed: Feed, octets: Allowance): Steps<RequestControl> {
  const method = yield* prefixed(feed, octets)
  const scheme = yield* prefixed(feed, octets)
  const authority = yield* prefixed(feed, octets)
  const path = yield* prefixed(feed, octets)
  const control = { method, scheme, authority, path }
  checkRequestControl(control)
  return control
}

export function* statusCode(feed: Feed): Steps<number> {
  const status = Number(feed.varint() ?? (yield* integer(feed)))
  checkStatus(status)
  return status
}

/** RFC 9292 §3.8: a section whose first byte never comes is empty. One that has begun must end. */
export function* fields(
  feed: Feed,
  { section, framing, limits, octets }: { section: Section; framing: Framing; limits: Limits; octets?: Allowance },
): Steps<readonly Field[]> {
  if (feed.waiting === 0 && (yield* isOver(feed))) return []
  const lines = new Lines(section, limits.fields)
  const allowed = octets ?? new Allowance(limits.headerSection)
  yield* framing === 'known' ? knownFields(feed, lines, allowed) : indeterminateFields(feed, lines, allowed)
  return lines.all
}

function* knownFields(feed: Feed, lines: Lines, octets: Allowance): Steps<void> {
  const length = octets.spend(feed.varint() ?? (yield* integer(feed)))
  if (length === 0) return
  const section = feed.take(length) ?? (yield* bytes(feed, length))
  const text = fromLatin1(section)
  const from = new Feed()
  from.push(section)
  while (from.waiting > 0) lines.add(prefixedWithin(from, text), prefixedWithin(from, text))
}

function* indeterminateFields(feed: Feed, lines: Lines, octets: Allowance): Steps<void> {
  for (;;) {
    const nameLength = octets.spend(yield* integer(feed))
    if (nameLength === 0) return
    const name = fromLatin1(yield* bytes(feed, nameLength))
    lines.add(name, yield* prefixed(feed, octets))
  }
}

/**
 * Chunk boundaries mean nothing (RFC 9292 §5.2): whatever of the content is here is given out as one event,
 * so that a stranger's one-byte chunks do not become a million of them.
 */
export function* content(feed: Feed, framing: Framing, limits: Limits): Steps<void, ContentEvent> {
  if (feed.waiting === 0 && (yield* isOver(feed))) return
  const octets = new Allowance(limits.content)
  const here = new Pieces()
  for (;;) {
    const length = octets.spend(feed.varint() ?? (yield* afterwards(here, integer(feed))))
    if (length === 0) break
    yield* pieces(feed, length, here)
    if (framing === 'known') break
  }
  yield* given(here)
}

function* pieces(feed: Feed, length: number, here: Pieces): Steps<void, ContentEvent> {
  for (let left = length; left > 0;) {
    if (feed.waiting === 0 && (yield* afterwards(here, isOver(feed)))) throw missing()
    const piece = feed.some(left)
    here.add(piece)
    left -= piece.length
  }
}

/** Nothing waits for bytes while content that is here could be on its way. */
function* afterwards<Result>(here: Pieces, steps: Steps<Result>): Steps<Result, ContentEvent> {
  yield* given(here)
  return yield* steps
}

function* given(here: Pieces): Steps<void, ContentEvent> {
  const bytes = here.take()
  if (bytes.length > 0) yield { type: 'content', bytes }
}

/** RFC 9292 §3.8: zeros to the end, any number. We look at every one: what is not looked at is a channel. */
export function* padding(feed: Feed): Steps<number> {
  let count = 0
  while (!(yield* isOver(feed))) {
    const here = feed.some(feed.waiting)
    if (!isZero(here)) throw new Refusal('bad-padding', 'padding is not zero')
    count += here.length
  }
  return count
}

/** Padding is most of a small message. By index and outside of the generator, which compilers leave as slow as it is. */
function isZero(bytes: Uint8Array): boolean {
  let any = 0
  for (let i = 0; i < bytes.length; i++) any |= bytes[i] ?? 0
  return any === 0
}

class Lines {
  readonly all: Field[] = []
  readonly #section: Section
  readonly #most: number

  constructor(section: Section, most: number) {
    this.#section = section
    this.#most = most
  }

  add(name: string, value: string): void {
    if (this.all.length >= this.#most)
      throw new Refusal('too-many', `more than ${this.#most} fields`, { limit: this.#most })
    addField(this.all, this.#section, name, value)
  }
}

function* integer(feed: Feed): Steps<bigint> {
  for (;;) {
    const value = feed.varint()
    if (value !== undefined) return value
    yield* more(feed)
  }
}

function* bytes(feed: Feed, length: number): Steps<Bytes> {
  for (;;) {
    const all = feed.take(length)
    if (all !== undefined) return all
    yield* more(feed)
  }
}

function* prefixed(feed: Feed, octets: Allowance): Steps<string> {
  const length = octets.spend(feed.varint() ?? (yield* integer(feed)))
  return fromLatin1(feed.take(length) ?? (yield* bytes(feed, length)))
}

/**
 * §3.1: lines fill a section exactly. One that reaches past its end has a wrong length, whatever follows the section.
 * `text` is the section as characters, one a byte: made once, it is much cheaper than once a string.
 */
function prefixedWithin(section: Feed, text: string): string {
  const length = section.varint()
  if (length === undefined || length > section.waiting)
    throw new Refusal('bad-framing', 'line reaches past its section')
  const start = text.length - section.waiting
  return text.slice(start, start + section.some(Number(length)).length)
}

function* more(feed: Feed): Steps<void> {
  if (feed.ended) throw missing()
  yield undefined
}

/** True once the message has ended here; false as soon as there is another byte. */
function* isOver(feed: Feed): Steps<boolean> {
  while (feed.waiting === 0) {
    if (feed.ended) return true
    yield undefined
  }
  return false
}

function missing(): Refusal {
  return new Refusal('truncated', 'the message ends inside a part')
}
