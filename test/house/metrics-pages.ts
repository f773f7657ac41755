/** The pages that are made from tables of metrics: tables in the READMEs, and a Grafana dashboard for each service. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gatewayFlags, gatewayTable, relayRow } from '../../gateway/metrics.ts'
import { relayFlags, relayTable } from '../../relay/metrics.ts'
import type { MetricRow, MetricTable } from '../../shared/observability/metric-table.ts'
import { processMetrics } from '../../shared/observability/process-metrics.ts'
import { dashboard } from './dashboard.ts'
import { root } from './walk.ts'

export type Page = { readonly file: string; readonly text: string }

export const observed: readonly {
  readonly service: string
  readonly table: MetricTable
  readonly flags: MetricTable
}[] = [
  { service: 'relay', table: { ...relayTable, ...processMetrics }, flags: relayFlags },
  // by the names that the settings give, of which none is ours
  {
    service: 'gateway',
    table: { ...gatewayTable, relays: relayRow(['NAME']), ...processMetrics },
    flags: gatewayFlags,
  },
]

/** Every page as it should be now. */
export function pages(): readonly Page[] {
  return observed.flatMap(({ service, table, flags }) => [
    between(`${service}/README.md`, `${tableOf(Object.values(table))}\n${tableOf(Object.values(flags), '/flags')}`),
    {
      file: `deploy/${service}/dashboard.json`,
      text: `${JSON.stringify(dashboard(service, table, flags), null, 2)}\n`,
    },
  ])
}

const start = '<!-- metrics: made by npm run readme:metrics -->\n'
const end = '<!-- end of metrics -->'

/** The file with what stands between its markers replaced. Throws where a marker is missing. */
function between(file: string, table: string): Page {
  const old = readFileSync(join(root, file), 'utf8')
  const [from, to] = [old.indexOf(start), old.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${file} has no place for metrics`)
  return { file, text: `${old.slice(0, from + start.length)}\n${table}\n${old.slice(to)}` }
}

function tableOf(rows: readonly MetricRow[], where = '/metrics'): string {
  const lines = rows.map((row) => line([`\`${row.name}\``, kindOf(row), labelsOf(row), row.says]))
  return `${[line([`on \`${where}\``, 'kind', 'labels', 'what it says']), '|---|---|---|---|', ...lines].join('\n')}\n`
}

function kindOf({ kind }: MetricRow): string {
  return kind === 'gauges' ? 'gauge' : kind
}

function labelsOf(row: MetricRow): string {
  const version = row.kind === 'info' ? ['`version`'] : []
  const edges = row.kind === 'histogram' ? [`\`le\`: ${row.edges.join(', ')}, +Inf`] : []
  const labels = 'labels' in row ? Object.entries(row.labels) : []
  return [...version, ...labels.map(([name, words]) => `\`${name}\`: ${words.join(', ')}`), ...edges].join('; ')
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}
