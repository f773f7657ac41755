/** What the relay counts, as one table of fixed names and fixed words. README.md's table is made from it. */
import type { Family } from '../shared/http/media-types.ts'
import {
  createAfterglow,
  createFlags,
  createLatch,
  flagTable,
  type Flags,
  type FlagTable,
} from '../shared/observability/flags.ts'
import { leftOf, type Ends } from '../shared/observability/left.ts'
import { perWord, type MetricTable } from '../shared/observability/metric-table.ts'
import { createMetrics, type Metrics } from '../shared/observability/metrics.ts'
import { createTally } from '../shared/observability/tally.ts'
import { profiles, type Profile } from '../shared/shaping/profile.ts'
import type { Mirrored } from './mirror.ts'
import { directions, type Direction } from './mixing.ts'
import {
  duties,
  ending,
  limits,
  mirrorFailures,
  outcomes,
  resources,
  type Duty,
  type Ending,
  type Limit,
  type RelayLog,
  type Tally,
} from './vocabulary.ts'

const families = ['standard', 'chunked'] as const satisfies readonly Family[]

/** Where padded sizes end (wire.md "Padding"); above the last one PADMÉ sizes are too many for series. */
export const sizeEdges = [1024, 4096, 16_384, 65_536, 262_144] as const

export const relayTable = {
  build: {
    kind: 'info',
    name: 'asunder_relay_build_info',
    says: 'Always 1: which version runs, in which traffic profile',
    labels: { profile: profiles },
  },
  requests: {
    kind: 'counter',
    name: 'asunder_relay_requests_total',
    says: 'Requests, by how they ended',
    labels: { family: [...families, 'none'], outcome: outcomes },
  },
  sizes: {
    kind: 'histogram',
    name: 'asunder_relay_request_bytes',
    says: 'Sealed requests that were stored whole, by the size that they are padded to',
    labels: { family: families },
    edges: sizeEdges,
  },
  limited: {
    kind: 'counter',
    name: 'asunder_relay_limited_total',
    says: 'How often somebody met a limit',
    labels: { limit: limits },
  },
  departures: {
    kind: 'histogram',
    name: 'asunder_relay_tick_departures',
    says: 'Ticks at which anything left (profile mixed), by how much left together: what hides a message is what leaves with it',
    labels: { direction: directions },
    edges: [1, 2, 5, 10, 20, 50, 100, 200],
  },
  mirrored: {
    kind: 'counter',
    name: 'asunder_relay_mirror_looks_total',
    says: "Looks at a gateway's bundle and keys",
    labels: { resource: resources, result: ['refreshed', ...mirrorFailures] },
    // A clock asks, and no client: one look is nobody's.
    shown: 'exact',
  },
  left: {
    kind: 'gauges',
    name: 'asunder_relay_left_seconds',
    says: 'How long what ends is still good for, the first of its kind; +Inf: it has no end, or is not there',
    labels: { what: ending },
    shown: 'exact',
  },
  failing: {
    kind: 'gauges',
    name: 'asunder_relay_failing',
    says: '1 while what is done beside the requests failed the last time',
    labels: { what: duties },
    shown: 'exact',
  },
  exchanges: {
    kind: 'gauge',
    name: 'asunder_relay_exchanges',
    says: 'Exchanges with gateways under way, rounded down to tens',
    shown: 'tens-below',
  },
  abandoned: {
    kind: 'gauge',
    name: 'asunder_relay_abandoned',
    says: 'Exchanges under way whose client has left, rounded down to tens',
    shown: 'tens-below',
  },
  ready: { kind: 'gauge', name: 'asunder_relay_ready', says: '1 while nothing is missing', shown: 'exact' },
} as const satisfies MetricTable

/** What somebody must see who asks at any time: a short attack is one too. */
const securityFlags = {
  rolledBack: {
    kind: 'gauge',
    name: 'asunder_relay_rolled_back',
    says: '1 for ten minutes after a gateway offered an older bundle than one that was shown before',
    shown: 'exact',
  },
  equivocation: {
    kind: 'gauge',
    name: 'asunder_relay_equivocation',
    says: '1 for ten minutes after a bundle of one serial had other bytes at a vantage',
    shown: 'exact',
  },
} as const satisfies FlagTable

export const relayFlags = { ...flagTable('relay'), ...securityFlags }

export type Gauges = {
  readonly profile: Profile
  readonly active: () => number
  readonly abandoned: () => number
  readonly ready: () => boolean
  /** asked when a snapshot is made */
  readonly ends: () => Ends<Ending>
  readonly fails: (duty: Duty) => boolean
}

export type RelayCounts = {
  readonly tally: Tally
  /** octets of a stored request */
  readonly sized: (family: Family, octets: number) => void
  readonly limited: (limit: Limit) => void
  /** how many left at one tick */
  readonly left: (direction: Direction, count: number) => void
  /** `route` counts from 0 */
  readonly mirrored: (route: number) => Mirrored
  readonly metrics: Metrics<typeof relayTable>
  readonly flags: Flags
  readonly stop: () => void
}

// Whoever meets one of these finds the relay full; whoever meets another one does too much.
const full: readonly Limit[] = ['connections', 'incremental', 'busy', 'batch', 'memory']

export function relayMetrics(
  { profile, active, abandoned, ready, ends, fails }: Gauges,
  now: () => number,
  log: RelayLog,
): RelayCounts {
  const gauges = { exchanges: active, abandoned, ready: () => Number(ready()) }
  const each = {
    left: () => leftOf(ending, ends(), now()),
    failing: () => perWord(duties, (duty) => Number(fails(duty))),
  }
  const metrics = createMetrics(relayTable, { gauges, each, info: { build: { profile } }, now })
  const { requests, sizes, departures, limited, mirrored } = metrics.count
  const latch = createLatch()
  const [rolledBack, equivocation] = [createAfterglow(now), createAfterglow(now)]
  const seen = { 'rolled-back': rolledBack, equivocation } as const
  const more = { table: securityFlags, read: { rolledBack: rolledBack.read, equivocation: equivocation.read } }
  const flags = createFlags({ service: 'relay', up: ready, saturated: latch.read, more, now })
  const met = createTally<Limit>({ say: (limit, count) => log('warn', 'limited', { limit, count }), now })
  return {
    metrics,
    flags,
    tally: (outcome, family) => requests({ family, outcome }),
    sized: (family, octets) => sizes({ family }, octets),
    left: (direction, count) => departures({ direction }, count),
    limited(limit) {
      limited({ limit })
      met(limit)
      if (full.includes(limit)) latch.mark()
    },
    mirrored: (route) => (resource, result) => {
      if (result === 'rolled-back' || result === 'equivocation') seen[result].mark()
      mirrored({ resource, result: typeof result === 'string' ? result : 'refreshed' })
      if (typeof result !== 'string') log('info', 'mirror-refreshed', { route, resource, copy: result.copy })
      else log('warn', 'mirror-failed', { route, resource, why: result })
    },
    stop() {
      metrics.stop()
      flags.stop()
    },
  }
}
