/**
 * What leaves at ticks: requests in one batch, answers in another, each tick's in an order that only the dice know.
 * wire.md `mixed`, privacy.md 4.2. The batch decides who leaves when; here it gets its timer.
 */
import type { Dice } from '../shared/shaping/shuffle.ts'
import { Batch } from '../shared/shaping/tick.ts'

export type DepartureOptions = {
  /** milliseconds from tick to tick */
  readonly tick: number
  /** how many wait at most, and octets of all of them */
  readonly most?: number
  readonly octets?: number
  readonly dice: Dice
  readonly now: () => number
  /** How many left at a tick; never none. */
  readonly left?: (count: number) => void
  /** One of them broke: a mistake of ours, which must not keep the others here. */
  readonly failed?: () => void
}

/** Calls `leave` at the next tick. False when there is no room, and then it is never called. */
export type Departures = (leave: () => void, octets: number) => boolean

const unlimited = Number.MAX_SAFE_INTEGER

export function departures(options: DepartureOptions): Departures {
  const { tick: period, most = unlimited, octets: all = unlimited, dice, now } = options
  const { left = nothing, failed = nothing } = options
  const batch = new Batch<() => void>({ period, most, octets: all, dice })
  let timer: ReturnType<typeof setTimeout> | undefined

  // A timer may fire before its time by this clock, which releases nothing, and is then set again.
  const depart = (): void => {
    const ready = batch.release(now())
    timer = undefined
    setTimer()
    if (ready.length > 0) left(ready.length)
    for (const leave of ready) attempt(leave, failed)
  }
  const setTimer = (): void => {
    const wait = timer === undefined ? batch.wait(now()) : undefined
    if (wait !== undefined) timer = setTimeout(depart, wait)
  }
  return (leave, octets) => {
    const taken = batch.add(leave, octets, now())
    if (taken) setTimer()
    return taken
  }
}

function attempt(leave: () => void, failed: () => void): void {
  try {
    leave()
  } catch {
    failed()
  }
}

const nothing = (): void => undefined
