/**
 * Room for answers that wait for a tick or for their clients. Everybody who is let in has a share of his own, which nobody
 * can take; what goes beyond shares comes out of a common half, and when that is full, whoever holds most of it loses his
 * answer. So those who read slowly crowd out neither newcomers nor those who read (wire.md "Limits", privacy.md C11).
 */

/** The largest small bucket (wire.md "Padding"): nearly every answer fits into it. */
export const share = 262_144

export type RoomOptions = {
  /** octets in all: a half in shares, a half in common */
  readonly memory: number
  /** octets of one exchange */
  readonly each: number
  /** Somebody lost his answer: for want of common room, or because his own backlog was too long. */
  readonly lost?: (why: 'memory' | 'backlog') => void
}

export type Place = {
  /** Takes room for octets that are kept from now on. It may be this very place that is lost by that. */
  keep(octets: number): void
  /** Octets that are not kept any more. */
  free(octets: number): void
  /** Gives everything back; more than once does no harm. */
  leave(): void
}

export type Room = {
  /** A place for one exchange; undefined when there is none. `lose` ends its answer: whatever it kept is gone. */
  enter(lose: () => void): Place | undefined
}

type Guest = { held: number; readonly lose: () => void }

export function roomFor({ memory, each, lost = () => undefined }: RoomOptions): Room {
  const places = Math.floor(memory / 2 / share)
  const common = memory / 2
  const guests = new Set<Guest>()
  let shared = 0

  const change = (guest: Guest, octets: number): void => {
    shared -= beyond(guest)
    guest.held += octets
    shared += beyond(guest)
  }
  const leave = (guest: Guest): void => {
    if (guests.delete(guest)) shared -= beyond(guest)
  }
  const turnOut = (guest: Guest, why: 'memory' | 'backlog'): void => {
    leave(guest)
    lost(why)
    guest.lose()
  }
  const keep = (guest: Guest, octets: number): void => {
    if (!guests.has(guest)) return
    change(guest, octets)
    if (guest.held > each) turnOut(guest, 'backlog')
    while (shared > common) turnOut(fullest(guests), 'memory')
  }
  return {
    enter(lose) {
      if (guests.size >= places) return undefined
      const guest = { held: 0, lose }
      guests.add(guest)
      return {
        keep: (octets) => keep(guest, octets),
        free(octets) {
          if (guests.has(guest)) change(guest, -octets)
        },
        leave: () => leave(guest),
      }
    },
  }
}

function beyond({ held }: Guest): number {
  return Math.max(0, held - share)
}

/** There is one whenever any common room is taken. */
function fullest(guests: Iterable<Guest>): Guest {
  const [first, ...others] = guests
  if (first === undefined) throw new TypeError('nobody is here, and yet the room is full')
  return others.reduce((most, guest) => (guest.held > most.held ? guest : most), first)
}
