/**
 * The CVM as an upstream: a pool of attested connections, and the lease without which nothing is opened.
 * trust.md 3, house.md 1.
 */
import type { Verdict } from '../shared/attestation/judge.ts'
import type { Field } from '../shared/http/fields.ts'

/** `unreachable`: refused or reset (502). `slow`: a time limit passed (504). `expired`: verdict over or revoked (503). */
export type CvmFailureReason = 'unreachable' | 'slow' | 'expired'

/** What went wrong between us and the CVM after the lease was taken. The message stays with us. */
export class CvmFailure extends Error {
  readonly reason: CvmFailureReason

  constructor(reason: CvmFailureReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CvmFailure'
    this.reason = reason
  }
}

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
  /** Pulled: the CVM is read no faster than this is. Never an empty piece. Throws CvmFailure; leaving it early ends the exchange. */
  readonly body: AsyncIterable<Uint8Array>
  /** Complete once the body has ended. */
  trailers(): readonly Field[]
}

/** A lease on one attested socket, for one exchange. Only a judged connection of a CvmPool grants one. */
declare class Lease {
  #brand: never
  readonly verdict: Verdict
  /** The socket lives and its verdict stands: opening a request is allowed. */
  get alive(): boolean
  /** Once. Throws CvmFailure, or the signal's reason. */
  send(request: CvmRequest, signal?: AbortSignal): Promise<CvmResponse>
  /** Idempotent: gives the socket back, or destroys it if the exchange did not end cleanly. Needed on every path. */
  release(): void
}
export type AttestedCvm = Lease

export type CvmPool = {
  /** Synchronous; nothing free and alive means nothing may be opened now. */
  lease(): AttestedCvm | undefined
  /** At least one connection's verdict stands. */
  readonly ready: boolean
  /** Called after `ready` changed. Returns how to stop listening. */
  onChange(listener: () => void): () => void
  /** What was believed no longer holds (a new policy): every connection ends, streams in flight included, and is attested anew. */
  revoke(): void
  close(): Promise<void>
}
