/**
 * A fixed number of connections to one upstream, all opened before anybody comes and replaced by age: how many there are
 * and when one begins is settled by settings and a clock, by no arrival. Which of them an exchange takes is a throw of
 * the dice: to take the one used last would join the requests of one client (privacy.md 2.6, 4.5; OHTTP-R8).
 */
import { createBag } from './bag.ts'
import type { Carrier, CarrierEvents, CarrierOptions } from './connection.ts'
import type { Dialled } from './dial.ts'
import { createDialling } from './dialling.ts'
import type { PoolExchange } from './pool-exchange.ts'
import type { DialTrouble } from './trouble.ts'

export type Connections = {
  /** Starts an exchange now or, when every connection is taken, in the order of arrival, or refuses it as `busy`. */
  start(exchange: PoolExchange): void
  /** An exchange that is over does not wait any more. */
  forget(exchange: PoolExchange): void
  /** Those that take exchanges. */
  readonly open: () => number
  /** Why the last attempt at a connection failed; nothing when it did not, or nobody can tell. */
  readonly trouble: () => DialTrouble | undefined
  /** Replaces all of them now; what is under way ends where it is. */
  renew(): void
  close(): Promise<void>
}

export type ConnectionsOptions = {
  readonly dial: () => Promise<Dialled>
  /** Makes a connection of what was dialled. */
  readonly carrier: (on: Pick<CarrierOptions, 'socket' | 'until'>, events: CarrierEvents) => Carrier
  readonly size: number
  /** milliseconds: the longest life of a connection, and how long an exchange may wait for one */
  readonly lifetime: number
  readonly wait: number
  /** milliseconds between two looks at what is missing, too old, or idle */
  readonly every: number
  /** What is asked, for nobody, on a connection that is idle for `idle` milliseconds, lest the other side close it. */
  readonly question: (() => PoolExchange) | undefined
  readonly idle: number
  /** a random whole number below the one given */
  readonly dice: (below: number) => number
}

export function createConnections(options: ConnectionsOptions): Connections {
  const { dial, carrier, size, lifetime, wait, every, question, idle, dice } = options
  const standing = new Set<Carrier>()
  const leaving = new Set<Carrier>()
  const free = createBag<Carrier>(dice)
  const waiting = new Map<PoolExchange, NodeJS.Timeout>()
  const dialling = createDialling({ dial, missing: () => size - standing.size, arrived, failed })
  let closed = false

  function start(exchange: PoolExchange): void {
    const connection = free.draw()
    const down = closed ? 'broken' : standing.size === 0 ? dialling.down() : undefined
    if (connection !== undefined) run(connection, exchange)
    else if (down !== undefined) queueMicrotask(() => exchange.fail(down))
    // It can be asked for again with a clear conscience: nothing of it was sent.
    else
      waiting.set(
        exchange,
        setTimeout(() => exchange.fail('busy'), wait),
      )
  }

  function run(connection: Carrier, exchange: PoolExchange): void {
    exchange.ifUnsent(() => start(exchange))
    connection.run(exchange)
    settle(connection)
  }

  function settle(connection: Carrier): void {
    if (standing.has(connection) && connection.hasRoom) free.add(connection)
    else free.remove(connection)
  }

  function room(connection: Carrier): void {
    // One whose time is over takes nothing more; who waits, waits for the one that replaces it.
    if (Date.now() >= connection.until) {
      retire(connection)
      return
    }
    settle(connection)
    for (const next of waiting.keys()) {
      if (closed || !connection.hasRoom) return
      forget(next)
      start(next)
    }
  }

  function forget(exchange: PoolExchange): void {
    clearTimeout(waiting.get(exchange))
    waiting.delete(exchange)
  }

  function retire(connection: Carrier): void {
    standing.delete(connection)
    free.remove(connection)
    if (!connection.idle) leaving.add(connection)
    connection.retire()
  }

  function ended(connection: Carrier): void {
    standing.delete(connection)
    leaving.delete(connection)
    free.remove(connection)
  }

  function arrived({ socket, until }: Dialled): void {
    // Between three quarters and all of it, so that those which were opened together do not all go together.
    const age = lifetime * (0.75 + dice(1024) / 4096)
    const connection = carrier({ socket, until: Math.min(until, Date.now() + age) }, { room, ended })
    standing.add(connection)
    if (connection.hasRoom) room(connection)
  }

  function failed(why: 'timeout' | 'broken'): void {
    if (standing.size === 0) for (const exchange of waiting.keys()) exchange.fail(why)
  }

  // What was lost is replaced here and not when it is lost: that a connection begins must tell of nothing but the time.
  function look(): void {
    const now = Date.now()
    for (const connection of standing) {
      // A full one keeps its place: it has no room to be missed.
      if (now >= connection.until && (connection.idle || connection.hasRoom)) retire(connection)
      else if (question !== undefined && connection.idle && connection.hasRoom && now - connection.since >= idle)
        run(connection, question())
    }
    dialling.fill()
  }

  dialling.fill()
  const clock = setInterval(look, every).unref()
  return {
    start,
    forget,
    open: () => standing.size,
    trouble: dialling.trouble,
    renew() {
      for (const connection of standing) retire(connection)
      dialling.anew()
    },
    async close() {
      closed = true
      clearInterval(clock)
      dialling.stop()
      for (const exchange of waiting.keys()) exchange.fail('broken')
      await Promise.all([...standing, ...leaving].map((connection) => connection.destroy()))
    },
  }
}
