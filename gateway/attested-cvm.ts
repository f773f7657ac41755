/**
 * The lease without which nothing is opened, whoever grants it, and what travels on it. house.md 1, trust.md 3.
 */
import type { Field } from '../shared/http/fields.ts'
import type { KeyFinder } from '../shared/ohttp/gateway-key.ts'

export type CvmRequest = {
  readonly method: string
  readonly path: string
  /** Written as given, in this order. A `host` field names the app; framing fields are ours and are left out. */
  readonly headers: readonly Field[]
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | null
}

export type CvmResponse = {
  readonly status: number
  readonly headers: readonly Field[]
  /**
   * Pulled: the CVM is read no faster than this is. Never an empty piece. Throws CvmFailure, or the signal's reason;
   * leaving the loop early ends the exchange.
   */
  readonly body: AsyncIterable<Uint8Array>
  /** Complete once the body has ended. */
  trailers(): readonly Field[]
}

/**
 * For one exchange. Three classes are one: a socket that the judge has let through (`front`), a group of CVMs of which
 * the opened request will choose (`sealed`), and a process's own attested keys (`inside`).
 */
export abstract class AttestedCvm {
  /** So that an object which only looks like a lease does not compile as one. */
  declare protected readonly granted: true

  /** What was believed still holds: opening a request is allowed. */
  abstract readonly alive: boolean

  /** Once. Throws CvmFailure, or the signal's reason; nothing is ever sent again. */
  abstract send(request: CvmRequest, signal?: AbortSignal): Promise<CvmResponse>

  /** Idempotent. Needed on every path. */
  abstract release(): void

  /** How the key for this one opening is looked up: a lease whose word is about a key takes note of which. */
  finder(find: KeyFinder): KeyFinder {
    return find
  }
}
