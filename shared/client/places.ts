/** A number of places, handed out in the order of asking: nobody waits longer than `patience` for one. */
export type Places = {
  /** Resolves to what gives the place back; giving it back twice does nothing. */
  take(signal: AbortSignal): Promise<() => void>
}

/** Thrown when the wait for a place is over; the code word is what an error of the client may tell. */
export class NoPlace extends Error {
  readonly code = 'NO_FREE_CONNECTION'
}

type Waiting = { readonly enter: () => void }

export function places(count: number, patience: number): Places {
  const queue = new Set<Waiting>()
  let free = count
  const leave = (): void => {
    const [next] = queue
    if (next === undefined) free += 1
    else next.enter()
  }
  return {
    async take(signal) {
      if (free > 0) free -= 1
      else await turn(queue, patience, signal)
      return once(leave)
    },
  }
}

function turn(queue: Set<Waiting>, patience: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      queue.delete(waiting)
      clearTimeout(timer)
      signal.removeEventListener('abort', aborted)
      act()
    }
    const waiting: Waiting = { enter: () => settle(resolve) }
    const aborted = (): void => settle(() => reject(signal.reason as Error))
    const timer = setTimeout(() => settle(() => reject(new NoPlace(`none in ${patience} ms`))), patience)
    queue.add(waiting)
    if (signal.aborted) aborted()
    else signal.addEventListener('abort', aborted)
  })
}

function once(act: () => void): () => void {
  let done = false
  return () => {
    if (!done) act()
    done = true
  }
}
