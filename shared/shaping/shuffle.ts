/**
 * An order that only the dice know: Fisher-Yates, each place drawn without modulo bias by rejecting the uneven rest.
 * privacy.md 4.2; Knuth, The Art of Computer Programming 2, 3.4.2, algorithm P.
 */

/** Gives whole numbers below 2^32, each as likely as any other. In a product they come from a cryptographic source. */
export type Dice = () => number

const faces = 2 ** 32

/** Fair dice need more throws than this once in 2^128 draws. */
const mostThrows = 128

/** A copy of `items` in random order; every order is as likely as any other. */
export function shuffled<T>(items: readonly T[], dice: Dice): T[] {
  const order = [...items]
  for (let last = order.length - 1; last > 0; last--) {
    const other = below(last + 1, dice)
    const kept = order[last] as T
    order[last] = order[other] as T
    order[other] = kept
  }
  return order
}

/** A whole number below `bound` (1 to 2^32). Throws TypeError for dice that are none. */
export function below(bound: number, dice: Dice): number {
  if (!Number.isInteger(bound) || bound < 1 || bound > faces) throw new TypeError('a bound is from 1 to 2^32')
  // The remainders of a range that is no multiple of the bound would favour small numbers.
  const fair = faces - (faces % bound)
  for (let left = mostThrows; left > 0; left--) {
    const thrown = dice()
    if (!Number.isInteger(thrown) || thrown < 0 || thrown >= faces) throw new TypeError('dice give 32-bit numbers')
    if (thrown < fair) return thrown % bound
  }
  throw new TypeError('the dice always show the same')
}
