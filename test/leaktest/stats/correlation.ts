/** Flows as numbers per bin, and how alike two of them are. Pearson 1895; privacy.md 2.7 uses bins of 50 ms. */

export type Event = { readonly t: number; readonly octets: number }

/** Octets in each of `bins` bins of `width`, the first one beginning at `start`. Events outside are left out. */
export function binned(events: readonly Event[], width: number, bins: number, start = 0): Float64Array {
  const out = new Float64Array(bins)
  for (const { t, octets } of events) {
    const bin = Math.floor((t - start) / width)
    if (bin >= 0 && bin < bins) out[bin] = (out[bin] as number) + octets
  }
  return out
}

/** Pearson's correlation, -1 to 1; 0 when one side never changes, since that says nothing about the other. */
export function pearson(xs: ArrayLike<number>, ys: ArrayLike<number>): number {
  const x = centred(xs)
  const y = centred(ys)
  return x.norm === 0 || y.norm === 0 ? 0 : dot(x.values, y.values) / (x.norm * y.norm)
}

export type Centred = { readonly values: Float64Array; readonly norm: number }

/** A list minus its mean, and its length as a vector: what a correlation needs of it, made once for many others. */
export function centred(values: ArrayLike<number>): Centred {
  let total = 0
  for (let i = 0; i < values.length; i++) total += values[i] as number
  const middle = total / values.length
  const out = Float64Array.from(values, (value) => value - middle)
  const norm = Math.sqrt(dot(out, out))
  // What is left of a constant list after subtracting its mean is rounding.
  return { values: out, norm: norm > 1e-9 * Math.abs(total) ? norm : 0 }
}

/** The correlation of two lists of equal length that were centred before. */
export function correlation(x: Centred, y: Centred): number {
  return x.norm === 0 || y.norm === 0 ? 0 : dot(x.values, y.values) / (x.norm * y.norm)
}

function dot(xs: Float64Array, ys: Float64Array): number {
  let total = 0
  for (let i = 0; i < xs.length; i++) total += (xs[i] as number) * (ys[i] as number)
  return total
}
