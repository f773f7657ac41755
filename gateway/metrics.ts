/** What the gateway counts, as one table of fixed names and fixed words. README.md's table is made from it. */
import type { Family } from '../shared/http/media-types.ts'
import { createFlags, createLatch, flagTable, type Flags } from '../shared/observability/flags.ts'
import { leftOf, type Ends } from '../shared/observability/left.ts'
import { perWord, type MetricTable } from '../shared/observability/metric-table.ts'
import { createMetrics, type Page } from '../shared/observability/metrics.ts'
import { createTally } from '../shared/observability/tally.ts'
import { profiles, type Profile } from '../shared/shaping/profile.ts'
import { turnedAway, type TurnedAway } from '../shared/upstream/tls-door.ts'
import { verdicts, type Verdict } from './quotas.ts'
import {
  duties,
  ending,
  limits,
  outcomes,
  type Duty,
  type Ending,
  type GatewayLog,
  type Limit,
  type Observe,
  type Outcome,
} from './vocabulary.ts'

export const gatewayTable = {
  build: {
    kind: 'info',
    name: 'asunder_gateway_build_info',
    says: 'Always 1: which version runs, in which placement and traffic profile',
    labels: { placement: ['front', 'inside', 'sealed'], profile: profiles },
  },
  requests: {
    kind: 'counter',
    name: 'asunder_gateway_requests_total',
    says: 'Encapsulated requests, by how they ended',
    labels: { family: ['standard', 'chunked'] satisfies readonly Family[], outcome: outcomes },
  },
  limited: {
    kind: 'counter',
    name: 'asunder_gateway_limited_total',
    says: 'How often somebody met a limit',
    labels: { limit: limits },
  },
  turned: {
    kind: 'counter',
    name: 'asunder_gateway_turned_away_total',
    says: 'Connections that were let go before a request: of a stranger (no relay of ours, or a pin that ended), or without TLS',
    labels: { why: turnedAway },
  },
  free: {
    kind: 'gauge',
    name: 'asunder_gateway_free_leases',
    says: 'Attested connections that a request could be given, rounded up to tens; none left for long: raise cvm.connections',
    shown: 'tens-above',
  },
  left: {
    kind: 'gauges',
    name: 'asunder_gateway_left_seconds',
    says: 'How long what ends is still good for, the first of its kind; +Inf: it has no end, or is not there',
    labels: { what: ending },
    shown: 'exact',
  },
  failing: {
    kind: 'gauges',
    name: 'asunder_gateway_failing',
    says: '1 while what is done beside the requests failed the last time',
    labels: { what: duties },
    shown: 'exact',
  },
  ready: { kind: 'gauge', name: 'asunder_gateway_ready', says: '1 while nothing is missing', shown: 'exact' },
} as const satisfies MetricTable

/** Only where the settings name relays, by those names: so no relay can make a series. */
export const relayRow = (names: readonly string[]) =>
  ({
    kind: 'counter',
    name: 'asunder_gateway_relay_requests_total',
    says: 'Encapsulated requests of each relay, by whether its quota let them in',
    labels: { relay: names, verdict: verdicts },
  }) as const

export const gatewayFlags = flagTable('gateway')

export type GatewayGauges = {
  /** names of relays that have a quota */
  readonly relays?: readonly string[]
  readonly placement: 'front' | 'inside' | 'sealed'
  readonly profile: Profile
  /** attested connections that nobody uses, and whether there is any attested one at all */
  readonly free: () => number
  readonly attested: () => boolean
  readonly ready: () => boolean
  /** asked when a snapshot is made */
  readonly ends: () => Ends<Ending>
  readonly fails: (duty: Duty) => boolean
}

export type GatewayCounts = {
  readonly observe: Observe
  readonly limited: (limit: Limit) => void
  readonly turned: (why: TurnedAway) => void
  /** a request of a relay that has a quota */
  readonly asked: (relay: string, verdict: Verdict) => void
  readonly metrics: Page & { begin(): Promise<void> }
  readonly flags: Flags
  readonly stop: () => void
}

/** Outcomes that are a limit met. Without an attested CVM nobody could be served: that is no limit but a condition. */
const limitOf: Partial<Record<Outcome, Limit>> = {
  'no-cvm': 'leases',
  'too-large': 'content',
  'store-unavailable': 'store',
}
const full: readonly Limit[] = ['connections', 'leases', 'store']

export function gatewayMetrics(gauges: GatewayGauges, now: () => number, log: GatewayLog): GatewayCounts {
  const { placement, profile, free, attested, ready, ends, fails, relays = [] } = gauges
  const read = { free, ready: () => Number(ready()) }
  const each = {
    left: () => leftOf(ending, ends(), now()),
    failing: () => perWord(duties, (duty) => Number(fails(duty))),
  }
  const metrics = createMetrics(
    { ...gatewayTable, relays: relayRow(relays) },
    { gauges: read, each, info: { build: { placement, profile } }, now },
  )
  const latch = createLatch()
  const flags = createFlags({ service: 'gateway', up: ready, saturated: latch.read, now })
  const met = createTally<Limit>({ say: (limit, count) => log('warn', 'limited', { limit, count }), now })
  const limited = (limit: Limit): void => {
    metrics.count.limited({ limit })
    met(limit)
    if (full.includes(limit)) latch.mark()
  }
  const away = createTally<TurnedAway>({ say: (why, count) => log('warn', 'turned-away', { why, count }), now })
  return {
    metrics,
    flags,
    limited,
    turned(why) {
      metrics.count.turned({ why })
      away(why)
    },
    asked: (relay, verdict) => metrics.count.relays({ relay, verdict }),
    observe(family, outcome) {
      metrics.count.requests({ family, outcome })
      const limit = limitOf[outcome]
      if (limit !== undefined && (limit !== 'leases' || attested())) limited(limit)
    },
    stop() {
      metrics.stop()
      flags.stop()
    },
  }
}
