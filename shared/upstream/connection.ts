/**
 * One open connection to an upstream and the undici client that may use it: a client whose connector gives this socket
 * once and never dials, so that nothing is ever sent a second time on another one (OHTTP-R7; feasibility A9, A11).
 */
import type { Socket } from 'node:net'
import { Client } from 'undici'
import { Spent, type PoolExchange } from './pool-exchange.ts'

/** What a pool knows of a connection. */
export type Carrier = {
  /** the time after which it is not used again */
  readonly until: number
  /** when it was last used, or opened */
  readonly since: number
  readonly idle: boolean
  readonly hasRoom: boolean
  run(exchange: PoolExchange): void
  /** Takes nothing more, and closes when what it carries has ended. */
  retire(): void
  destroy(): Promise<void>
}

export type CarrierOptions = {
  readonly origin: string
  readonly socket: Socket
  /** the time after which it is not used again */
  readonly until: number
  /** milliseconds: first byte of an answer, and between any two of its bytes */
  readonly firstByte: number
  readonly stall: number
}

export type CarrierEvents = {
  /** It can take an exchange, which it could not a moment ago. */
  readonly room: (connection: Carrier) => void
  readonly ended: (connection: Carrier) => void
}

// Connections end by age. Ours never by idleness, which would make their number follow arrivals.
const never = 2 ** 31 - 1
const headerSection = 16_384

export class Connection implements Carrier {
  readonly until: number
  since = Date.now()
  readonly #socket: Socket
  readonly #client: Client
  readonly #events: CarrierEvents
  #running = false
  #retired = false
  #unused: (() => void) | undefined

  constructor({ origin, socket, until, ...limits }: CarrierOptions, events: CarrierEvents) {
    this.until = until
    this.#socket = socket
    this.#events = events
    this.#unused = refuseStrayBytes(socket)
    this.#client = new Client(
      origin,
      clientSettings(limits, (callback) => this.#handOver(callback)),
    )
    // After an end, an error, a cut alike; a turn of the loop later, in which a close would have shown.
    this.#client.on('drain', () => this.#release())
    socket.once('close', () => events.ended(this))
  }

  get idle(): boolean {
    return !this.#running
  }

  get hasRoom(): boolean {
    return this.idle && !this.#retired && !this.#socket.destroyed
  }

  run(exchange: PoolExchange): void {
    this.#running = true
    const ready = this.#client.dispatch(exchange.options, exchange)
    // A client that refuses what it is given says so at once and never drains.
    if (ready || exchange.over) this.#release()
  }

  retire(): void {
    this.#retired = true
    if (this.idle) void this.destroy()
  }

  destroy(): Promise<void> {
    this.#socket.destroy()
    return this.#client.destroy()
  }

  #release(): void {
    if (this.idle) return
    this.#running = false
    this.since = Date.now()
    if (this.#retired) void this.destroy()
    else this.#events.room(this)
  }

  // In one tick with undici taking it: a socket that has ended, or is asked for again, is an error of our own kind.
  #handOver(callback: (...result: [Error, null] | [null, Socket]) => void): void {
    const unused = this.#unused
    this.#unused = undefined
    unused?.()
    if (unused !== undefined && !this.#socket.destroyed) {
      callback(null, this.#socket)
      return
    }
    this.#retired = true
    this.#events.ended(this)
    callback(new Spent('this connection is over'), null)
  }
}

type HandOver = (callback: (...result: [Error, null] | [null, Socket]) => void) => void

function clientSettings(
  { firstByte, stall }: Pick<CarrierOptions, 'firstByte' | 'stall'>,
  handOver: HandOver,
): Client.Options {
  return {
    // Later, since undici forgets what is given to it while it asks; a microtask, so that nothing comes between.
    connect: (_options, callback) => queueMicrotask(() => handOver(callback)),
    pipelining: 1,
    allowH2: false,
    headersTimeout: firstByte,
    bodyTimeout: stall,
    keepAliveTimeout: never,
    keepAliveMaxTimeout: never,
    maxHeaderSize: headerSection,
  }
}

// Before its first exchange a connection has nobody who reads it, and nothing to say; its end must show all the same.
function refuseStrayBytes(socket: Socket): () => void {
  const stray = (): void => {
    if (socket.read() !== null) socket.destroy()
  }
  const over = (): void => void socket.destroy()
  socket.on('readable', stray).on('end', over)
  return () => void socket.off('readable', stray).off('end', over)
}
