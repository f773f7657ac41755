/**
 * One open connection to an upstream that carries several exchanges at a time: HTTP/2 over a socket that was dialled.
 * Over Node's own session, since undici's client begins anew what may have been taken (OHTTP-R7), and has no setting for
 * what is kept of one head to shorten the next.
 * RFC 9113; RFC 7541 §7.1; wire.md "Heads are constants".
 */
import { connect, type ClientHttp2Session, type Settings } from 'node:http2'
import type { Socket } from 'node:net'
import type { Carrier, CarrierEvents, CarrierOptions } from './connection.ts'
import { StreamExchange } from './http2-exchange.ts'
import { Spent, type PoolExchange } from './pool-exchange.ts'

export type StreamsOptions = CarrierOptions & {
  /** exchanges at a time; fewer if the other side says so */
  readonly streams: number
}

const headerSection = 16_384
const windows = { stream: 1 << 18, session: 1 << 22 } as const
/** milliseconds in which the other side must say that it speaks HTTP/2 */
const greeting = 5_000

export class StreamedConnection implements Carrier {
  readonly until: number
  since = Date.now()
  readonly #options: StreamsOptions
  readonly #events: CarrierEvents
  readonly #session: ClientHttp2Session
  readonly #socket: Socket
  #streams = 0
  #running = 0
  #retired = false

  constructor(options: StreamsOptions, events: CarrierEvents) {
    this.until = options.until
    this.#options = options
    this.#events = events
    this.#socket = options.socket
    this.#session = begun(options)
    const late = setTimeout(() => this.#session.destroy(), greeting).unref()
    this.#session.on('remoteSettings', ({ maxConcurrentStreams }: Settings) => {
      clearTimeout(late)
      this.#streams = Math.min(options.streams, maxConcurrentStreams ?? Infinity)
      if (this.hasRoom) events.room(this)
    })
    // RFC 9113 §6.8: what it has taken it will answer, and it takes nothing more.
    this.#session.on('goaway', () => {
      this.#over()
    })
    this.#session.on('close', () => {
      clearTimeout(late)
      this.#socket.destroy()
      this.#over()
    })
  }

  get idle(): boolean {
    return this.#running === 0
  }

  get hasRoom(): boolean {
    return this.#running < this.#streams && !this.#retired && !this.#session.closed && !this.#session.destroyed
  }

  run(exchange: PoolExchange): void {
    this.#running++
    const release = (): void => this.#release()
    try {
      new StreamExchange(this.#session, exchange, this.#options, release).begin()
    } catch (cause) {
      queueMicrotask(() => {
        release()
        exchange.onResponseError(null, new Spent('this connection is over', { cause }))
      })
    }
  }

  /** Takes nothing more, and closes when what it carries has ended. */
  retire(): void {
    this.#retired = true
    if (this.idle) this.#session.close()
  }

  destroy(): Promise<void> {
    this.#session.destroy()
    this.#socket.destroy()
    return Promise.resolve()
  }

  #release(): void {
    this.#running--
    this.since = Date.now()
    if (this.#retired) this.retire()
    else if (this.hasRoom) this.#events.room(this)
  }

  #over(): void {
    this.#retired = true
    this.#events.ended(this)
  }
}

function begun({ origin, socket }: StreamsOptions): ClientHttp2Session {
  const session = connect(origin, {
    createConnection: () => socket,
    // Nothing of one head is kept to shorten the next, in either direction: its length would tell of the one before.
    maxDeflateDynamicTableSize: 0,
    settings: {
      headerTableSize: 0,
      enablePush: false,
      maxHeaderListSize: headerSection,
      initialWindowSize: windows.stream,
    },
  })
  session.once('connect', () => session.setLocalWindowSize(windows.session))
  // Its end is told by its close; an error without a listener would take the process with it.
  session.on('error', () => undefined)
  return session
}
