/** Something that may be done once in a while: the brakes on the two resends that the design allows. trust.md 6. */

export type Allowance = () => boolean

/** True at most once within `period` milliseconds. */
export function onceEvery(period: number, now: () => number): Allowance {
  let next = -Infinity
  return () => {
    const time = now()
    if (time < next) return false
    next = time + period
    return true
  }
}
