/**
 * What of the counts may be shown: whole tens, so that no request can be told from nine others by asking often. What is
 * left of a ten is carried and shown with the next. privacy.md 2.10 and 4.8.
 */
import { AggregatorRegistry, Registry, type MetricObjectWithValues, type MetricValue } from 'prom-client'
import type { MetricRow, MetricTable } from './metric-table.ts'

type Metric = MetricObjectWithValues<MetricValue<string>>
type Value = MetricValue<string> & { readonly metricName?: string }

/** Exact: what nobody's request moves alone. */
export type Unit = 1 | 10

export const contentType = Registry.PROMETHEUS_CONTENT_TYPE

/** The page of this moment in Prometheus text format. What the table does not name is not on it. */
export async function pageOf(registry: Registry, table: MetricTable, unit: Unit): Promise<string> {
  const rows = new Map(Object.values(table).map((row) => [row.name, row]))
  const shown = (await registry.getMetricsAsJSON()).flatMap((metric) => {
    const row = rows.get(metric.name)
    return row === undefined
      ? []
      : { ...metric, help: row.says, aggregator: 'first', values: released(metric, row, unit) }
  })
  return AggregatorRegistry.aggregate([shown]).metrics()
}

function released({ values }: Metric, row: MetricRow, unit: Unit): Value[] {
  if (row.kind === 'info') return values
  if (row.kind === 'histogram') return releasedBuckets(values, unit)
  return values.map((one) => ({ ...one, value: rounded(one.value, row, unit) }))
}

function rounded(value: number, row: Exclude<MetricRow, { kind: 'histogram' | 'info' }>, unit: Unit): number {
  if (row.shown === 'exact') return value
  if (row.kind === 'counter') return below(value, unit)
  return row.shown === 'tens-below' ? below(value, 10) : Math.ceil(value / 10) * 10
}

/**
 * Each bucket by itself, since a cumulative one could cross its ten by a single message of a rare size. No sum: the
 * difference of two sums is somebody's size.
 */
function releasedBuckets(values: readonly Value[], unit: Unit): Value[] {
  let counted = 0
  let shown = 0
  return values.flatMap((one) => {
    if (one.metricName?.endsWith('_sum') === true) return []
    if (one.metricName?.endsWith('_count') === true) {
      const all = { ...one, value: shown }
      counted = shown = 0
      return all
    }
    shown += below(one.value - counted, unit)
    counted = one.value
    return { ...one, value: shown }
  })
}

function below(value: number, unit: Unit): number {
  return value - (value % unit)
}
