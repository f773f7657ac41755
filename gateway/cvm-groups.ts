/**
 * The CVMs behind a gateway in placement `sealed`: one group of attested sockets for each, found by the ids of the keys
 * that live in it. The client has chosen; choosing is not ours to do. trust.md 3 and 5.
 *
 * No lease, no opening (house.md 1), but which CVM is meant stands inside the outer layer. So two things are asked:
 * before the opening, whether any CVM could take a request at all, else the answer is the plain 503 of wire.md; and after
 * it, whether the one that is meant has a socket free, else the answer is a sealed 503 with `retry-after`. What is opened
 * in between is the outer layer alone, which holds nothing that we may not see.
 */
import { cvmId } from '../shared/attestation/bundle-fields.ts'
import { keyLimits, keyResources, readKeyList } from '../shared/attestation/key-evidence.ts'
import type { Field } from '../shared/http/fields.ts'
import { within } from '../shared/http/body.ts'
import { essence, familyOf, sealedFamilies, type Family } from '../shared/http/media-types.ts'
import { Refusal } from '../shared/refusal.ts'
import { askCvm } from './ask-cvm.ts'
import { AttestedCvm, type CvmRequest, type CvmResponse } from './attested-cvm.ts'
import { CvmFailure } from './cvm-failure.ts'
import { gather } from './from-cvm.ts'
import type { Screened } from './screen.ts'
import type { CvmPool, Lease } from './target.ts'
import { InnerRequest, wholeChunks, type NoncePlace } from './whole-chunks.ts'

/** What the sealed exchange may ask for: nothing but this method, on this path, of a CVM that is known. */
export const sealedMethods: ReadonlySet<string> = new Set(['POST'])

/** An agent's constant is shorter; whatever else it says instead of an answer is not read on. */
const longestRefusal = 4096

export class CvmGroups {
  readonly #groups: readonly Group[]
  readonly #nonce: NoncePlace
  readonly #listeners = new Set<() => void>()

  /** `patience`: milliseconds for a CVM to say which keys it has. */
  constructor(pools: readonly CvmPool[], nonce: NoncePlace = 'with-first', patience = 5_000) {
    if (pools.length === 0) throw new TypeError('no CVM')
    this.#nonce = nonce
    this.#groups = pools.map((pool) => new Group(pool, patience, () => this.#tell()))
  }

  lease(): AttestedCvm | undefined {
    return this.#groups.some(({ pool }) => pool.available) ? new OuterLease(this.#groups, this.#nonce) : undefined
  }

  /** The origin of a CVM whose key is known. */
  has(origin: string): boolean {
    const id = idIn(origin)
    return id !== undefined && this.#groups.some((group) => group.ids.has(id))
  }

  /** A CVM is attested, and it has said which keys are its own. */
  get ready(): boolean {
    return this.#groups.some(({ pool, ids }) => pool.ready && ids.size > 0)
  }

  get free(): number {
    return this.#groups.reduce((sum, { pool }) => sum + pool.free, 0)
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Asks every CVM which keys it has. One that does not answer keeps those that it had: its sockets say whether it lives. */
  async refresh(): Promise<void> {
    await Promise.all(this.#groups.map((group) => group.refresh()))
  }

  revoke(): void {
    for (const { pool } of this.#groups) pool.revoke()
  }

  async close(): Promise<void> {
    await Promise.all(this.#groups.map(({ pool }) => pool.close()))
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}

/** Demanded beyond the screen. Everything else that a target could be is the same sealed 403. */
export function admitSealed({ path, headers }: Screened, family: Family): void {
  const type = essence(valueOf(headers, 'content-type'))
  if (path === keyResources.sealed && type === sealedFamilies[family].request) return
  throw new Refusal('target-not-allowed', 'not an inner message of its family')
}

class Group {
  readonly pool: CvmPool
  readonly #patience: number
  readonly #changed: () => void
  ids: ReadonlySet<string> = new Set()

  constructor(pool: CvmPool, patience: number, changed: () => void) {
    this.pool = pool
    this.#patience = patience
    this.#changed = changed
    pool.onChange(() => {
      changed()
      void this.refresh()
    })
  }

  async refresh(): Promise<void> {
    const lease = this.pool.lease()
    if (lease === undefined) return
    try {
      const question = { method: 'GET', path: keyResources.list, body: null, limit: keyLimits.list } as const
      const had = this.ids.size
      // Keys, bundle and policy of the whole gateway come after this: one silent CVM must not hold them up.
      const list = await within(this.#patience, askCvm(lease, question))
      this.ids = new Set(readKeyList(list).map(cvmId))
      if (had !== this.ids.size) this.#changed()
    } catch (cause) {
      if (!(cause instanceof Refusal) && !(cause instanceof CvmFailure)) throw cause
    } finally {
      lease.release()
    }
  }
}

/** A lease on one of several CVMs. Which one, the opened request says; only attested groups can grant one. */
class OuterLease extends AttestedCvm {
  readonly #groups: readonly Group[]
  readonly #nonce: NoncePlace
  #lease: Lease | undefined
  #released = false

  constructor(groups: readonly Group[], nonce: NoncePlace) {
    super()
    this.#groups = groups
    this.#nonce = nonce
  }

  get alive(): boolean {
    if (this.#released) return false
    return this.#lease === undefined ? this.#groups.some(({ pool }) => pool.ready) : this.#lease.alive
  }

  async send(request: CvmRequest, signal?: AbortSignal): Promise<CvmResponse> {
    if (this.#lease !== undefined || this.#released) throw new TypeError('a lease is for one exchange')
    const id = idIn(`https://${valueOf(request.headers, 'host') ?? ''}`)
    const lease = (this.#lease = this.#groups.find(({ ids }) => id !== undefined && ids.has(id))?.pool.lease())
    if (lease === undefined) throw new CvmFailure('busy', 'no socket of the CVM that is meant is free')
    const family = familyOf(valueOf(request.headers, 'content-type'), sealedFamilies) ?? 'standard'
    const inner = new InnerRequest()
    const response = await lease.send({ ...request, body: inner.passed(request.body) }, signal)
    await demandSealed(response, family)
    // Constant: whatever else an agent might say of an answer, it says inside.
    const headers: Field[] = [
      ['content-type', sealedFamilies[family].response],
      ['cache-control', 'no-store'],
    ]
    const chunks = family === 'chunked' ? wholeChunks(response.body, inner, this.#nonce) : response.body
    return { status: 200, headers, body: chunks, trailers: () => [] }
  }

  release(): void {
    this.#released = true
    this.#lease?.release()
  }
}

async function demandSealed(response: CvmResponse, family: Family): Promise<void> {
  const type = essence(valueOf(response.headers, 'content-type'))
  if (response.status === 200 && type === sealedFamilies[family].response) return
  // Read to its end, so that a message which does not open costs no connection.
  await gather(response, longestRefusal)
  throw new CvmFailure(response.status === 400 ? 'unopened' : 'unreachable', 'not an answer to an inner message')
}

function idIn(origin: string): string | undefined {
  return /^https:\/\/([0-9a-f]{16})\.cvm\.invalid$/.exec(origin)?.[1]
}

function valueOf(fields: readonly Field[], name: string): string | undefined {
  return fields.find(([found]) => found === name)?.[1]
}
