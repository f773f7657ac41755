/** Binary HTTP messages as plain data: requests and responses in either framing, and how much of them we take. RFC 9292 §3. */
import type { Bytes } from '../bytes.ts'
import type { Field } from '../http/fields.ts'

export type { Field } from '../http/fields.ts'

export type Kind = 'request' | 'response'

/** `known`: every part tells its length first. `indeterminate`: parts come in pieces and end with a zero. */
export type Framing = 'known' | 'indeterminate'

/** The integer that a message begins with. RFC 9292 §3.3. */
export const framingIndicators = {
  request: { known: 0, indeterminate: 2 },
  response: { known: 1, indeterminate: 3 },
} as const satisfies Record<Kind, Record<Framing, number>>

/** RFC 9292 §3.4; scheme and path are empty only for a plain CONNECT, authority may be empty. */
export type RequestControl = {
  readonly method: string
  readonly scheme: string
  readonly authority: string
  readonly path: string
}

/** Field lines in the order they came, repeated ones apart; pseudo-fields of extensions stand first (`forwardable` drops them). */
export type RequestHead = RequestControl & { readonly headers: readonly Field[] }
export type ResponseHead = { readonly status: number; readonly headers: readonly Field[] }

/** Status 100 to 199. */
export type Informational = { readonly status: number; readonly headers: readonly Field[] }

type Body<Content extends Uint8Array> = {
  readonly framing: Framing
  readonly content: Content
  readonly trailers: readonly Field[]
  /** zero bytes after the message */
  readonly padding: number
}

export type BinaryRequest<Content extends Uint8Array = Uint8Array> = { readonly kind: 'request' } & RequestHead &
  Body<Content>

export type BinaryResponse<Content extends Uint8Array = Uint8Array> = {
  readonly kind: 'response'
  readonly informational: readonly Informational[]
} & ResponseHead &
  Body<Content>

export type DecodedRequest = BinaryRequest<Bytes>
export type DecodedResponse = BinaryResponse<Bytes>

/** What a decoder takes before it refuses. Octets for `content` and `headerSection`, counts for the others. */
export type Limits = {
  readonly content: number
  /** One section: the control data and header fields of a request; the fields of a response, informational or trailer. */
  readonly headerSection: number
  /** field lines in one section */
  readonly fields: number
  readonly informational: number
}

/** wire.md "Limits"; `content` is for stored messages, streams set their own. */
export const defaultLimits = {
  request: { content: 1 << 20, headerSection: 16 << 10, fields: 128, informational: 0 },
  response: { content: 16 << 20, headerSection: 16 << 10, fields: 128, informational: 32 },
} as const satisfies Record<Kind, Limits>
