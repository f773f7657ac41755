/** What the relay counts, as series of fixed names and fixed words. */
import type { Family } from '../shared/http/media-types.ts'
import type { Metrics } from '../shared/observability/metrics.ts'
import {
  mirrorFailures,
  outcomes,
  resources,
  type MirrorFailure,
  type Outcome,
  type RelayLog,
  type Resource,
  type Tally,
} from './vocabulary.ts'

export type Gauges = { readonly active: () => number; readonly abandoned: () => number }

export type RelayCounts = {
  readonly tally: Tally
  readonly mirrored: (resource: Resource, result: 'refreshed' | MirrorFailure) => void
}

export function relayMetrics(metrics: Metrics, { active, abandoned }: Gauges, log: RelayLog): RelayCounts {
  const family: readonly (Family | 'none')[] = ['standard', 'chunked', 'none']
  const requests = metrics.counter('asunder_relay_requests_total', 'Requests, by how they ended', {
    family,
    outcome: outcomes,
  })
  const looks = metrics.counter('asunder_relay_mirror_looks_total', "Looks at a gateway's bundle and keys", {
    resource: resources,
    result: ['refreshed', ...mirrorFailures],
  })
  metrics.gauge('asunder_relay_exchanges', 'Exchanges with gateways under way', active)
  metrics.gauge('asunder_relay_abandoned', 'Exchanges under way whose client has left', abandoned)
  return {
    tally: (outcome: Outcome, family) => requests({ family, outcome }),
    mirrored(resource, result) {
      looks({ resource, result })
      if (result === 'refreshed') log('info', 'mirror-refreshed', { resource })
      else log('warn', 'mirror-failed', { resource, why: result })
    },
  }
}
