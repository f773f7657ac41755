/** To the relay through an undici Pool: nothing on the wire but what is asked for, and no detour through web streams. */
import { Readable } from 'node:stream'
import { Pool } from 'undici'
import type { RelayAnswer, Transport } from './transport.ts'

export type UndiciTransportOptions = {
  readonly relay: URL
  /** PEM of the certificate authority to accept instead of the system's, for relays of one's own. */
  readonly ca?: string
  readonly connections?: number
  /** Milliseconds without a byte after which a connection counts as lost. */
  readonly stall?: number
}

/** An upload is read one piece ahead and no further. */
const oneAhead = { objectMode: false, highWaterMark: 1 }

export function undiciTransport({ relay, ca, connections = 8, stall = 120_000 }: UndiciTransportOptions): Transport {
  const pool = new Pool(relay.origin, {
    connections,
    pipelining: 1,
    allowH2: false,
    headersTimeout: stall,
    bodyTimeout: stall,
    connect: ca === undefined ? {} : { ca },
  })
  return {
    async send({ method, url, fields, body, signal }) {
      const answer = await pool.request({
        method,
        path: url.pathname,
        headers: { ...fields },
        body: body === undefined ? null : body instanceof Uint8Array ? body : Readable.from(body, oneAhead),
        signal,
      })
      return { status: answer.statusCode, field: (name) => fieldOf(answer.headers, name), body: answer.body }
    },
    close: () => pool.destroy(),
  }
}

function fieldOf(
  fields: Record<string, string | string[] | undefined>,
  name: string,
): ReturnType<RelayAnswer['field']> {
  const value = fields[name]
  return Array.isArray(value) ? value.join(', ') : (value ?? null)
}
