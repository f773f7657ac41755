/** Draws from the distributions that workloads are made of. Each takes the stream of random numbers as its first argument. */
import type { Rng } from './rng.ts'

/** Exponential with this mean, by inversion. */
export function exponential(rng: Rng, mean: number): number {
  return -mean * Math.log1p(-rng.uniform())
}

/** Standard normal. Box and Muller 1958, one of the pair, so that the number of draws does not depend on their values. */
export function normal(rng: Rng): number {
  const radius = Math.sqrt(exponential(rng, 2))
  return radius * Math.cos(2 * Math.PI * rng.uniform())
}

/** e to a normal of standard deviation `sigma` around the logarithm of `median`. */
export function lognormal(rng: Rng, median: number, sigma: number): number {
  return median * Math.exp(sigma * normal(rng))
}

/** An index, each with the probability that its weight has among all. */
export function weighted(rng: Rng, weights: readonly number[]): number {
  let left = rng.uniform() * weights.reduce((total, weight) => total + weight, 0)
  for (let i = 0; i < weights.length; i++) {
    left -= weights[i] as number
    if (left < 0) return i
  }
  return weights.length - 1
}

/** `count` arrival times, ascending from `start`, of a Poisson process with a mean `gap`, in its unit. */
export function arrivals(rng: Rng, count: number, gap: number, start = 0): number[] {
  let now = start
  return Array.from({ length: count }, () => (now += exponential(rng, gap)))
}

/** A copy in random order (Fisher-Yates). The tool's own: the product's shuffle is what it examines. */
export function permuted<T>(rng: Rng, items: readonly T[]): T[] {
  const order = [...items]
  permute(rng, order)
  return order
}

/** In place; `order` may be a typed array. */
export function permute<T>(rng: Rng, order: { [index: number]: T; readonly length: number }): void {
  for (let last = order.length - 1; last > 0; last--) {
    const other = rng.below(last + 1)
    const kept = order[last] as T
    order[last] = order[other] as T
    order[other] = kept
  }
}
