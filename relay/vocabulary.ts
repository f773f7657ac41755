/** Every word that the relay can say about its work. None of them is about one request: privacy.md 4.7, conformance OPS-1. */
import type { Log } from '../shared/observability/log.ts'
import type { Family } from '../shared/http/media-types.ts'

export type Resource = 'bundle' | 'keys'

export type RelayEvents = {
  started: { port: number; adminPort: number; routes: number; tls: boolean }
  /** exchanges under way */
  stopping: { active: number }
  stopped: { cut: number }
  'mirror-refreshed': { resource: Resource }
  'mirror-failed': { resource: Resource; why: MirrorFailure }
  'request-failed': { why: 'unexpected' }
}

export type RelayLog = Log<RelayEvents>

export type MirrorFailure = 'busy' | 'timeout' | 'broken' | 'too-large' | 'refused'

export const outcomes = [
  'served', // an answer of the gateway in the request's family went back whole
  'rejected', // method, type, size, host or content that no relay would take
  'limited', // over the rate, or over what this relay carries at once
  'left', // the client went before its answer was complete
  'key-unknown', // the gateway could not open it
  'gateway-busy', // the gateway's 429 or 503
  'gateway-failed', // everything else that a gateway can do wrong
  'gateway-slow', // no byte in time
  'cut', // an answer that broke off in the middle
] as const
export type Outcome = (typeof outcomes)[number]

export type Tally = (outcome: Outcome, family: Family | 'none') => void
