/**
 * A service's metrics as one table: every name, every label value and a sentence, known before anything is counted.
 * The number of series follows from the table, so it can be bounded (conformance OPS-1, OPS-2; privacy.md 4.8).
 */

/** Label name -> every value that it may have. */
export type LabelTable = Readonly<Record<string, readonly string[]>>

type Common = { readonly name: string; readonly says: string }

export type MetricRow =
  /** Shown in whole tens, unless nobody's request moves it. */
  | (Common & { readonly kind: 'counter'; readonly labels: LabelTable; readonly shown?: 'exact' })
  /** `shown`: `tens` where the number is how many people's requests are under way, rounded so that one does not show. */
  | (Common & { readonly kind: 'gauge'; readonly shown: 'exact' | 'tens-below' | 'tens-above' })
  /** One number for each word of its label. */
  | (Common & { readonly kind: 'gauges'; readonly labels: LabelTable; readonly shown: 'exact' })
  /** `edges` are those that everything is padded to: a finer one would tell what padding hides. */
  | (Common & { readonly kind: 'histogram'; readonly labels: LabelTable; readonly edges: readonly number[] })
  /** Always 1: the version beside words of ours. */
  | (Common & { readonly kind: 'info'; readonly labels: LabelTable })

export type MetricTable = Readonly<Record<string, MetricRow>>

/** More series than this are a mistake: a page that large is a page that somebody is in. privacy.md 2.10. */
export const mostSeries = 200

/** Lines of the page that this row can ever have. */
export function seriesOf(row: MetricRow): number {
  if (row.kind === 'gauge' || row.kind === 'info') return 1
  const combinations = Object.values(row.labels).reduce((product, values) => product * values.length, 1)
  // Behind the last edge is one more bucket, and then the count.
  return row.kind === 'counter' || row.kind === 'gauges' ? combinations : combinations * (row.edges.length + 2)
}

/** Every combination of label values. */
export function everySeries(table: LabelTable): Readonly<Record<string, string>>[] {
  let all: Record<string, string>[] = [{}]
  for (const [name, values] of Object.entries(table)) {
    all = all.flatMap((series) => values.map((value) => ({ ...series, [name]: value })))
  }
  return all
}

// The types say it already; a word that slips past them through a cast must not open a series either.
export function declared(table: LabelTable, series: Readonly<Record<string, string>>): Record<string, string> {
  for (const name in series) {
    if (table[name]?.includes(series[name] ?? '') !== true) throw new TypeError(`undeclared label value of ${name}`)
  }
  return series
}

/** A value for each word of a label. */
export function perWord<Word extends string>(words: readonly Word[], value: (word: Word) => number) {
  return Object.fromEntries(words.map((word) => [word, value(word)])) as Readonly<Record<Word, number>>
}
