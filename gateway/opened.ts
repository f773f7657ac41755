/**
 * What the two families of encapsulated messages have in common once they are opened: something to read, somebody to
 * reply to. Everything between (screen, once, serve) is written once, in oblivious.ts.
 */
import { defaultLimits, type Limits } from '../shared/bhttp/message.ts'
import type { RequestHead } from '../shared/bhttp/message.ts'
import type { KeyFinder } from '../shared/ohttp/gateway-key.ts'
import type { ResponseChunkSealer } from '../shared/ohttp/chunked.ts'
import { Refusal } from '../shared/refusal.ts'
import type { Layer } from './layer.ts'
import type { Encapsulated } from './replay.ts'
import type { Refused } from './refused.ts'
import type { AttestedCvm, CvmRequest, CvmResponse } from './attested-cvm.ts'
import type { Outcome } from './vocabulary.ts'

/** What a handler is given: Hono's context, of which we want no more. */
export type Context = { readonly env: unknown; readonly req: { readonly raw: Request } }

/** Octets, counts and milliseconds; wire.md "Limits". */
export type GatewayLimits = {
  /** one stored encapsulated request */
  readonly request: number
  /** one stored answer of the CVM */
  readonly answer: number
  /** one stream, either direction */
  readonly stream: number
  /** chunks of one stream */
  readonly chunks: number
  /** without a byte */
  readonly stall: number
  /** what is read and thrown away so that an early answer can be given on a connection that lives on */
  readonly drain: number
}

export const defaultGatewayLimits: GatewayLimits = {
  request: 1 << 20,
  answer: defaultLimits.response.content,
  stream: 1 << 30,
  chunks: 1 << 20,
  stall: 30_000,
  drain: 8 << 20,
}

export type Opening = {
  readonly find: KeyFinder
  readonly layer: Layer
  readonly limits: GatewayLimits
  readonly context: Context
  /** how a chunked answer goes back */
  readonly stream: StreamReply
}

/** One for each way that a traffic shaping profile has of sending a chunked answer. */
export type StreamReply = (sealer: ResponseChunkSealer, opening: Opening) => Reply

/** A content that has arrived, whole or as far as its first part. */
export type Received<Content> = {
  readonly content: Content
  /** Throws the rest away. False: there is more of it than we are ready to read. */
  discard(): Promise<boolean>
}

export type Body = CvmRequest['body']

export type Inner = {
  readonly head: RequestHead
  /** The content for the CVM, refused wherever it disagrees with the length that the fields said. */
  body(said: number | undefined): Body
}

export type Opened = Encapsulated & {
  /** Binary HTTP, as far as its head. */
  read(): Promise<Inner>
  readonly reply: Reply
  /** Whatever is left of the request is no longer wanted. */
  close(): void
}

export type Reply = {
  /** for the handler to return as soon as the request is open */
  readonly response: Response | Promise<Response>
  /** the reader has gone: what is done for it may stop */
  readonly signal?: AbortSignal
  seal(response: CvmResponse, asked: Asked): Promise<Outcome>
  refuse(refused: Refused): Outcome | Promise<Outcome>
  /** The last resort, for a mistake of ours: never a clean end. */
  cut(): void
}

export type Asked = {
  readonly method: string
  /** The CVM has said everything, though the reader may not have heard it yet: what was leased may be given back. */
  readonly heard: () => void
}

export type FamilyRoom<Content> = {
  receive(opening: Opening): Promise<Received<Content>>
  /** Needs the lease: no attested CVM, no private-key operation (house.md 1). */
  open(cvm: AttestedCvm, received: Received<Content>, opening: Opening): Promise<Opened>
}

/** The gate before every private key. The type says who may pass; this asks again, in the tick of the opening. */
export function demandAttested(cvm: AttestedCvm | undefined): asserts cvm is AttestedCvm {
  if (cvm?.alive !== true) throw new Refusal('no-attested-cvm', 'no attested CVM at the moment')
}

/** How much Binary HTTP we read; a request's content is bounded by what encloses it. */
export function requestLimits(content: number): Partial<Limits> {
  return { ...defaultLimits.request, content }
}
