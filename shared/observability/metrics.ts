/**
 * Metrics that cannot say who or what: every label value is declared beforehand, so there are no series for an address,
 * a key or a path, and the number of series is known at start (conformance OPS-1, OPS-2).
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

/** Label name -> every value that it may have. */
export type LabelTable = Readonly<Record<string, readonly string[]>>
export type LabelsOf<Table extends LabelTable> = { readonly [Name in keyof Table]: Table[Name][number] }

export type Metrics = {
  counter<const Table extends LabelTable>(name: string, help: string, labels: Table): Count<Table>
  /** Read when the page is asked for. */
  gauge(name: string, help: string, read: () => number): void
  histogram<const Table extends LabelTable>(name: string, help: string, labels: Table, buckets: number[]): Count<Table>
  /** The page in Prometheus text format. */
  text(): Promise<string>
  readonly contentType: string
}

/** Adds to a counter, or observes in a histogram. */
export type Count<Table extends LabelTable> = (labels: LabelsOf<Table>, value?: number) => void

export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  return {
    counter(name, help, labels) {
      const labelNames = Object.keys(labels)
      const counter = new Counter({ name, help, labelNames, registers })
      for (const series of everySeries(labels)) counter.inc(series, 0)
      return (series, value = 1) => counter.inc(declared(labels, series), value)
    },
    gauge(name, help, read) {
      const gauge: Gauge = new Gauge({ name, help, registers, collect: () => gauge.set(read()) })
    },
    histogram(name, help, labels, buckets) {
      const histogram = new Histogram({ name, help, labelNames: Object.keys(labels), buckets, registers })
      return (series, value = 0) => histogram.observe(declared(labels, series), value)
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}

// The types say it already; a word that slips past them through a cast must not open a series either.
function declared(table: LabelTable, series: Readonly<Record<string, string>>): Record<string, string> {
  for (const name in series) {
    if (table[name]?.includes(series[name] ?? '') !== true) throw new TypeError(`undeclared label value of ${name}`)
  }
  return series
}

function everySeries(table: LabelTable): Record<string, string>[] {
  let all: Record<string, string>[] = [{}]
  for (const [name, values] of Object.entries(table)) {
    all = all.flatMap((series) => values.map((value) => ({ ...series, [name]: value })))
  }
  return all
}
