/**
 * The private listener: alive, ready and why not, counts. wire.md "Resources": never on the public listener.
 * Readiness is asked of the things themselves, so that it comes back by itself.
 */
import { createAdmin } from '../shared/observability/admin.ts'
import type { Page } from '../shared/observability/metrics.ts'
import { conditions, type Condition } from './vocabulary.ts'

/** One question for each condition, answered now. */
export type Conditions = Readonly<Record<Condition, () => boolean>>

export function missing(holds: Conditions): Condition[] {
  return conditions.filter((condition) => !holds[condition]())
}

export function gatewayAdmin(holds: Conditions, { metrics, flags }: { readonly metrics: Page; readonly flags: Page }) {
  return createAdmin({ health: { missing: () => missing(holds) }, metrics, flags })
}
