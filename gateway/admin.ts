/**
 * The private listener: alive, ready and why not, counts. wire.md "Resources": never on the public listener.
 * Readiness is asked of the things themselves, so that it comes back by itself.
 */
import type { Family } from '../shared/http/media-types.ts'
import { createAdmin } from '../shared/observability/admin.ts'
import type { Metrics } from '../shared/observability/metrics.ts'
import { conditions, outcomes, type Condition, type Observe } from './vocabulary.ts'

/** One question for each condition, answered now. */
export type Conditions = Readonly<Record<Condition, () => boolean>>

export function missing(holds: Conditions): Condition[] {
  return conditions.filter((condition) => !holds[condition]())
}

export function gatewayAdmin(holds: Conditions, metrics: Metrics) {
  metrics.gauge('asunder_gateway_ready', '1 while nothing is missing', () => Number(missing(holds).length === 0))
  return createAdmin({ health: { missing: () => missing(holds) }, metrics })
}

/** None left for long means that requests get a plain 503: see `cvm.connections`. */
export function leaseGauge(metrics: Metrics, free: () => number): void {
  metrics.gauge('asunder_gateway_free_leases', 'Attested connections that a request could be given now', free)
}

export function requestCounter(metrics: Metrics): Observe {
  const family: readonly Family[] = ['standard', 'chunked']
  const labels = { family, outcome: outcomes }
  const count = metrics.counter('asunder_gateway_requests_total', 'Encapsulated requests, by how they ended', labels)
  return (family, outcome) => count({ family, outcome })
}
