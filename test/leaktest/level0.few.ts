/** Amounts for tests: what they ask has no chance in it, or has four standard errors of room. */
import type { Amounts } from './simulate/observe.ts'

export const few: Amounts = { messages: 2400, windows: 16, streams: 1200, together: 8, minutes: 800, repeats: 1000 }

/** For tests that look at the run and not at its results. */
export const fewest: Amounts = { messages: 400, windows: 8, streams: 160, together: 2, minutes: 60, repeats: 50 }
