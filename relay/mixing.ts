/** What exchanges of the profile `mixed` share: the batch of each direction, and the room for what they keep. wire.md. */
import type { Dice } from '../shared/shaping/shuffle.ts'
import { nextTick } from '../shared/shaping/tick.ts'
import { departures, type Departures } from './departures.ts'
import { roomFor, type Room } from './room.ts'
import type { Limit } from './vocabulary.ts'

export const directions = ['requests', 'answers'] as const
export type Direction = (typeof directions)[number]

export type MixingOptions = {
  /** milliseconds from tick to tick */
  readonly tick: number
  /** how many requests wait for a tick at most, and octets of all of them */
  readonly requests: number
  readonly octets: number
  /** octets of answers that are kept for clients: in all, and for one of them */
  readonly memory: number
  readonly answer: number
  /** milliseconds for which an answer is read that nobody waits for, at least */
  readonly drainTime: number
  readonly dice: Dice
  readonly now: () => number
  readonly left?: (direction: Direction, count: number) => void
  readonly limited?: (limit: Limit) => void
  readonly failed?: () => void
}

export type Mixing = {
  /** All requests of this relay, of whichever route: whoever watches one gateway sees an order that is no less random. */
  readonly requests: Departures
  readonly answers: Departures
  readonly room: Room
  readonly letGoIn: () => number
}

export function createMixing(options: MixingOptions): Mixing {
  const { tick, requests: most, octets, memory, answer, drainTime, dice, now } = options
  const { left = nothing, limited = nothing, failed = nothing } = options
  const one = { tick, dice, now, failed }
  return {
    requests: departures({ ...one, most, octets, left: (count) => left('requests', count) }),
    answers: departures({ ...one, left: (count) => left('answers', count) }),
    room: roomFor({ memory, each: answer, lost: limited }),
    // Not a while after the client left, which would be a mark of that: all that were left in one turn end with it.
    letGoIn: () => nextTick(now() + drainTime, drainTime) - now(),
  }
}

/** Dice from a source of random octets, four of which are used at a time. */
export function diceOf(random: () => Uint8Array): Dice {
  return () => {
    const { buffer, byteOffset } = random()
    return new DataView(buffer, byteOffset, 4).getUint32(0)
  }
}

const nothing = (): void => undefined
