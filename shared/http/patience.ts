/**
 * Limits on silence for many at once: one timer looks at all of them, since nearly all end before it would ever fire and
 * a timer of their own would cost each more than what it guards. Fires within a sixteenth after the time, never before.
 */

export type Patience = { renew(): void; end(): void }

const looks = 16

/** Calls `over` once nobody has renewed for `milliseconds`, unless it ended before. */
export function patient(milliseconds: number, over: () => void): Patience {
  let watch = watches.get(milliseconds)
  if (watch === undefined) watches.set(milliseconds, (watch = new Watch(milliseconds)))
  return watch.add(over)
}

// One for each length of time that is in use: those are settings, so there are few.
const watches = new Map<number, Watch>()

class Watch {
  readonly #waiting = new Set<Waiting>()
  readonly #every: number
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(milliseconds: number) {
    this.#every = Math.max(1, milliseconds / looks)
  }

  add(over: () => void): Patience {
    const waiting = new Waiting(this.#waiting, over)
    if (this.#timer === undefined) this.#lookLater()
    return waiting
  }

  // Asks for the next look only while there is somebody, so that a quiet process is quiet.
  #look(): void {
    this.#timer = undefined
    for (const waiting of this.#waiting) waiting.look()
    if (this.#waiting.size > 0) this.#lookLater()
  }

  // Whoever is waited for has a connection, which keeps the process up; the timer must not outlive the last of them.
  #lookLater(): void {
    this.#timer = setTimeout(() => this.#look(), this.#every)
    this.#timer.unref()
  }
}

class Waiting implements Patience {
  readonly #among: Set<Waiting>
  readonly #over: () => void
  #seen = 0

  constructor(among: Set<Waiting>, over: () => void) {
    this.#among = among
    this.#over = over
    among.add(this)
  }

  renew(): void {
    this.#seen = 0
  }

  end(): void {
    this.#among.delete(this)
  }

  // The first look may come at once, so one more than fit into the time.
  look(): void {
    if (++this.#seen <= looks) return
    this.end()
    this.#over()
  }
}
