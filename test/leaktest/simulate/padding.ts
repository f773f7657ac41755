/** Padding schemes: what a sealed length becomes on the wire. privacy.md 2.4. Grids are the product's own arithmetic. */
import { paddingFor } from '../../../shared/bhttp/padding.ts'
import { fitting, padme, powerOfTwo } from '../../../shared/shaping/buckets.ts'
import type { Rng } from '../stats/rng.ts'

/** Whose message it is, for mutants that treat some of them otherwise. */
export type Whose = { readonly client: number; readonly intent: number }

/** Octets with padding, of `length` octets without. */
export type Padding = (length: number, rng: Rng, whose: Whose) => number

export const unpadded: Padding = (length) => length

export function blocks(size: number): Padding {
  return (length) => Math.ceil(length / size) * size
}

export const padmeAll: Padding = (length) => padme(length)
export const padmeFrom4K: Padding = (length) => Math.max(4096, padme(length))
export const powersOfTwo: Padding = (length) => Math.max(256, powerOfTwo(length))

/** wire.md "Padding": 1K/4K/16K/64K/256K, PADMÉ above. */
export const buckets: Padding = (length) => length + paddingFor(length, 0)

/** A list of sizes of its own. The workload ends where its largest does. */
export function sizes(...list: readonly number[]): Padding {
  return (length) => {
    const size = fitting(list, length)
    if (size === undefined) throw new TypeError(`${length} octets fit into none of the sizes`)
    return size
  }
}

/** A mutant's, and many a product's: up to `most` random octets. */
export function random(most: number): Padding {
  return (length, rng) => length + rng.below(most + 1)
}
