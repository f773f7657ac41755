/** Dice that show the same again when they are thrown from the same seed: Marsaglia's xorshift32. */
import type { Dice } from '../../shared/shaping/shuffle.ts'

export function numbers(seed: number): Dice {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>>= 0)
  }
}
