/**
 * Every word a gateway may log or count. No address, path, content, key or time of a single request fits in here
 * (conformance OPS-1); single requests are counted, never logged.
 */
import type { Family } from '../shared/http/media-types.ts'
import type { Digest, Measurement } from '../shared/observability/digest.ts'
import type { Log } from '../shared/observability/log.ts'
import type { Several } from '../shared/observability/tally.ts'
import type { RefusalCode } from '../shared/refusal.ts'
import type { StoreState } from '../shared/store/store.ts'
import type { TurnedAway } from '../shared/upstream/tls-door.ts'
import type { Reread } from '../shared/upstream/rereadable.ts'

/** What `/readyz` may name as missing. */
export const conditions = ['listening', 'attested-cvm', 'keys', 'bundle', 'store', 'tokens', 'audit'] as const
export type Condition = (typeof conditions)[number]

/** What is done beside the requests again and again, and may fail while they are answered as ever. */
export const duties = [
  'keys', // turned, or read again after a command
  'bundle', // signed, or read again
  'policy', // read again, or found in the bundle
  'reread', // files after SIGHUP
  'audit',
] as const
export type Duty = (typeof duties)[number]

/** What ends: of the listener (`certificate`, `authority`, `pins` of relays), toward CVMs and a store, and what is signed. */
export const ending = [
  'certificate',
  'authority',
  'pins',
  'cvm-certificate',
  'store-certificate',
  'root',
  'policy',
  'bundle',
  'tokens',
] as const
export type Ending = (typeof ending)[number]

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

/** The limits that somebody can meet (wire.md "Limits"). */
export const limits = [
  'connections', // as many connections as there may be
  'head', // a head too large, with too many fields, or too slow
  'pipelined', // a second request on a connection before the first was answered; on HTTP/2, too many frames that are no request
  'content', // an opened request too large
  'leases', // every attested connection in use
  'store', // no room for another claim
] as const
export type Limit = (typeof limits)[number]

export type GatewayEvents = {
  /** `configuration`: the settings in force, defaults included */
  started: { port: number; adminPort: number; tls: boolean; simulated: boolean; configuration: Digest }
  /** TLS secrets may be written out: for a demonstration on one machine */
  'secrets-recorded': { listener: 'loopback' }
  readiness: { ready: boolean }
  missing: { condition: Condition }
  'keys-turned': { created: number; destroyed: number }
  /** by a command, before their time */
  'keys-rotated': { created: number; destroyed: number }
  'keys-revoked': { created: number; destroyed: number }
  'keys-failed': { why: RefusalCode | 'unexpected' }
  'bundle-served': { serial: number; bundle: Digest }
  'policy-in-force': { serial: number; policy: Digest }
  'policy-refused': { why: RefusalCode | 'unexpected' }
  'bundle-published': { serial: number; keys: number }
  'cvm-left-out': { why: RefusalCode }
  'bundle-failed': { why: RefusalCode | 'unexpected' }
  /** `cvm` counts from 1 in the order of the settings */
  attested: { cvm: number; simulated: boolean; measurement: Measurement }
  'not-attested': { cvm: number; why: RefusalCode }
  /** key, certificate, authority and pins of relays */
  'listener-reread': { result: Reread }
  /** a digest of the certificate, authority and pins that count from now on */
  'listener-in-use': { files: Digest }
  /** all its pins have ended; `relay` counts from 1 in the order of the settings */
  'relay-left-out': { relay: number }
  /** a store on another machine: whether it can be relied on, and why not */
  store: { state: StoreState }
  'requests-failed': { why: 'unexpected'; count: Several }
  /** how often somebody met a limit within one minute, told at its end */
  limited: { limit: Limit; count: Several }
  /** how many were let go within one minute before they could ask, told at its end: no relay of ours, or no TLS */
  'turned-away': { why: TurnedAway; count: Several }
  /** the record of security events cannot be written, or is not what we left; told once until it can */
  'audit-failed': { why: 'unwritable' | 'changed' }
  /** connections that are open, and the milliseconds that they get */
  stopping: { connections: Several; within: number }
  stopped: { cut: Several }
}

export type GatewayLog = Log<GatewayEvents>
