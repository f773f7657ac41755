/** GCRA: the arithmetic of a leaky bucket in one number, the theoretical arrival time (ITU-T I.371, virtual scheduling). */

export type Rate = {
  /** on average, per second */
  readonly perSecond: number
  /** at once, after a quiet time */
  readonly burst: number
}

/**
 * One arrival at `now` (milliseconds) in a bucket whose last theoretical arrival time was `arrival`: the new one, to be
 * kept for the next arrival, or undefined when this one comes too early.
 */
export function arrive(rate: Rate, arrival: number, now: number): number | undefined {
  const interval = 1000 / rate.perSecond
  const next = Math.max(arrival, now) + interval
  return next - now > interval * rate.burst ? undefined : next
}
