/**
 * A fixed number of connections to one upstream, one exchange at a time on each. undici's own pool walks through all its
 * clients, twice for every request; here one is taken from the top of a stack, and those that are not needed fall idle.
 */
import type { Client } from 'undici'
import type { PoolExchange } from './pool-exchange.ts'

export type Connections = {
  /** Starts an exchange now or, when every connection is taken, in the order of arrival, or refuses it as `busy`. */
  start(exchange: PoolExchange): void
  /** An exchange that is over does not wait any more. */
  forget(exchange: PoolExchange): void
  close(): Promise<void>
}

/** `until` is the time after which a connection is not used again. */
type Slot = { readonly client: Client; free: boolean; until: number }

export type ConnectionsOptions = {
  readonly dial: () => Client
  readonly most: number
  /** milliseconds: of a connection, and of waiting for one */
  readonly lifetime: number
  readonly wait: number
}

export function createConnections({ dial, most, lifetime, wait }: ConnectionsOptions): Connections {
  const slots = new Set<Slot>()
  const free: Slot[] = []
  const waiting = new Map<PoolExchange, NodeJS.Timeout>()
  let made = 0
  let closed = false

  function start(exchange: PoolExchange): void {
    const slot = take()
    if (slot !== undefined) run(slot, exchange)
    else if (closed) queueMicrotask(() => exchange.fail('broken'))
    // It can be asked for again with a clear conscience: nothing of it was sent.
    else
      waiting.set(
        exchange,
        setTimeout(() => exchange.fail('busy'), wait),
      )
  }

  // The one that was used last: it is the least likely to have been closed meanwhile.
  function take(): Slot | undefined {
    const now = Date.now()
    for (let slot = free.pop(); slot !== undefined; slot = free.pop()) {
      if (now < slot.until) return slot
      retire(slot)
    }
    return slots.size < most && !closed ? open() : undefined
  }

  function run(slot: Slot, exchange: PoolExchange): void {
    slot.free = false
    const ready = slot.client.dispatch(exchange.options, exchange)
    // A client that refuses what it is given says so at once and never drains.
    if (ready || exchange.over) release(slot)
  }

  function release(slot: Slot): void {
    if (slot.free || !slots.has(slot)) return
    slot.free = true
    free.push(slot)
    const [next] = waiting.keys()
    if (next === undefined) return
    forget(next)
    start(next)
  }

  function forget(exchange: PoolExchange): void {
    clearTimeout(waiting.get(exchange))
    waiting.delete(exchange)
  }

  function open(): Slot {
    const slot: Slot = { client: dial(), free: false, until: Infinity }
    const age = lifetime * share(made++)
    slots.add(slot)
    slot.client.on('connect', () => (slot.until = Date.now() + age))
    // After an end, an error, a failed connect alike; a turn of the loop later, in which a close would have shown.
    slot.client.on('drain', () => release(slot))
    return slot
  }

  // Only ever a free one, so that nothing is cut; whoever comes next opens another.
  function retire(slot: Slot): void {
    slots.delete(slot)
    void slot.client.close()
  }

  return {
    start,
    forget,
    async close() {
      closed = true
      free.length = 0
      const ending = [...slots].map(({ client }) => client.destroy())
      slots.clear()
      for (const exchange of waiting.keys()) exchange.fail('broken')
      await Promise.all(ending)
    },
  }
}

// Nine tenths of the lifetime up to all of it, so that connections that were opened together do not all go together.
function share(index: number): number {
  return 1 - (index % 16) / 160
}
