/** A Grafana dashboard from a table of metrics: one panel for each row, flags first. */
import type { MetricRow, MetricTable } from '../../shared/observability/metric-table.ts'

// Counts move in tens, once a minute: a shorter window would show steps instead of a rate.
const window = '10m'

export type Panel = {
  readonly id: number
  readonly type: 'timeseries' | 'stat' | 'heatmap'
  readonly title: string
  readonly description: string
  readonly datasource: { readonly type: 'prometheus'; readonly uid: string }
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly fieldConfig: { readonly defaults: { readonly unit: string; readonly min: number }; readonly overrides: [] }
  readonly targets: readonly { readonly refId: string; readonly expr: string; readonly legendFormat: string }[]
}

export function dashboard(service: string, table: MetricTable, flags: MetricTable) {
  const rows = [...Object.values(flags), ...Object.values(table)]
  return {
    uid: `asunder-${service}`,
    title: `Asunder ${service}`,
    description: `Made from ${service}/metrics.ts. Counts are shown in tens and change once a minute; flags change each second.`,
    schemaVersion: 38,
    version: 1,
    editable: false,
    refresh: '1m',
    time: { from: 'now-6h', to: 'now' },
    tags: ['asunder', service],
    templating: { list: [{ name: 'source', type: 'datasource', query: 'prometheus', label: 'Prometheus' }] },
    panels: rows.map((row, at) => panel(row, at)),
  }
}

const columns = 3
const [width, height] = [24 / columns, 7]

function panel(row: MetricRow, at: number): Panel {
  return {
    id: at + 1,
    type: row.kind === 'info' ? 'stat' : row.kind === 'histogram' ? 'heatmap' : 'timeseries',
    title: row.name,
    description: row.says,
    datasource: { type: 'prometheus', uid: '${source}' },
    gridPos: { x: (at % columns) * width, y: Math.floor(at / columns) * height, w: width, h: height },
    fieldConfig: { defaults: { unit: unitOf(row), min: 0 }, overrides: [] },
    targets: [{ refId: 'A', ...asked(row) }],
  }
}

function asked(row: MetricRow): { expr: string; legendFormat: string } {
  const { name } = row
  if (row.kind === 'gauge') return { expr: name, legendFormat: '{{instance}}' }
  if (row.kind === 'gauges') {
    const words = Object.keys(row.labels).map((label) => `{{${label}}}`)
    return { expr: name, legendFormat: ['{{instance}}', ...words].join(' ') }
  }
  if (row.kind === 'histogram') return { expr: `sum by (le) (rate(${name}_bucket[${window}]))`, legendFormat: '{{le}}' }
  const labels = row.kind === 'info' ? ['version', ...Object.keys(row.labels)] : Object.keys(row.labels)
  const legendFormat = labels.length === 0 ? '{{instance}}' : labels.map((label) => `{{${label}}}`).join(' ')
  if (row.kind === 'info') return { expr: name, legendFormat }
  const by = labels.length === 0 ? '' : ` by (${labels.join(', ')})`
  return { expr: `sum${by} (rate(${name}[${window}]))`, legendFormat }
}

function unitOf({ kind, name }: MetricRow): string {
  if (kind === 'counter') return name.endsWith('_seconds_total') ? 's' : 'reqps'
  if (name.endsWith('_bytes')) return 'bytes'
  return name.endsWith('_seconds') ? 's' : 'short'
}
