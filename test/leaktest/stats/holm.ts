/** Many tests, one error: Holm's step-down procedure (1979). Holds the chance of even one false rejection at `alpha`. */

/** Which of the hypotheses with these p values are rejected, in their order. */
export function holm(pValues: readonly number[], alpha: number): boolean[] {
  return holmAdjusted(pValues).map((p) => p <= alpha)
}

/** p values that may each be compared with the family's alpha. */
export function holmAdjusted(pValues: readonly number[]): number[] {
  const adjusted = new Array<number>(pValues.length).fill(1)
  const order = pValues.map((p, index) => ({ p, index })).sort((a, b) => a.p - b.p)
  let highest = 0
  order.forEach(({ p, index }, rank) => {
    // A hypothesis cannot be rejected before the ones with smaller p values are.
    highest = Math.max(highest, Math.min(1, p * (pValues.length - rank)))
    adjusted[index] = highest
  })
  return adjusted
}
