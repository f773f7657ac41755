/**
 * Writes Binary HTTP messages, whole or part by part as an answer streams. RFC 9292 §3.
 * Nothing is ever written that the decoder would refuse, and no truncated forms: what cannot be written is a TypeError.
 */
import type { Bytes } from '../bytes.ts'
import type { Field } from '../http/fields.ts'
import { Refusal } from '../refusal.ts'
import {
  framingIndicators,
  type BinaryRequest,
  type BinaryResponse,
  type Framing,
  type Informational,
  type RequestHead,
  type ResponseHead,
} from './message.ts'
import { addField, checkRequestControl, checkStatus, isInformational, type Section } from './rules.ts'
import { varintLength } from './varint.ts'
import { Writer } from './writer.ts'

/** The first part of a message carries the framing indicator; a `later` one follows informational responses. */
export type Place = 'first' | 'later'

/** A whole message in its framing, followed by as many zeros as its `padding` says. */
export function encode(message: BinaryRequest | BinaryResponse): Bytes {
  const { padding } = message
  if (!Number.isSafeInteger(padding) || padding < 0) throw new TypeError('padding is a number of bytes')
  return encodePadded(message, () => padding)
}

type Unpadded = Omit<BinaryRequest, 'padding'> | Omit<BinaryResponse, 'padding'>

/** As `encode`, with padding for the length that the message turns out to have: both in one piece of memory. */
export function encodePadded(message: Unpadded, paddingFor: (length: number) => number): Bytes {
  const { kind, framing, content, trailers } = message
  const guess = 512 + content.length
  const to = new Writer(guess + paddingFor(guess))
  to.varint(framingIndicators[kind][framing])
  if (kind === 'request') writeRequestHead(to, message, framing)
  else writeResponseHeads(to, message)
  writeContent(to, content, framing)
  writeSection(to, trailers, framing, 'trailer')
  to.zeros(paddingFor(to.length))
  return to.written
}

/** Indeterminate framing: how a request begins. Content and end follow. */
export function encodeRequestHead(head: RequestHead): Bytes {
  const to = new Writer()
  to.varint(framingIndicators.request.indeterminate)
  writeRequestHead(to, head, 'indeterminate')
  return to.written
}

/** Indeterminate framing: one informational response. Others or the head follow, in place `later`. */
export function encodeInformational(head: Informational, place: Place): Bytes {
  const to = responseWriter(place)
  writeInformational(to, head, 'indeterminate')
  return to.written
}

/** Indeterminate framing: how the final response begins. Content and end follow. */
export function encodeResponseHead(head: ResponseHead, place: Place = 'first'): Bytes {
  const to = responseWriter(place)
  writeFinal(to, head, 'indeterminate')
  return to.written
}

/** Indeterminate framing: one chunk of content. An empty chunk would be the terminator, so there is none. */
export function encodeContent(bytes: Uint8Array): Bytes {
  if (bytes.length === 0) throw new TypeError('a chunk of content is never empty')
  const to = new Writer(8 + bytes.length)
  to.prefixed(bytes)
  return to.written
}

/** Indeterminate framing: ends content, trailers and message. Only padding may follow. */
export function encodeEnd(trailers: readonly Field[] = []): Bytes {
  const to = new Writer()
  to.varint(0)
  writeSection(to, trailers, 'indeterminate', 'trailer')
  return to.written
}

function responseWriter(place: Place): Writer {
  const to = new Writer()
  if (place === 'first') to.varint(framingIndicators.response.indeterminate)
  return to
}

function writeRequestHead(to: Writer, head: RequestHead, framing: Framing): void {
  ours(() => checkRequestControl(head))
  for (const part of [head.method, head.scheme, head.authority, head.path]) to.prefixedText(part)
  writeSection(to, head.headers, framing, 'header')
}

function writeResponseHeads(to: Writer, message: Omit<BinaryResponse, 'padding'>): void {
  for (const head of message.informational) writeInformational(to, head, message.framing)
  writeFinal(to, message, message.framing)
}

function writeInformational(to: Writer, head: Informational, framing: Framing): void {
  if (!isInformational(head.status)) throw new TypeError('an informational status is 100 to 199')
  writeResponseHead(to, head, framing)
}

function writeFinal(to: Writer, head: ResponseHead, framing: Framing): void {
  if (isInformational(head.status)) throw new TypeError('a final status is 200 to 599')
  writeResponseHead(to, head, framing)
}

function writeResponseHead(to: Writer, { status, headers }: ResponseHead, framing: Framing): void {
  ours(() => checkStatus(status))
  to.varint(status)
  writeSection(to, headers, framing, 'header')
}

function writeSection(to: Writer, fields: readonly Field[], framing: Framing, section: Section): void {
  const lines: Field[] = []
  ours(() => fields.forEach(([name, value]) => addField(lines, section, name, value)))
  if (framing === 'known') to.varint(lengthOf(lines))
  for (const [name, value] of lines) {
    to.prefixedText(name)
    to.prefixedText(value)
  }
  if (framing === 'indeterminate') to.varint(0)
}

/** Counted beforehand, so that no section is written somewhere else first. One character is one byte, or not written. */
function lengthOf(lines: readonly Field[]): number {
  let length = 0
  for (const [name, value] of lines) {
    length += varintLength(name.length) + name.length + varintLength(value.length) + value.length
  }
  return length
}

function writeContent(to: Writer, content: Uint8Array, framing: Framing): void {
  if (framing === 'known' || content.length > 0) to.prefixed(content)
  if (framing === 'indeterminate') to.varint(0)
}

/** The rules were written for strangers; here whoever breaks them is one of us. */
function ours(check: () => void): void {
  try {
    check()
  } catch (cause) {
    if (cause instanceof Refusal) throw new TypeError(`cannot be written: ${cause.message}`, { cause })
    throw cause
  }
}
