/** Asunder for browsers and other web platforms: the same client on WebCrypto and the platform's own `fetch`. */
import { webHpke } from '../hpke/web.ts'
import { obliviousFetch, type ObliviousFetch, type ObliviousFetchOptions } from './oblivious-fetch.ts'
import { fetchTransport, type PlatformFetch } from './transport-fetch.ts'

export type WebOptions = ObliviousFetchOptions & {
  /** The platform's fetch, where it is not the global one. */
  readonly fetch?: PlatformFetch
}

export function createObliviousFetch({ fetch, ...options }: WebOptions): ObliviousFetch {
  return obliviousFetch(options, { hpke: webHpke, transport: () => fetchTransport(fetch) })
}

export { ObliviousError, obliviousErrors, type ObliviousErrorCode } from './errors.ts'
export type { FamilyChoice } from './family.ts'
export type { RollbackMemory } from './memory.ts'
export type { ObliviousFetch, ObliviousFetchOptions } from './oblivious-fetch.ts'
export type { Attested, AttestedKey } from './attested.ts'
export type { Tokens } from './passes.ts'
export type { Delivery, Verdict } from './verdict.ts'
