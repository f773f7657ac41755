/**
 * Metrics that cannot say who, what or when: every label value is declared beforehand, so there are no series for an
 * address, a key or a path; what is shown is a snapshot that changes at whole minutes, in tens (conformance OPS-1, OPS-2;
 * privacy.md 2.10, 4.8). Reading more often tells nothing more.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { everySecond } from './beat.ts'
import {
  declared,
  everySeries,
  mostSeries,
  seriesOf,
  type LabelTable,
  type MetricRow,
  type MetricTable,
} from './metric-table.ts'
import { processMetrics } from './process-metrics.ts'
import { contentType, pageOf, type Unit } from './snapshot.ts'
import { ownVersion } from './version.ts'

type Named<Table extends MetricTable, Kind extends MetricRow['kind']> = {
  [Key in keyof Table]: Table[Key]['kind'] extends Kind ? Key : never
}[keyof Table]
type LabelsOf<Row> = Row extends { readonly labels: infer Labels extends LabelTable }
  ? { readonly [Name in keyof Labels]: Labels[Name][number] }
  : never

type WordOf<Row> = LabelsOf<Row>[keyof LabelsOf<Row>] & string

/** Counts `value` (1) of a counter, or observes it in a histogram. */
export type Count<Labels> = (labels: Labels, value?: number) => void

export type MetricsOptions<Table extends MetricTable> = {
  /** Read when a snapshot is made. */
  readonly gauges: Readonly<Record<Named<Table, 'gauge'>, () => number>>
  /** The same for those of several words. */
  readonly each?: { readonly [Key in Named<Table, 'gauges'>]: () => Readonly<Record<WordOf<Table[Key]>, number>> }
  /** What this process is, in words of the table; its version comes by itself. */
  readonly info: { readonly [Key in Named<Table, 'info'>]: LabelsOf<Table[Key]> }
  readonly now: () => number
  /** milliseconds of the clock between two snapshots, and what counts are multiples of */
  readonly every?: number
  readonly unit?: Unit
  /** Whether to tell of the process too. */
  readonly process?: boolean
}

export type Page = {
  /** The last snapshot in Prometheus text format, the same for everybody who asks. */
  readonly page: () => string
  readonly contentType: string
}

export type Metrics<Table extends MetricTable> = Page & {
  readonly count: { readonly [Key in Named<Table, 'counter' | 'histogram'>]: Count<LabelsOf<Table[Key]>> }
  /** Takes the first snapshot, and then one at each boundary. */
  readonly begin: () => Promise<void>
  readonly stop: () => void
}

export function createMetrics<const Table extends MetricTable>(
  table: Table,
  { gauges, each = {} as never, info, now, every = 60_000, unit = 10, process = true }: MetricsOptions<Table>,
): Metrics<Table> {
  const registry = new Registry()
  const all: MetricTable = process ? { ...table, ...processMetrics } : table
  checkSeries(all)
  if (process) collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 20 })
  const count: Partial<Record<string, Count<Record<string, string>>>> = {}
  for (const [key, row] of Object.entries(table)) {
    if (row.kind === 'counter' || row.kind === 'histogram') count[key] = counting(row, registry)
    else if (row.kind === 'gauge') readWhenAsked(row, (gauges as Record<string, () => number>)[key], registry)
    else if (row.kind === 'gauges') readEach(row, (each as Record<string, () => Words>)[key], registry)
    else tellOnce(row, (info as Record<string, Record<string, string>>)[key], registry)
  }
  const snapshots = takeSnapshots(() => pageOf(registry, all, unit), now, every)
  return { ...snapshots, count: count as Metrics<Table>['count'], contentType }
}

/** All at one boundary of the clock, never when somebody asks: the asker must not choose the moment. */
function takeSnapshots(take: () => Promise<string>, now: () => number, every: number) {
  const turn = (): number => Math.floor(now() / every)
  let shown = ''
  let last = turn()
  let stop = (): void => undefined
  const renew = async (): Promise<void> => void (shown = await take())
  const look = (): void => {
    if (turn() === last) return
    last = turn()
    // A page that cannot be made is an empty one, which alerts; the one before it would look like a quiet minute.
    renew().catch(() => (shown = ''))
  }
  return {
    page: () => shown,
    begin() {
      stop = everySecond(now, look)
      return renew()
    },
    stop: () => stop(),
  }
}

function checkSeries(table: MetricTable): void {
  const series = Object.values(table).reduce((sum, row) => sum + seriesOf(row), 0)
  if (series > mostSeries) throw new TypeError(`${series} series, at most ${mostSeries} may be`)
}

type Counted = Extract<MetricRow, { kind: 'counter' | 'histogram' }>

// Every series exists from the start: one that appears would be news of the first who caused it.
function counting(row: Counted, registry: Registry): Count<Record<string, string>> {
  const { name, says: help, labels } = row
  const common = { name, help, labelNames: Object.keys(labels), registers: [registry] }
  if (row.kind === 'counter') {
    const counter = new Counter(common)
    for (const series of everySeries(labels)) counter.inc(series, 0)
    return (series, value = 1) => counter.inc(declared(labels, series), value)
  }
  const histogram = new Histogram({ ...common, buckets: [...row.edges] })
  for (const series of everySeries(labels)) histogram.zero(series)
  return (series, value = 0) => histogram.observe(declared(labels, series), value)
}

type Row<Kind extends MetricRow['kind']> = Extract<MetricRow, { kind: Kind }>

function readWhenAsked({ name, says: help }: Row<'gauge'>, read: (() => number) | undefined, registry: Registry): void {
  if (read === undefined) throw new TypeError(`nobody reads ${name}`)
  const gauge: Gauge = new Gauge({ name, help, registers: [registry], collect: () => gauge.set(read()) })
}

type Words = Readonly<Record<string, number>>

function readEach(
  { name, says: help, labels }: Row<'gauges'>,
  read: (() => Words) | undefined,
  registry: Registry,
): void {
  const [label, ...more] = Object.keys(labels)
  if (read === undefined || label === undefined || more.length > 0) throw new TypeError(`nobody reads ${name}`)
  const collect = (): void => {
    for (const [word, value] of Object.entries(read())) gauge.set(declared(labels, { [label]: word }), value)
  }
  const gauge: Gauge = new Gauge({ name, help, labelNames: [label], registers: [registry], collect })
}

function tellOnce(row: Row<'info'>, words: Record<string, string> | undefined, registry: Registry): void {
  const labels = { version: ownVersion(), ...declared(row.labels, words ?? {}) }
  new Gauge({ name: row.name, help: row.says, labelNames: Object.keys(labels), registers: [registry] }).set(labels, 1)
}
