/**
 * The CVM as an upstream: a pool of attested connections, and the lease without which nothing is opened. Connections
 * are made, judged and replaced by timers beside the requests, never on their way. trust.md 3, house.md 1.
 */
import type { Verdict } from '../shared/attestation/judge.ts'
import type { AttestedConnection } from './attested-connection.ts'
import { AttestedCvm, type CvmRequest, type CvmResponse } from './attested-cvm.ts'
import type { Exchange } from './exchange.ts'
import { Roster, type RosterOptions } from './roster.ts'

export type { CvmPoolEvent } from './roster.ts'

/** A lease on one attested socket, for one exchange. Only a pool of judged connections can grant one. */
export class Lease extends AttestedCvm {
  readonly #connection: AttestedConnection
  readonly #giveBack: (reusable: boolean) => void
  #exchange: Exchange | undefined
  #released = false

  constructor(connection: AttestedConnection, giveBack: (reusable: boolean) => void) {
    super()
    this.#connection = connection
    this.#giveBack = giveBack
  }

  get verdict(): Verdict {
    return this.#connection.verdict
  }

  /** The socket lives and its verdict stands. */
  get alive(): boolean {
    return !this.#released && this.#connection.alive
  }

  /** On this socket and no other. */
  send(request: CvmRequest, signal?: AbortSignal): Promise<CvmResponse> {
    if (this.#exchange !== undefined || this.#released) throw new TypeError('a lease is for one exchange')
    const exchange = (this.#exchange = this.#connection.send(request))
    if (signal !== undefined) exchange.heed(signal)
    return exchange.response
  }

  /** Gives the socket back, or ends it if the exchange did not come to its end. */
  release(): void {
    if (this.#released) return
    this.#released = true
    this.#giveBack(this.#exchange?.clean ?? true)
  }
}
export type CvmPool = {
  /** Synchronous. Nothing free and alive means that nothing may be opened now. */
  lease(): Lease | undefined
  /** At least one connection lives and its verdict stands, be it free or leased. */
  readonly ready: boolean
  /** At least one lease could be had now. */
  readonly available: boolean
  /** How many leases could be had now. */
  readonly free: number
  /** Called after `ready` changed; returns how to stop listening. */
  onChange(listener: () => void): () => void
  /** What was believed no longer holds (a new policy): all connections end, streams in flight too, and are judged anew. */
  revoke(): void
  close(): Promise<void>
}

export type CvmPoolOptions = Omit<RosterOptions, 'now' | 'random'> & {
  readonly now?: () => number
  readonly random?: () => number
}

/** Begins to dial at once; `ready` follows. */
export function createCvmPool({ now = Date.now, random = Math.random, ...options }: CvmPoolOptions): CvmPool {
  const roster = new Roster({ ...options, now, random })
  return {
    lease() {
      const held = roster.take()
      return held && new Lease(held.connection, (reusable) => roster.giveBack(held, reusable))
    },
    get ready() {
      return roster.ready
    },
    get available() {
      return roster.available
    },
    get free() {
      return roster.free
    },
    onChange: (listener) => roster.onChange(listener),
    revoke: () => roster.revoke(),
    close: () => roster.close(),
  }
}
