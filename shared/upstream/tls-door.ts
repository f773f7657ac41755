/**
 * A TLS listener that knows who may come in: before a connection is given to HTTP of either version its handshake is over, and its peer is
 * somebody whom the operator named. What it shows and believes is replaced while it listens.
 * RFC 9458 §6.2.2, trust.md 1; RFC 8470 (Node's TLS server never accepts early data, so there is none to refuse).
 */
import { constants } from 'node:crypto'
import type { IncomingMessage, ServerOptions, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { TLSSocket } from 'node:tls'
import { alpn, secureContext, type HttpVersion } from './dial.ts'
import type { Speaker } from './http2-door.ts'
import { sessionOf } from './http2-messages.ts'
import { createPeers, type Peer } from './peers.ts'
import { readByStream } from './read-by-stream.ts'

export type ServeTls = {
  readonly key: string | Buffer
  readonly cert: string | Buffer
  /** Demands a client certificate signed by one of these (the gateway toward its relays). */
  readonly clientCa?: string | Buffer | undefined
  /** Lets in these alone, by the pins of their keys: beside `clientCa`, or instead of it. */
  readonly peers?: readonly Peer[] | undefined
}

export type TlsDoor = {
  readonly server: Server
  /** Whether this request's peer may still come in. */
  admits(incoming: IncomingMessage): boolean
  /** The name of this request's peer, where there are names. */
  nameOf(incoming: IncomingMessage): string | undefined
  /** For connections that begin now, and for requests. Throws, and changes nothing, if it does not fit together. */
  trust(tls: ServeTls): void
}

/** Who is let go before a word was said: a key that nobody named, or no handshake at all. */
export const turnedAway = ['stranger', 'tls-failed'] as const
export type TurnedAway = (typeof turnedAway)[number]

export type TlsDoorOptions = {
  readonly tls: ServeTls
  readonly settings: ServerOptions & { readonly handshakeTimeout: number }
  readonly answer: (incoming: IncomingMessage, outgoing: ServerResponse) => void
  /** What is spoken, in the order of preference; 2 needs `http2`. */
  readonly http: readonly HttpVersion[]
  readonly http2: Speaker | undefined
  readonly turned?: ((why: TurnedAway) => void) | undefined
  readonly now: () => number
}

export function tlsDoor({
  tls,
  settings,
  answer,
  http,
  http2,
  turned = () => undefined,
  now,
}: TlsDoorOptions): TlsDoor {
  const demands = { requestCert: isMutual(tls), rejectUnauthorized: tls.clientCa !== undefined }
  const ALPNProtocols = http.map((version) => alpn[version])
  const server = createServer({ ...settings, ...shown(tls), ...demands, ALPNProtocols }, answer)
  const sockets = new WeakMap<object, TLSSocket>()
  const peers = tls.peers === undefined ? undefined : createPeers(tls.peers, now)
  // Node's own listener begins to parse: it must not see a socket before we have.
  const speak = server.listeners('secureConnection') as ((socket: TLSSocket) => void)[]
  server.removeAllListeners('secureConnection')
  server.on('secureConnection', (socket: TLSSocket) => {
    if (peers !== undefined && peers.nameOf(socket) === undefined) turnAway(socket, 'stranger')
    else if (socket.alpnProtocol === alpn['2']) http2?.take(socket, (session) => sockets.set(session, socket))
    // Whoever chose nothing speaks 1.1, which it need not have been offered.
    else if (!http.includes('1.1')) turnAway(socket, 'tls-failed')
    else {
      for (const listener of speak) listener.call(server, socket)
      readByStream(socket)
    }
  })
  server.on('tlsClientError', (_error, socket) => turnAway(socket, 'tls-failed'))

  function turnAway(socket: TLSSocket, why: TurnedAway): void {
    turned(why)
    socket.destroy()
  }

  function nameOf(incoming: IncomingMessage): string | undefined {
    const session = sessionOf(incoming)
    const socket = session === undefined ? incoming.socket : sockets.get(session)
    return socket instanceof TLSSocket ? peers?.nameOf(socket) : undefined
  }

  return {
    server,
    nameOf,
    admits: (incoming) => peers === undefined || nameOf(incoming) !== undefined,
    trust(next) {
      checkTls(next, now)
      peers?.replace(next.peers ?? [])
      server.setSecureContext(shown(next))
    },
  }
}

/** Refuses `insecure-configuration` a key that is not the certificate's, what is not PEM, and a pin that two peers have. */
export function checkTls(tls: ServeTls, now: () => number): void {
  secureContext(shown(tls))
  createPeers(tls.peers ?? [], now)
}

function isMutual({ clientCa, peers }: Pick<ServeTls, 'clientCa' | 'peers'>): boolean {
  return clientCa !== undefined || peers !== undefined
}

function shown({ key, cert, ...tls }: ServeTls) {
  return {
    key,
    cert,
    ...(tls.clientCa === undefined ? {} : { ca: tls.clientCa }),
    // Whoever is pinned is a counterpart of this house, and it speaks TLS 1.3.
    minVersion: tls.peers === undefined ? 'TLSv1.2' : 'TLSv1.3',
    // A resumed session would skip the certificate, and a ticket would be a mark (feasibility A10, OHTTP-R8).
    ...(isMutual(tls) ? { secureOptions: constants.SSL_OP_NO_TICKET } : {}),
  } as const
}
