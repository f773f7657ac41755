/** To the relay through an undici Pool: nothing on the wire but what is asked for, and no detour through web streams. */
import { Readable } from 'node:stream'
import { Pool, type Dispatcher } from 'undici'
import { places } from './places.ts'
import type { RelayAnswer, RelayRequest, Transport } from './transport.ts'

export type UndiciTransportOptions = {
  readonly relay: URL
  /** PEM of the certificate authority to accept instead of the system's, for relays of one's own. */
  readonly ca?: string
  /** At most so many at once; each is opened when it is needed and closed when it has been idle for some seconds. */
  readonly connections?: number
  /** Milliseconds that a request waits for one of them to come free. */
  readonly patience?: number
  /** Milliseconds without a byte after which a connection counts as lost. */
  readonly stall?: number
}

/** An upload is read one piece ahead and no further. */
const oneAhead = { objectMode: false, highWaterMark: 1 }

export function undiciTransport(options: UndiciTransportOptions): Transport {
  const { relay, ca, connections = 128, patience = 10_000, stall = 120_000 } = options
  // Undici's own queue is silent and without end: a stream behind streams would wait until one of them is over.
  const free = places(connections, patience)
  const pool = new Pool(relay.origin, {
    connections,
    pipelining: 1,
    allowH2: false,
    headersTimeout: stall,
    bodyTimeout: stall,
    connect: ca === undefined ? {} : { ca },
  })
  return {
    async send(request) {
      const leave = await free.take(request.signal)
      try {
        const answer = await pool.request(requestOf(request))
        answer.body.once('close', leave)
        return { status: answer.statusCode, field: (name) => fieldOf(answer.headers, name), body: answer.body }
      } catch (cause) {
        leave()
        throw cause
      }
    },
    close: () => pool.destroy(),
  }
}

function requestOf({ method, url, fields, body, signal }: RelayRequest): Dispatcher.RequestOptions {
  const upload = body === undefined ? null : body instanceof Uint8Array ? body : Readable.from(body, oneAhead)
  return { method, path: url.pathname, headers: { ...fields }, body: upload, signal }
}

function fieldOf(
  fields: Record<string, string | string[] | undefined>,
  name: string,
): ReturnType<RelayAnswer['field']> {
  const value = fields[name]
  return Array.isArray(value) ? value.join(', ') : (value ?? null)
}
