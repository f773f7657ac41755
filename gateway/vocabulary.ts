/**
 * Every word a gateway may log or count. No address, path, content, key or time of a single request fits in here
 * (conformance OPS-1); single requests are counted, never logged.
 */
import type { Family } from '../shared/http/media-types.ts'
import type { Log } from '../shared/observability/log.ts'
import type { Several } from '../shared/observability/tally.ts'
import type { RefusalCode } from '../shared/refusal.ts'
import type { StoreState } from '../shared/store/store.ts'
import type { Reread } from '../shared/upstream/rereadable.ts'

/** What `/readyz` may name as missing. */
export const conditions = ['attested-cvm', 'keys', 'bundle', 'store', 'tokens'] as const
export type Condition = (typeof conditions)[number]

/** How one request ended. The sealed ones look alike from outside; only these counts tell them apart. */
export const outcomes = [
  'served',
  'no-cvm', // plain 503; sealed where only the opened request says which CVM is meant
  'unreadable', // plain 408, 413, or the sender left
  'unopened', // plain 400
  'malformed',
  'replayed',
  'wrong-date',
  'not-allowed',
  'too-large',
  'expectation',
  'token-missing',
  'token-refused',
  'token-spent',
  'token-unavailable', // no key in force, or the store of spent tokens failed or is full
  'cvm-failed',
  'cvm-slow',
  'cvm-expired',
  'cvm-unopened', // sealed 400: the message for the CVM is not one that it opens
  'store-unavailable',
  'left', // the reader went away
  'cut', // an answer that had begun could not be finished
  'fault', // our own mistake
] as const
export type Outcome = (typeof outcomes)[number]

export type Observe = (family: Family, outcome: Outcome) => void

export type GatewayEvents = {
  started: { port: number; adminPort: number; tls: boolean; simulated: boolean }
  /** TLS secrets may be written out: for a demonstration on one machine */
  'secrets-recorded': { listener: 'loopback' }
  readiness: { ready: boolean }
  missing: { condition: Condition }
  'keys-turned': { created: number; destroyed: number }
  'keys-failed': { why: RefusalCode | 'unexpected' }
  'bundle-served': { serial: number }
  'policy-in-force': { serial: number }
  'policy-refused': { why: RefusalCode | 'unexpected' }
  'bundle-published': { serial: number; keys: number }
  'cvm-left-out': { why: RefusalCode }
  'bundle-failed': { why: RefusalCode | 'unexpected' }
  attested: { simulated: boolean }
  'not-attested': { why: RefusalCode }
  /** key, certificate, authority and pins of relays */
  'listener-reread': { result: Reread }
  /** a store on another machine: whether it can be relied on, and why not */
  store: { state: StoreState }
  'requests-failed': { why: 'unexpected'; count: Several }
  stopping: { connections: number }
  stopped: { cut: number }
}

export type GatewayLog = Log<GatewayEvents>
