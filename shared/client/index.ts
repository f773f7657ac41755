/** Asunder for Node: `createObliviousFetch` gives a `fetch` whose requests only an attested service can read. */
import { nodeHpke } from '../hpke/node.ts'
import { obliviousFetch, type ObliviousFetch, type ObliviousFetchOptions } from './oblivious-fetch.ts'
import { undiciTransport } from './transport-undici.ts'

export type NodeOptions = ObliviousFetchOptions & {
  /** PEM of the certificate authority that signs the relay's certificate, instead of the system's. */
  readonly ca?: string
  /**
   * Connections to the relay at most (default 128), opened on demand. Each request holds one until its answer ends or is
   * cancelled; one that finds none free waits 10 s at most and ends as `relay-unreachable`.
   */
  readonly connections?: number
}

export function createObliviousFetch({ ca, connections, ...options }: NodeOptions): ObliviousFetch {
  const extras = { ...(ca === undefined ? {} : { ca }), ...(connections === undefined ? {} : { connections }) }
  return obliviousFetch(options, { hpke: nodeHpke, transport: (relay) => undiciTransport({ relay, ...extras }) })
}

export { ObliviousError, obliviousErrors, type ObliviousErrorCode } from './errors.ts'
export type { FamilyChoice } from './family.ts'
export { fileMemory } from './memory-file.ts'
export type { RollbackMemory } from './memory.ts'
export type { ObliviousFetch, ObliviousFetchOptions } from './oblivious-fetch.ts'
export type { Attested, AttestedKey } from './attested.ts'
export type { Tokens } from './passes.ts'
export type { Delivery, Verdict } from './verdict.ts'
