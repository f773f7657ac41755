/**
 * Quantisers: an observation with nearly as many values as there are trials makes any estimate of information worthless
 * (privacy.md 0.6), so it is put into at most n/50 bins that are equally wide in the logarithm. Padded sizes pass unchanged.
 */

/** Gives each value the number of its bin, from 0. */
export type Quantiser = { readonly bins: number; readonly code: (value: number) => number }

/** Trials per bin, on average, that the default asks for. */
const perBin = 50

/** How many bins `n` trials may have. */
export function mostBins(n: number): number {
  return Math.max(2, Math.floor(n / perBin))
}

/**
 * A quantiser made for `values` (from 0 upwards) with at most `bins` bins. Values that are already that few stay apart,
 * each a bin of its own; a value not seen before then goes to the nearest bin.
 */
export function quantiser(values: readonly number[], bins: number): Quantiser {
  if (values.length === 0 || bins < 1) throw new TypeError('a quantiser needs values and at least one bin')
  const distinct = [...new Set(values)].sort((a, b) => a - b)
  return distinct.length <= bins ? nearest(distinct) : logarithmic(distinct, bins)
}

function nearest(distinct: readonly number[]): Quantiser {
  const code = (value: number): number => {
    const above = distinct.findIndex((each) => each >= value)
    if (above < 1) return above < 0 ? distinct.length - 1 : 0
    return (distinct[above] as number) - value <= value - (distinct[above - 1] as number) ? above : above - 1
  }
  const known = new Map(distinct.map((value, i) => [value, i]))
  return { bins: distinct.length, code: (value) => known.get(value) ?? code(value) }
}

function logarithmic(distinct: readonly number[], bins: number): Quantiser {
  const low = Math.log1p(distinct[0] as number)
  const width = (Math.log1p(distinct.at(-1) as number) - low) / bins
  const code = (value: number): number => Math.min(bins - 1, Math.max(0, Math.floor((Math.log1p(value) - low) / width)))
  return { bins, code }
}

/** Numbers every distinct value from 0 in the order of first appearance. */
export function codes(values: readonly (string | number)[]): { readonly codes: number[]; readonly size: number } {
  const known = new Map<string | number, number>()
  const out = values.map((value) => {
    const code = known.get(value) ?? known.size
    known.set(value, code)
    return code
  })
  return { codes: out, size: known.size }
}
