/** Which of the things that a service does beside the requests did not succeed the last time; from a closed list of words. */

export type Failing<Duty extends string> = {
  /** How it went this time. */
  of(duty: Duty, fails: boolean): void
  has(duty: Duty): boolean
}

export function createFailing<Duty extends string>(): Failing<Duty> {
  const failing = new Set<Duty>()
  return {
    of(duty, fails) {
      if (fails) failing.add(duty)
      else failing.delete(duty)
    },
    has: (duty) => failing.has(duty),
  }
}
