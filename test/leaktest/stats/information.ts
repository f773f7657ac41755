/**
 * Entropy and mutual information in bits. The plug-in estimate is too high by about (cells - 1) / (2 n ln 2) (Miller 1955),
 * so it is centred on what shuffled labels give. privacy.md 2.2: at most n/50 bins, two resolutions that must agree within
 * 0.05 bits, p = (1 + #{null >= observed}) / (B + 1), and a bootstrap bound.
 */
import { resamplesByDefault, type Interval } from './bootstrap.ts'
import { permute } from './draws.ts'
import { ascending, mean, quantile, times } from './numbers.ts'
import { pValue } from './permutation.ts'
import { codes, mostBins, quantiser } from './quantise.ts'
import type { Rng } from './rng.ts'

/** Entropy of a distribution given by counts (or probabilities). */
export function entropy(counts: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0)
  return counts.reduce((bits, count) => (count > 0 ? bits - (count / total) * Math.log2(count / total) : bits), 0)
}

/** Effective size of a set over which somebody is spread like `probabilities`: 2 to the entropy. Serjantov and Danezis 2002. */
export function effectiveSize(probabilities: readonly number[]): number {
  return 2 ** entropy(probabilities)
}

/** The plug-in estimate of I(X;Y), or of I(X;Y|Z) when `given` is there. Codes are whole numbers from 0. */
export function plugInInformation(xs: readonly number[], ys: readonly number[], given?: readonly number[]): number {
  return tables(xs, ys, given).information()
}

export type InformationOptions = {
  readonly rng: Rng
  /** I(label; value | given): the labels are shuffled only among trials with the same one */
  readonly given?: readonly (string | number)[]
  readonly permutations?: number
  readonly resamples?: number
  /** bins at the finer resolution; the coarser has half as many */
  readonly bins?: number
}

export type Information = {
  readonly n: number
  /** I(label; value), centred: plug-in minus the mean of the null */
  readonly bits: number
  /** the same with half as many bins */
  readonly coarse: number
  /** Both resolutions say the same; otherwise neither is to be believed. */
  readonly agrees: boolean
  readonly plugIn: number
  readonly null: { readonly mean: number; readonly p99: number }
  /** that the labels have nothing to do with the values */
  readonly p: number
  readonly ci: Interval
  /** Resampled estimates in ascending order, from which bounds at other levels can be read. */
  readonly draws: readonly number[]
}

const agreement = 0.05

/** How many bits each `value` (a size, a time, a count) tells about its `label` (who or what it was). */
export function mutualInformation(
  labels: readonly (string | number)[],
  values: readonly number[],
  options: InformationOptions,
): Information {
  const { rng, given = labels.map(() => 0), permutations = 500, resamples = resamplesByDefault } = options
  const bins = options.bins ?? mostBins(values.length)
  const xs = codes(labels).codes
  const zs = codes(given).codes
  const at = (resolution: number): Tables => {
    const { code } = quantiser(values, Math.max(1, resolution))
    return tables(xs, values.map(code), zs)
  }
  const fine = centred(at(bins), rng, permutations)
  const coarse = centred(at(Math.floor(bins / 2)), rng, permutations)
  const draws = around(fine.bits, at(bins), rng, resamples)
  return {
    n: values.length,
    bits: fine.bits,
    coarse: coarse.bits,
    agrees: Math.abs(fine.bits - coarse.bits) <= agreement,
    plugIn: fine.plugIn,
    null: { mean: mean(fine.null), p99: quantile(ascending(fine.null), 0.99) },
    p: pValue(fine.plugIn, fine.null),
    ci: [quantile(draws, 0.025), quantile(draws, 0.975)],
    draws,
  }
}

function centred(table: Tables, rng: Rng, permutations: number): { bits: number; plugIn: number; null: number[] } {
  const plugIn = table.information()
  const null_ = times(permutations, () => table.shuffled(rng))
  return { bits: plugIn - mean(null_), plugIn, null: null_ }
}

// Resampled rows repeat, which adds bias a second time: only their spread around their own mean is taken over.
function around(bits: number, table: Tables, rng: Rng, resamples: number): number[] {
  const spread = times(resamples, () => table.resampled(rng))
  const middle = mean(spread)
  return ascending(spread.map((value) => bits + value - middle))
}

type Tables = {
  readonly information: () => number
  /** with the x shuffled inside each z */
  readonly shuffled: (rng: Rng) => number
  /** of as many rows drawn with replacement */
  readonly resampled: (rng: Rng) => number
}

/** Contingency tables of (x, y, z), held as one number a row. I(X;Y|Z) = H(XZ) + H(YZ) - H(XYZ) - H(Z). */
function tables(xs: readonly number[], ys: readonly number[], zs: readonly number[] = xs.map(() => 0)): Tables {
  const n = xs.length
  if (n === 0 || ys.length !== n || zs.length !== n) throw new TypeError('information needs rows of equal number')
  const xz = renumbered(xs, zs)
  const yz = renumbered(ys, zs)
  const x = Int32Array.from(xs)
  const y = Int32Array.from(yz.codes)
  const z = Int32Array.from(zs)
  const xSize = Math.max(...xs) + 1
  const logs = Float64Array.from({ length: n + 1 }, (_, count) => (count > 0 ? count * Math.log2(count) : 0))
  const counters = { xz: new Int32Array(xz.size), yz: new Int32Array(yz.size), z: new Int32Array(Math.max(...zs) + 1) }
  const joint = new Int32Array(xSize * yz.size)
  const xzOf = Int32Array.from(xz.codes)

  const bitsOf = (counter: Int32Array): number => {
    let total = 0
    for (let i = 0; i < counter.length; i++) {
      total += logs[counter[i] as number] as number
      counter[i] = 0
    }
    return Math.log2(n) - total / n
  }
  const information = (row: (i: number) => number): number => {
    for (let i = 0; i < n; i++) {
      const at = row(i)
      add(counters.xz, xzOf[at] as number)
      add(counters.yz, y[at] as number)
      add(counters.z, z[at] as number)
      add(joint, (x[at] as number) * yz.size + (y[at] as number))
    }
    return bitsOf(counters.xz) + bitsOf(counters.yz) - bitsOf(joint) - bitsOf(counters.z)
  }
  // Shuffling leaves all tables but the joint one as they were.
  const fixed = information((i) => i)
  for (let i = 0; i < n; i++) add(joint, (x[i] as number) * yz.size + (y[i] as number))
  const jointBits = bitsOf(joint)
  const strata = Object.values(Object.groupBy(Array.from(zs.keys()), (i) => zs[i] as number)).map((rows) =>
    Int32Array.from(rows ?? []),
  )
  const shuffled = (rng: Rng): number => {
    for (const rows of strata) {
      const order = rows.slice()
      permute(rng, order)
      for (let i = 0; i < rows.length; i++) {
        add(joint, (x[order[i] as number] as number) * yz.size + (y[rows[i] as number] as number))
      }
    }
    return fixed + jointBits - bitsOf(joint)
  }
  return { information: () => fixed, shuffled, resampled: (rng) => information(() => rng.below(n)) }
}

function add(counter: Int32Array, at: number): void {
  counter[at] = (counter[at] as number) + 1
}

function renumbered(values: readonly number[], zs: readonly number[]): { codes: number[]; size: number } {
  const zSize = Math.max(...zs) + 1
  return codes(values.map((value, i) => value * zSize + (zs[i] as number)))
}
