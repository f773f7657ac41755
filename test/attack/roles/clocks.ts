/** clk: a clock for each process, as far off as the attacker wants it. */
export const clockOwners = ['client', 'relay', 'gateway', 'cvm'] as const
export type ClockOwner = (typeof clockOwners)[number]

export type Clocks = Readonly<Record<ClockOwner, () => number>> & {
  /** Puts a clock ahead of the real one, or behind it, by so many milliseconds. */
  readonly shift: (owner: ClockOwner, by: number) => void
}

export function clocks(): Clocks {
  const off: Record<ClockOwner, number> = { client: 0, relay: 0, gateway: 0, cvm: 0 }
  const clock = (owner: ClockOwner) => () => Date.now() + off[owner]
  return {
    client: clock('client'),
    relay: clock('relay'),
    gateway: clock('gateway'),
    cvm: clock('cvm'),
    shift: (owner, by) => void (off[owner] = by),
  }
}
