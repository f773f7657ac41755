/** Every word that the relay can say about its work. None of them is about one request: privacy.md 4.7, conformance OPS-1. */
import type { Digest } from '../shared/observability/digest.ts'
import type { Log } from '../shared/observability/log.ts'
import type { Several } from '../shared/observability/tally.ts'
import type { Family } from '../shared/http/media-types.ts'
import type { StoreState } from '../shared/store/store.ts'
import type { Reread } from '../shared/upstream/rereadable.ts'
import { dialTroubles } from '../shared/upstream/trouble.ts'

export const resources = ['bundle', 'keys'] as const
export type Resource = (typeof resources)[number]

export type RelayEvents = {
  /** `configuration`: the settings in force, defaults included */
  started: { port: number; adminPort: number; routes: number; tls: boolean; configuration: Digest }
  /** key and certificate of the public listener */
  'listener-reread': { result: Reread }
  /** a digest of the certificate that is shown from now on */
  'listener-in-use': { files: Digest }
  /** authority, pins, key and certificate toward the gateway of a route, counted from 0 */
  'route-reread': { route: number; result: Reread }
  /** a digest of the authority, pins and certificate that count from now on */
  'route-in-use': { route: number; files: Digest }
  /** all its pins have ended, so that its gateway is nobody */
  'route-unpinned': { route: number }
  /** exchanges under way, and the milliseconds that they get */
  stopping: { active: Several; within: number }
  stopped: { cut: Several }
  /** `route` counts from 0 in the order of the settings; `copy`: what is shown to everybody from now on */
  'mirror-refreshed': { route: number; resource: Resource; copy: Digest }
  'mirror-failed': { route: number; resource: Resource; why: MirrorFailure }
  /** mistakes of ours within one minute, told at its end: no line has the time of a request */
  'requests-failed': { why: 'unexpected'; count: Several }
  /** how often somebody met a limit within one minute, told at its end */
  limited: { limit: Limit; count: Several }
  /** a store of spent tokens on another machine: whether it can be relied on, and why not */
  store: { state: StoreState }
  /** the record of security events cannot be written, or is not what we left; told once until it can */
  'audit-failed': { why: 'unwritable' | 'changed' }
}

export type RelayLog = Log<RelayEvents>

export const mirrorFailures = [
  'busy', // no connection was free
  'timeout', // the gateway said nothing in time
  'broken', // it broke off
  ...dialTroubles, // no connection was had, and it can be told why
  'too-large',
  'absent', // the gateway has no such resource
  'refused', // not what was asked for, or a bundle whose serial cannot be read
  'rolled-back', // a bundle older than one that was seen before
  'equivocation', // a bundle of one serial has other bytes at a vantage: it was made for some and not for all
  'vantage-failed', // a vantage shows no bundle, so nothing is compared there
] as const
export type MirrorFailure = (typeof mirrorFailures)[number]

/** What is done beside the requests again and again, and may fail while they are answered as ever. */
export const duties = [
  'reread', // files after SIGHUP
  'serials', // remembered on the disk
  'audit',
] as const
export type Duty = (typeof duties)[number]

/** What ends: of the listener, toward gateways (`client-certificate`, `authority`, `pins`), and keys of the issuer. */
export const ending = ['certificate', 'client-certificate', 'authority', 'pins', 'tokens'] as const
export type Ending = (typeof ending)[number]

export const outcomes = [
  'served', // an answer of the gateway in the request's family went back whole
  'rejected', // method, type, size, host or content that no relay would take
  'limited', // over the rate, or over what this relay carries at once
  'token-missing', // no token where one is needed
  'token-refused', // one that is not genuine, or not for us, or not for now
  'token-spent', // a genuine one for the second time
  'token-unavailable', // no key in force, or the store of spent tokens failed or is full
  'left', // the client went before its answer was complete
  'key-unknown', // the gateway could not open it
  'gateway-busy', // the gateway's 429 or 503
  'gateway-failed', // everything else that a gateway can do wrong
  'gateway-slow', // no byte in time
  'cut', // an answer that broke off in the middle
  'off-grid', // profiles mixed and paced: a whole answer of a size that only it has; paced: a stream that is no cells, or ends where they do not
  'out-of-step', // profile paced: a stream whose next cell did not come in time
] as const
export type Outcome = (typeof outcomes)[number]
export type Spoilt = Extract<Outcome, 'off-grid' | 'out-of-step'>

/** The limits that somebody can meet (wire.md "Limits"). */
export const limits = [
  'connections', // as many connections as there may be, in all
  'bucket-connections', // ... of one bucket
  'head', // a head too large, with too many fields, or too slow
  'pipelined', // a second request on a connection before the first was answered
  'rate',
  'exchanges', // requests of one bucket under way
  'abandoned', // answers that nobody waits for any more, of one bucket
  'incremental', // uploads that are passed on as they arrive
  'content', // a content too large
  'stall', // nothing sent for too long
  'busy', // no connection to the gateway was free
  'batch', // as many requests as may wait for one tick
  'memory', // no room for one more answer, or for so much of one
  'backlog', // a client too far behind its stream
] as const
export type Limit = (typeof limits)[number]

export type Tally = (outcome: Outcome, family: Family | 'none') => void
