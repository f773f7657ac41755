/** Ways to feed a decoder, and messages in the form that the vector files use. */
import { concat, fromHex, hex, latin1 } from '../../../shared/bytes.ts'
import {
  decodeRequest,
  decodeResponse,
  RequestDecoder,
  ResponseDecoder,
  type RequestEvent,
  type ResponseEvent,
} from '../../../shared/bhttp/decode.ts'
import {
  framingIndicators,
  type BinaryRequest,
  type BinaryResponse,
  type Field,
  type Framing,
  type Kind,
} from '../../../shared/bhttp/message.ts'
import { varint } from '../../../shared/bhttp/varint.ts'
import { Refusal, type RefusalCode } from '../../../shared/refusal.ts'

/** `decoded` of bhttp-valid.json. */
export type Decoded = {
  framing: number
  method?: string
  scheme?: string
  authority?: string
  path?: string
  informational?: { status: number; fields: Field[] }[]
  status?: number
  headers: readonly Field[]
  content: string
  trailers: readonly Field[]
  padding: number
}

export type Event = RequestEvent | ResponseEvent

/** Whole, in halves, and byte by byte: the sizes of the pieces, the rest comes last. */
export const manners: [name: string, cuts: (length: number) => number[]][] = [
  ['whole', () => []],
  ['in halves', (length) => [length >> 1]],
  ['byte by byte', (length) => Array.from({ length }, () => 1)],
]

export function piecesOf(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = []
  let at = 0
  for (const cut of cuts) {
    pieces.push(bytes.subarray(at, at + cut))
    at += cut
  }
  return [...pieces, bytes.subarray(at)]
}

/** Every piece is overwritten after it was pushed: a decoder that kept a view of it would show. */
export function eventsOf(kind: Kind, bytes: Uint8Array, cuts: readonly number[] = []): Event[] {
  const decoder = kind === 'request' ? new RequestDecoder() : new ResponseDecoder()
  const events: Event[] = []
  for (const piece of piecesOf(bytes, cuts)) {
    const lent = piece.slice()
    events.push(
      ...decoder
        .push(lent)
        .map((event) => (event.type === 'content' ? { ...event, bytes: event.bytes.slice() } : event)),
    )
    lent.fill(0xee)
  }
  return [...events, ...decoder.end()]
}

/** The message that events tell, put together by hand rather than by the code under test. */
export function told(kind: Kind, events: readonly Event[]): Decoded {
  const head = events.find((event) => event.type === 'head')
  const trailers = events.find((event) => event.type === 'trailers')
  const end = events.find((event) => event.type === 'end')
  if (!head || !trailers || !end) throw new Error('a message without head, trailers or end')
  const informational = events.filter((event) => event.type === 'informational')
  return {
    framing: framingIndicators[kind][head.framing],
    ...head.head,
    ...(kind === 'response' && {
      informational: informational.map(({ status, headers }) => ({ status, fields: [...headers] })),
    }),
    content: hex(concat(...events.flatMap((event) => (event.type === 'content' ? [event.bytes] : [])))),
    trailers: trailers.fields,
    padding: end.padding,
  }
}

export function decodedOf(kind: Kind, bytes: Uint8Array): Decoded {
  return decodedForm(kind === 'request' ? decodeRequest(bytes) : decodeResponse(bytes))
}

export function decodedForm(message: BinaryRequest | BinaryResponse): Decoded {
  const { headers, trailers, padding } = message
  const framing = framingIndicators[message.kind][message.framing]
  const common = { framing, headers, content: hex(message.content), trailers, padding }
  if (message.kind === 'request') {
    const { method, scheme, authority, path } = message
    return { method, scheme, authority, path, ...common }
  }
  const informational = message.informational.map(({ status, headers }) => ({ status, fields: [...headers] }))
  return { informational, status: message.status, ...common }
}

export function messageOf(kind: Kind, decoded: Decoded): BinaryRequest | BinaryResponse {
  const { headers, trailers, padding, status = 0, method = '', scheme = '', authority = '', path = '' } = decoded
  const framing: Framing = decoded.framing < 2 ? 'known' : 'indeterminate'
  const common = { framing, headers, content: fromHex(decoded.content), trailers, padding }
  if (kind === 'request') return { kind, method, scheme, authority, path, ...common }
  const informational = (decoded.informational ?? []).map(({ status, fields }) => ({ status, headers: fields }))
  return { kind, informational, status, ...common }
}

/** What came of it: the message, or the code it was refused with. Anything else thrown passes through and fails the test. */
export function outcome<T>(work: () => T): T | RefusalCode {
  try {
    return work()
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
}

/** Parts of messages in hex. */
export const prefixed = (text: string): string => hex(concat(varint(text.length), latin1(text)))
export const line = (name: string, value: string): string => prefixed(name) + prefixed(value)
export const section = (...lines: string[]): string => prefixed(String.fromCharCode(...fromHex(lines.join(''))))

/** A minimal request or response around the part that a test is about, in hex; spaces are for the reader. */
export const request = (rest: string): Uint8Array => spaced(`000347455405687474707305652e636f6d012f${rest}`)
export const response = (rest: string): Uint8Array => spaced(`0140c8${rest}`)
export const streamed = (rest: string): Uint8Array => spaced(`0340c8${rest}`)

function spaced(text: string): Uint8Array {
  return fromHex(text.replaceAll(' ', ''))
}
