/** Whether a process may be sent work, as a list of named conditions. Names are constants, so `/readyz` tells no secrets. */

export type Health<Condition extends string> = {
  set(condition: Condition, holds: boolean): void
  /** Conditions that do not hold; an empty list means ready. */
  missing(): readonly Condition[]
}

/** Nothing holds until it has been said: a process is not ready by default. */
export function createHealth<Condition extends string>(conditions: readonly Condition[]): Health<Condition> {
  const state = new Map<Condition, boolean>(conditions.map((condition) => [condition, false]))
  return {
    set: (condition, holds) => void state.set(condition, holds),
    missing: () => conditions.filter((condition) => state.get(condition) !== true),
  }
}
